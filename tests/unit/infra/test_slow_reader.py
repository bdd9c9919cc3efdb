"""A caller that takes long over what it was given is not taken for a silent Kafka."""

import time
from dataclasses import dataclass
from typing import Any

import pytest

from infra import topic_reader
from schemas.errors import ServiceUnavailable


@dataclass(frozen=True)
class Message:
    place: int

    def partition(self) -> int:
        return 0

    def offset(self) -> int:
        return self.place

    def error(self) -> None:
        return None


class Reader:
    """Gives what it has, one list a call, then nothing."""

    def __init__(self, *lists: list[Message]) -> None:
        self.lists = list(lists)

    def consume(self, _most: int, timeout: float) -> list[Message]:
        if self.lists:
            return self.lists.pop(0)
        time.sleep(min(timeout, 0.05))
        return []


def test_time_that_the_caller_takes_is_no_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(topic_reader, "_TIMEOUT_S", 0.1)
    reader: Any = Reader([Message(0)], [], [Message(1)])
    got = []
    for messages in topic_reader._until(reader, {0: 2}, 1):
        time.sleep(0.2)
        got += [message.offset() for message in messages]
    assert got == [0, 1]


def test_a_kafka_that_sends_nothing_is_an_outage(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(topic_reader, "_TIMEOUT_S", 0.1)
    reader: Any = Reader([Message(0)])
    with pytest.raises(ServiceUnavailable, match="sent nothing"):
        list(topic_reader._until(reader, {0: 2}, 1))
