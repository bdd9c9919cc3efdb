"""A restore says which groups Kafka did not place, and places the others."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future
from typing import Any

import pytest
from confluent_kafka import ConsumerGroupTopicPartitions, KafkaError, KafkaException, TopicPartition

from cli.backup import positions
from infra.settings import Settings
from schemas.errors import GridcastError

GROUPS: Mapping[str, Mapping[str, Mapping[int, int]]] = {
    "a": {"t": {0: 5}}, "busy": {"t": {0: 1, 1: 2}}, "gone": {"t": {0: 3}}, "z": {"t": {0: 9}}, "none": {},
}  # fmt: skip


class Place:
    """A partition as an answer tells it: with an error of its own."""

    def __init__(self, code: int | None) -> None:
        self.error = None if code is None else KafkaError(code)


class Broker:
    """An admin client: the group `busy` is refused by partition, `gone` as a whole."""

    def __init__(self) -> None:
        self.placed: dict[str, list[TopicPartition]] = {}

    def alter_consumer_group_offsets(self, asked: list[ConsumerGroupTopicPartitions]) -> dict[str, Any]:
        (one,) = asked
        answer: Future[Any] = Future()
        if one.group_id == "gone":
            answer.set_exception(KafkaException(KafkaError(KafkaError.GROUP_AUTHORIZATION_FAILED)))
        else:
            code = KafkaError.UNKNOWN_MEMBER_ID if one.group_id == "busy" else None
            answer.set_result(type("Answer", (), {"topic_partitions": [Place(None), Place(code)]}))
            self.placed[one.group_id] = one.topic_partitions
        return {one.group_id: answer}


def test_what_cannot_be_placed_is_said_after_all_others_were(monkeypatch: pytest.MonkeyPatch) -> None:
    broker = Broker()
    monkeypatch.setattr(positions, "admin", lambda _settings: broker)
    with pytest.raises(GridcastError, match=r"--group busy --group gone$") as told:
        positions.put_back(Settings(), GROUPS)
    assert "a (" not in str(told.value) and "z (" not in str(told.value)
    assert {"a", "z"} <= set(broker.placed)


def test_nothing_is_said_where_all_were_placed(monkeypatch: pytest.MonkeyPatch) -> None:
    broker = Broker()
    monkeypatch.setattr(positions, "admin", lambda _settings: broker)
    positions.put_back(Settings(), {name: one for name, one in GROUPS.items() if name in ("a", "z")})
    assert [(one.topic, one.partition, one.offset) for one in broker.placed["z"]] == [("t", 0, 9)]
