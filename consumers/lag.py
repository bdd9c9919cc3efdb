"""How far each group is behind in each partition: in records, and in seconds of `known_at`.

Seconds are the `known_at` of the newest record minus that of the last committed one: how old what a group
has done is, by the clock of the data, so that a folder played at any speed has a meaningful lag too.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from confluent_kafka import ConsumerGroupTopicPartitions, KafkaError, KafkaException, TopicPartition
from tenacity import retry, retry_if_exception, stop_after_delay, wait_fixed

from infra.kafka import admin, await_admin, consumer, wait_for_kafka
from infra.topic_reader import Span
from schemas.codec import Codec
from schemas.errors import DecodeError, ServiceUnavailable

if TYPE_CHECKING:
    from confluent_kafka import Consumer, Message
    from confluent_kafka.admin import AdminClient

    from infra.settings import Settings

_ANSWER_S: Final = 10.0
#: A record that cannot be read, or that compaction took, is stood in for by one of so many before it.
_LOOK_BACK: Final = 16
NOTHING_COMMITTED: Final = -1
#: A broker that has only just started, or taken a group over, says so for a moment.
_NOT_YET: Final = frozenset(
    {
        KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
        KafkaError.COORDINATOR_NOT_AVAILABLE,
        KafkaError.NOT_COORDINATOR,
    }
)

Place = tuple[str, int]


class Stamp(NamedTuple):
    """When a record was known, or, where it does not say, when the log took it."""

    of_record: bool
    time_ms: int


@dataclass(frozen=True)
class Lag:
    """One group in one partition.

    `committed`: the next record to read, -1 where the group never committed (then all the log holds is
    waiting). `lost`: records that the log let go before the group read them. `seconds` None: not known.
    """

    topic: str
    partition: int
    group: str
    committed: int
    end: int
    records: int
    lost: int
    seconds: float | None


def lags(settings: Settings, codec: Codec, groups: Mapping[str, Sequence[str]]) -> list[Lag]:
    """Every partition of the topics that each of `groups` reads, and of what any other group has committed.

    Raises `ServiceUnavailable` where Kafka does not answer.
    """
    wait_for_kafka(settings, _ANSWER_S)
    client = consumer(settings, None, enable_partition_eof=True)
    try:
        committed = _committed(admin(settings), groups)
        held = _held(client, committed, groups)
        everything = dict.fromkeys(held, NOTHING_COMMITTED)
        ends = _stamps(client, codec, {place: span.end for place, span in held.items()}, held)
        made: list[Lag] = []
        for group in sorted(committed):
            own = {p: o for p, o in everything.items() if p[0] in groups.get(group, ())} | committed[group]
            made += _of_group(client, codec, group, {p: o for p, o in own.items() if p in held}, held, ends)
        return made
    except KafkaException as error:
        raise ServiceUnavailable(f"Kafka does not say where groups are: {error.args[0].str()}") from error
    finally:
        client.close()


class Position(NamedTuple):
    """Where a group is in a partition, and where its records end."""

    committed: int
    end: int


def positions(
    settings: Settings, groups: Mapping[str, Sequence[str]]
) -> dict[tuple[str, str, int], Position]:
    """By group, topic and partition: where each of `groups` is in the topics that it reads. A group that
    never committed is at the first record that the log holds.

    Raises `ServiceUnavailable` where Kafka does not answer.
    """
    client = consumer(settings, None)
    try:
        asking = admin(settings)
        committed = {group: _committed_by(asking, group) for group in groups}
        held = _held(client, {}, groups)
        return {
            (group, *place): Position(max(committed[group].get(place, 0), span.first), span.end)
            for group, topics in groups.items()
            for place, span in held.items()
            if place[0] in topics
        }
    except KafkaException as error:
        raise ServiceUnavailable(f"Kafka does not say where groups are: {error.args[0].str()}") from error
    finally:
        client.close()


def waiting(settings: Settings, groups: Mapping[str, Sequence[str]]) -> dict[tuple[str, str], int]:
    """Records that wait, by group and topic: the quick part of `lags`, for a look every second.

    Where a group is at the end of all that it reads, everything that others had sent by then was read.

    Raises `ServiceUnavailable` where Kafka does not answer.
    """
    client, made = consumer(settings, None), {}
    try:
        committed = {group: _committed_by(admin(settings), group) for group in groups}
        held = _held(client, committed, groups)
        for group, topics in groups.items():
            for topic in topics:
                spans = {place: span for place, span in held.items() if place[0] == topic}
                starts = {p: max(committed[group].get(p, 0), span.first) for p, span in spans.items()}
                made[group, topic] = sum(max(span.end - starts[p], 0) for p, span in spans.items())
        return made
    except KafkaException as error:
        raise ServiceUnavailable(f"Kafka does not say where groups are: {error.args[0].str()}") from error
    finally:
        client.close()


def _committed(client: AdminClient, groups: Mapping[str, Sequence[str]]) -> dict[str, dict[Place, int]]:
    found = await_admin(client.list_consumer_groups(request_timeout=_ANSWER_S), "list groups", _ANSWER_S)
    for error in found.errors:  # a broker that has not told its groups: they would seem not to be there
        raise error
    names = {*groups, *(one.group_id for one in found.valid)}
    return {name: _committed_by(client, name) for name in sorted(names)}


def committed_by_group(settings: Settings) -> dict[str, dict[Place, int]]:
    """What every group has committed, by topic and partition.

    Raises `ServiceUnavailable` where Kafka does not answer.
    """
    try:
        return _committed(admin(settings), {})
    except KafkaException as error:
        raise ServiceUnavailable(f"Kafka does not say where groups are: {error.args[0].str()}") from error


def _passes(error: BaseException) -> bool:
    return isinstance(error, KafkaException) and error.args[0].code() in _NOT_YET


@retry(
    retry=retry_if_exception(_passes), stop=stop_after_delay(_ANSWER_S), wait=wait_fixed(0.2), reraise=True
)
def _committed_by(client: AdminClient, group: str) -> dict[Place, int]:
    asked = client.list_consumer_group_offsets(
        [ConsumerGroupTopicPartitions(group)], request_timeout=_ANSWER_S
    )
    found = await_admin(asked[group], f"offsets of {group}", _ANSWER_S)
    return {(one.topic, one.partition): one.offset for one in found.topic_partitions if one.offset >= 0}


def _held(
    client: Consumer, committed: Mapping[str, Mapping[Place, int]], groups: Mapping[str, Sequence[str]]
) -> dict[Place, Span]:
    """What the log holds of every partition that somebody reads and that is still there."""
    wanted = {topic for topics in groups.values() for topic in topics}
    wanted |= {topic for places in committed.values() for topic, _ in places}
    there = client.list_topics(timeout=_ANSWER_S).topics
    places = [(topic, number) for topic in sorted(wanted & set(there)) for number in there[topic].partitions]
    return {
        place: Span(*client.get_watermark_offsets(TopicPartition(*place), timeout=_ANSWER_S))
        for place in sorted(places)
    }


def _of_group(
    client: Consumer,
    codec: Codec,
    group: str,
    committed: Mapping[Place, int],
    held: Mapping[Place, Span],
    ends: Mapping[Place, Stamp],
) -> Iterator[Lag]:
    behind = {place: at for place, at in committed.items() if at < held[place].end}
    # Where nothing of what the log holds was committed, its first record stands for the last committed one.
    looked_at = {place: max(at, held[place].first + 1) for place, at in behind.items()}
    stamps = _stamps(client, codec, looked_at, held)
    for place, at in sorted(committed.items()):
        span = held[place]
        waiting = max(span.end - max(at, span.first), 0)
        lost = max(span.first - at, 0) if at != NOTHING_COMMITTED else 0
        seconds = _seconds(ends.get(place), stamps.get(place)) if waiting else 0.0
        yield Lag(*place, group, at, span.end, waiting, lost, seconds)


def _seconds(newest: Stamp | None, done: Stamp | None) -> float | None:
    if newest is None or done is None or newest.of_record != done.of_record:
        return None
    return max(newest.time_ms - done.time_ms, 0) / 1000


def _stamps(
    client: Consumer, codec: Codec, before: Mapping[Place, int], held: Mapping[Place, Span]
) -> dict[Place, Stamp]:
    """The stamp of the last record before an offset, by partition; a partition without one is left out."""
    starts = {place: max(at - _LOOK_BACK, held[place].first) for place, at in before.items()}
    waiting = {place for place, start in starts.items() if start < before[place]}
    client.assign([TopicPartition(*place, starts[place]) for place in sorted(waiting)])
    found: dict[Place, Stamp] = {}
    deadline = time.monotonic() + _ANSWER_S
    while waiting:
        message = client.poll(0.5)
        if message is None:
            if time.monotonic() > deadline:
                raise ServiceUnavailable(f"Kafka has sent nothing of {sorted(waiting)[0]}")
            continue
        place = (str(message.topic()), int(message.partition() or 0))
        if message.error() is not None:
            _look_at(message)
            waiting.discard(place)
        if message.error() is not None or place not in before:
            continue
        offset = int(message.offset() or 0)
        if offset < before[place]:
            stamp = _stamp(codec, message)
            found.update({place: stamp} if stamp else {})
        if offset + 1 >= before[place]:
            waiting.discard(place)
    client.unassign()
    return found


def _look_at(message: Message) -> None:
    """A partition that ends here has no stamp, nor has one that may be described but not read."""
    error: Any = message.error()
    if error.code() not in (KafkaError._PARTITION_EOF, KafkaError.TOPIC_AUTHORIZATION_FAILED):
        raise ServiceUnavailable(f"Kafka stopped in the middle of reading: {error.str()}")


def _stamp(codec: Codec, message: Message) -> Stamp | None:
    payload = message.value()
    if payload is None:
        return None
    try:
        _, record = codec.decode(payload)
    except DecodeError:
        return None
    known_at_ms = record.get("known_at")
    return Stamp(True, known_at_ms) if known_at_ms is not None else Stamp(False, message.timestamp()[1])
