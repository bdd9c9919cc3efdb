"""The producers' way out: batches of records that Kafka has acknowledged when the call returns."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Protocol

from infra.kafka import Outgoing, admin, no_answer, produce_all, producer
from schemas.errors import InputError

if TYPE_CHECKING:
    from infra.settings import Settings

_TIMEOUT_S = 10.0


class Out(Protocol):
    """Where records go. A test may put a list here."""

    def send(self, records: Iterable[Outgoing]) -> int:
        """Hand over the records and return how many were taken: all of them, for good."""


class KafkaOut:
    """An idempotent producer; every `send` is acknowledged by all replicas before it returns."""

    def __init__(self, settings: Settings, linger_ms: int = 5, timeout_s: float = 60.0) -> None:
        self._producer = producer(settings, linger_ms=linger_ms)
        self._timeout_s = timeout_s

    def send(self, records: Iterable[Outgoing]) -> int:
        """Produce in order and wait for every acknowledgement.

        Raises:
            ServiceUnavailable: Kafka did not take all of them; the same records may be sent again.
        """
        return produce_all(self._producer, records, self._timeout_s)


def cluster_id(settings: Settings, needed: Sequence[str]) -> str:
    """The cluster's own name, once it answers and has the topics.

    Raises:
        ServiceUnavailable: no broker answers.
        InputError: a topic is not there.
    """
    from confluent_kafka import KafkaException

    try:
        metadata = admin(settings).list_topics(timeout=_TIMEOUT_S)
    except KafkaException as error:
        raise no_answer(settings, error) from error
    missing = [topic for topic in needed if topic not in metadata.topics]
    if missing:
        raise InputError(f"Kafka has no topic {', '.join(missing)}: make them with `gridcast up`")
    return str(metadata.cluster_id)
