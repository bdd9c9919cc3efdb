"""What the log holds of partitions, asked for all of them at once.

A consumer that fetches answers such a question only after its fetch, half a second later for every partition.
"""

from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from confluent_kafka import KafkaException, TopicPartition
from confluent_kafka.admin import OffsetSpec

from infra.kafka import await_admin
from schemas.errors import ServiceUnavailable

if TYPE_CHECKING:
    from confluent_kafka.admin import AdminClient

Place = tuple[str, int]

_ANSWER_S: Final = 10.0


def log_bounds(client: "AdminClient", places: Sequence[Place]) -> dict[Place, tuple[int, int]]:
    """The first offset and the end of each partition. Raises `ServiceUnavailable`."""
    first = _offsets(client, places, OffsetSpec.earliest())  # type: ignore[no-untyped-call]  # as is their stub
    end = _offsets(client, places, OffsetSpec.latest())  # type: ignore[no-untyped-call]
    return {place: (first[place], end[place]) for place in places}


def _offsets(client: "AdminClient", places: Sequence[Place], wanted: OffsetSpec) -> dict[Place, int]:
    asked = {TopicPartition(*place): wanted for place in places}
    try:
        futures = client.list_offsets(asked, request_timeout=_ANSWER_S)
        return {
            (one.topic, one.partition): await_admin(future, "offsets", _ANSWER_S).offset
            for one, future in futures.items()
        }
    except KafkaException as error:
        _look_again(client)
        raise ServiceUnavailable(f"Kafka does not answer: {error.args[0].str()}") from error


def _look_again(client: "AdminClient") -> None:
    """Forget who led the partitions: librdkafka asks by what it knew for up to 15 minutes, and a broker that
    was started again refuses each such question (an older leader epoch).
    """
    with suppress(KafkaException):
        client.list_topics(timeout=_ANSWER_S)
