"""How lag is asked for while a broker is not ready to say it."""

from __future__ import annotations

from concurrent.futures import Future
from typing import Any

import pytest
from confluent_kafka import ConsumerGroupTopicPartitions, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import ListConsumerGroupsResult

from consumers import lag


class Coordinator:
    """An admin client whose broker first answers with `errors`, one a question."""

    def __init__(self, *errors: int) -> None:
        self.errors = list(errors)

    def list_consumer_group_offsets(self, asked: list[Any], **_: Any) -> dict[str, Future[Any]]:
        answer: Future[Any] = Future()
        if self.errors:
            answer.set_exception(KafkaException(KafkaError(self.errors.pop(0))))
        else:
            answer.set_result(
                ConsumerGroupTopicPartitions(asked[0].group_id, [TopicPartition("journal", 2, 7)])
            )
        return {asked[0].group_id: answer}

    def list_consumer_groups(self, **_: Any) -> Future[Any]:
        answer: Future[Any] = Future()
        refused = KafkaException(KafkaError(KafkaError.GROUP_AUTHORIZATION_FAILED))
        answer.set_result(ListConsumerGroupsResult(valid=[], errors=[refused]))
        return answer


def test_groups_that_a_broker_did_not_tell_are_not_taken_for_none() -> None:
    client: Any = Coordinator()
    with pytest.raises(KafkaException):
        lag._committed(client, {"gridcast-worker": ("journal",)})


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tenacity.nap.time.sleep", lambda _s: None)


def test_a_coordinator_that_still_loads_is_asked_again() -> None:
    client: Any = Coordinator(KafkaError.COORDINATOR_LOAD_IN_PROGRESS, KafkaError.COORDINATOR_NOT_AVAILABLE)
    assert lag._committed_by(client, "gridcast-worker") == {("journal", 2): 7}


def test_a_refusal_is_told_at_once() -> None:
    client: Any = Coordinator(KafkaError.GROUP_AUTHORIZATION_FAILED)
    with pytest.raises(KafkaException):
        lag._committed_by(client, "gridcast-worker")
    assert client.errors == []
