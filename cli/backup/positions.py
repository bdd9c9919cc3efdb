"""From where on a backup must hold each topic, so that whoever reads it goes on where it stood."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from confluent_kafka import ConsumerGroupTopicPartitions, KafkaException, TopicPartition

from consumers.intake import TOPICS as SINK_TOPICS
from consumers.lag import committed_by_group
from infra.kafka import admin, await_admin
from infra.topic_reader import read, spans
from infra.topics import ALERTS, ALERTS_DEAD, CHECKPOINTS, JOURNAL, WEATHER_OBSERVATIONS, WEATHER_RUNS
from schemas.codec import Codec
from schemas.errors import GridcastError, ServiceUnavailable
from streams.checkpoints import MARKER_KEY, OWNER, TAKEN_AT, read_state

if TYPE_CHECKING:
    from confluent_kafka import Message
    from confluent_kafka.admin import AdminClient
    from psycopg2.extensions import cursor as Cursor

    from infra.settings import Settings

Groups = dict[str, dict[str, dict[int, int]]]
_ANSWER_S: Final = 30.0
_AT_ONCE: Final = 200


def group_positions(settings: Settings) -> Groups:
    """What every group of this Kafka has committed, by topic and partition."""
    made: Groups = {}
    for group, places in committed_by_group(settings).items():
        for (topic, partition), offset in places.items():
            made.setdefault(group, {}).setdefault(topic, {})[partition] = offset
    return made


def put_back(settings: Settings, groups: Mapping[str, Mapping[str, Mapping[int, int]]]) -> None:
    """Let groups that nobody is in stand where these say.

    Raises `GridcastError` that names those which Kafka did not place, after all others were placed.
    """
    client = admin(settings)
    refused = {group: why for group, topics in groups.items() if (why := _place(client, group, topics))}
    if refused:
        told = "; ".join(f"{group} ({why})" for group, why in sorted(refused.items()))
        again = " ".join(f"--group {group}" for group in sorted(refused))
        raise GridcastError(
            f"everything is back but where these groups stood: {told}. Stop whoever is in them, then call"
            f" restore once more with {again}"
        )


def _place(client: AdminClient, group: str, topics: Mapping[str, Mapping[int, int]]) -> str:
    """Why Kafka did not place a group, or part of it; empty where it did."""
    places = [TopicPartition(t, p, offset) for t, one in topics.items() for p, offset in one.items()]
    if not places:
        return ""
    try:
        asked = client.alter_consumer_group_offsets([ConsumerGroupTopicPartitions(group, places)])
        placed = await_admin(asked[group], f"place the group {group}", _ANSWER_S).topic_partitions
    except KafkaException as error:
        return str(error.args[0].str())
    except ServiceUnavailable as error:
        return str(error)
    # An answer as a whole may be good and say of each partition that it is refused.
    return ", ".join(sorted({one.error.str() for one in placed if one.error is not None}))


def table_positions(cursor: Cursor) -> dict[str, dict[int, int]]:
    """Where the sink and the alerter go on by PostgreSQL; of a topic that both read the earlier place."""
    found: dict[str, dict[int, int]] = {}
    cursor.execute("select topic, partition, next_offset from sink_offsets")
    for topic, partition, offset in cursor.fetchall():
        found.setdefault(topic, {})[partition] = offset
    cursor.execute("select topic, partition, next_offset from alert_offsets")
    for topic, partition, offset in cursor.fetchall():
        one = found.setdefault(topic, {})
        one[partition] = min(offset, one.get(partition, offset))
    return found


def starts(
    settings: Settings, codec: Codec, groups: Groups, stored: Mapping[str, Mapping[int, int]], topic: str
) -> dict[int, int] | None:
    """The first record of each partition of a topic that somebody has still to read; None: all of them."""
    if topic in (ALERTS, ALERTS_DEAD, WEATHER_OBSERVATIONS):
        return None  # the alerter looks there for what it has told; what was observed stands nowhere else
    held = spans(settings, topic)
    found = {partition: span.end for partition, span in held.items()}
    worker = groups.get(settings.worker_group, {})
    if topic in (JOURNAL, WEATHER_RUNS):
        _lower(found, {partition: worker.get(topic, {}).get(partition, 0) for partition in held})
    if topic in SINK_TOPICS:
        _lower(found, {partition: stored.get(topic, {}).get(partition, 0) for partition in held})
    elif topic in stored:
        _lower(found, stored[topic])
    if topic == JOURNAL:
        _lower(found, {partition: _restored_from(settings, codec, partition) for partition in held})
    return found


def _lower(found: dict[int, int], others: Mapping[int, int]) -> None:
    for partition, offset in others.items():
        found[partition] = min(found.get(partition, offset), offset)


def _restored_from(settings: Settings, codec: Codec, partition: int) -> int:
    """The journal offset from which on a worker that takes the partition over reads it."""
    marker: Message | None = None
    owners: list[tuple[int, bytes]] = []
    for message in _states(settings, partition, 0):
        if (message.key() or b"").startswith(MARKER_KEY):
            marker = message
        else:
            owners.append((message.offset() or 0, _headers(message).get(OWNER, b"")))
    if marker is None:
        return 0
    owner, taken_at = _headers(marker).get(OWNER, b""), int(_headers(marker).get(TAKEN_AT, b"0"))
    start = int(read_state(codec, marker)[1]["journal_offset"])
    foreign = {offset for offset, by in owners if offset >= taken_at and by != owner}
    for message in _states(settings, partition, min(foreign)) if foreign else ():
        if message.offset() in foreign:
            start = min(start, int(read_state(codec, message)[1]["journal_offset"]))
    return start + 1


def _states(settings: Settings, partition: int, least: int) -> Iterator[Message]:
    first = max(least, spans(settings, CHECKPOINTS, only={partition})[partition].first)
    for messages in read(settings, CHECKPOINTS, {partition: first}, batch=_AT_ONCE):
        yield from (message for message in messages if message.value() is not None)


def _headers(message: Message) -> dict[str, Any]:
    return dict(message.headers() or ())
