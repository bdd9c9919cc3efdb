"""What the sink asks Kafka when it is placed, after a broker was started again."""

from __future__ import annotations

from concurrent.futures import Future
from types import SimpleNamespace
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException, TopicPartition

from consumers.bounds import log_bounds
from schemas.errors import ServiceUnavailable

PLACE = ("power.scores", 2)


class RememberingAdmin:
    """Asks with the leader that it remembers, as librdkafka's does until it looks again."""

    def __init__(self) -> None:
        self.remembers = "the broker before"

    def list_offsets(self, asked: dict[TopicPartition, Any], **_: float) -> dict[Any, Any]:
        future: Future[Any] = Future()
        if self.remembers == "the broker before":
            future.set_exception(KafkaException(KafkaError(KafkaError.FENCED_LEADER_EPOCH)))
        else:
            future.set_result(SimpleNamespace(offset=7))
        return dict.fromkeys(asked, future)

    def list_topics(self, **_: float) -> None:
        self.remembers = "the broker of now"


def test_a_broker_that_was_started_again_is_looked_for_before_the_next_try() -> None:
    admin = RememberingAdmin()
    with pytest.raises(ServiceUnavailable, match="does not answer"):
        log_bounds(admin, [PLACE])  # type: ignore[arg-type]
    assert log_bounds(admin, [PLACE]) == {PLACE: (7, 7)}  # type: ignore[arg-type]
