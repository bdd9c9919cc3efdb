"""Reading a topic once from here to there, outside any group: what commands and restores do."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from infra.kafka import consumer, no_answer
from infra.topics import TOPICS
from schemas.errors import DecodeError, InputError, LogTruncated, ServiceUnavailable

if TYPE_CHECKING:
    from confluent_kafka import Consumer, Message, TopicPartition

    from infra.settings import Settings
    from schemas.codec import Codec

Record = Mapping[str, Any]

_TIMEOUT_S = 10.0
#: `consume` waits this long for a full batch even where the end has been reached.
_GATHER_S = 0.05
_NO_LEADER_YET = (
    "NOT_LEADER_FOR_PARTITION", "LEADER_NOT_AVAILABLE", "UNKNOWN_TOPIC_OR_PART", "_UNKNOWN_PARTITION",
)  # fmt: skip


@dataclass(frozen=True)
class Span:
    """The offsets of one partition: `[first, end)`."""

    first: int
    end: int


def spans(
    settings: Settings, topic: str, reader: Consumer | None = None, only: Collection[int] | None = None
) -> dict[int, Span]:
    """What the log holds of each partition of `topic` now, or of `only` some; each costs a question.

    Raises `InputError` for an unknown topic.
    """
    from confluent_kafka import KafkaException, TopicPartition

    own = reader or consumer(settings, None)
    try:
        found = own.list_topics(topic, timeout=_TIMEOUT_S).topics[topic]
        if found.error is not None or not found.partitions:
            ours = any(topic == one.name for one in TOPICS)
            way_on = "make it with `gridcast up`" if ours else "a replay's topics end with its name"
            raise InputError(f"there is no topic {topic}: {way_on}")
        held = {
            partition: _watermarks(own, TopicPartition(topic, partition))
            for partition in sorted(found.partitions)
            if only is None or partition in only
        }
    except KafkaException as error:
        raise no_answer(settings, error) from error
    finally:
        if reader is None:
            own.close()
    return {partition: Span(*offsets) for partition, offsets in held.items()}


def _watermarks(reader: Consumer, partition: TopicPartition) -> tuple[int, int]:
    """First and end offset of a partition; waits for its leader where the topic was only just made."""
    from confluent_kafka import KafkaException

    deadline = time.monotonic() + _TIMEOUT_S
    while True:
        try:
            return reader.get_watermark_offsets(partition, timeout=_TIMEOUT_S)
        except KafkaException as error:
            if error.args[0].name() not in _NO_LEADER_YET or time.monotonic() >= deadline:
                raise
            time.sleep(0.1)


def read(
    settings: Settings,
    topic: str,
    start: Mapping[int, int] | None = None,
    end: Mapping[int, int] | None = None,
    batch: int = 5000,
) -> Iterator[list[Message]]:
    """Lists of messages of `topic`, each partition in order, until where the log ended at the call.

    `start`: first offset by partition (a partition not named is not read), default all from their first.
    `end`: offset to stop before, by partition, default the log's end now. Raises `LogTruncated` when `start`
    lies before what the log still holds.
    """
    from confluent_kafka import TopicPartition

    reader = consumer(settings, None, enable_partition_eof=True)
    try:
        held = spans(settings, topic, reader, start)
        wanted = {p: _bounds(topic, p, held[p], start, end) for p in (start if start is not None else held)}
        open_ends = {p: span.end for p, span in wanted.items() if span.first < span.end}
        reader.assign([TopicPartition(topic, p, wanted[p].first) for p in open_ends])
        yield from _until(reader, open_ends, batch)
    finally:
        reader.close()


def _bounds(
    topic: str, partition: int, held: Span, start: Mapping[int, int] | None, end: Mapping[int, int] | None
) -> Span:
    first = held.first if start is None else start[partition]
    if first < held.first:
        raise LogTruncated(topic, partition, held.first - first)
    return Span(first, min(held.end, end.get(partition, held.end) if end is not None else held.end))


def _until(reader: Consumer, open_ends: dict[int, int], batch: int) -> Iterator[list[Message]]:
    quiet_since = time.monotonic()
    while open_ends:
        messages = reader.consume(batch, timeout=_GATHER_S)
        if messages:
            quiet_since = time.monotonic()
        records = [message for message in messages if _belongs(message, open_ends)]
        if records:
            yield records
            quiet_since = time.monotonic()  # what the caller took is not Kafka's silence
        if time.monotonic() - quiet_since > _TIMEOUT_S:
            raise ServiceUnavailable(f"Kafka has sent nothing for {_TIMEOUT_S:.0f} s")


def _belongs(message: Any, open_ends: dict[int, int]) -> bool:
    """Whether the message lies before its partition's end; notes which partitions have come to theirs."""
    from confluent_kafka import KafkaError

    partition = message.partition()
    error = message.error()
    if error is not None:
        if error.code() != KafkaError._PARTITION_EOF:
            raise ServiceUnavailable(f"Kafka stopped in the middle of reading: {error.str()}")
        open_ends.pop(partition, None)  # compaction may have eaten the last offsets
        return False
    end = open_ends.get(partition, 0)
    if message.offset() + 1 >= end:
        open_ends.pop(partition, None)
    return bool(message.offset() < end)


def read_newest(settings: Settings, topic: str) -> dict[bytes, Message]:
    """The newest message of each key of a (compacted) topic; a tombstone removes its key."""
    newest: dict[bytes, Message] = {}
    for messages in read(settings, topic):
        for message in messages:
            key = message.key() or b""
            if message.value() is None:
                newest.pop(key, None)
            else:
                newest[key] = message
    return newest


def offsets_at(settings: Settings, topic: str, time_ms: int) -> dict[int, int]:
    """By partition the first offset whose log-append time is `time_ms` or later (the end when none is)."""
    from confluent_kafka import KafkaException, TopicPartition

    reader = consumer(settings, None)
    try:
        held = spans(settings, topic, reader)
        asked = [TopicPartition(topic, partition, time_ms) for partition in held]
        found = reader.offsets_for_times(asked, timeout=_TIMEOUT_S)
    except KafkaException as error:
        raise ServiceUnavailable(f"Kafka does not find times in {topic}: {error.args[0].str()}") from error
    finally:
        reader.close()
    return {one.partition: one.offset if one.offset >= 0 else held[one.partition].end for one in found}


def newest_records(
    settings: Settings, codec: Codec, topic: str, name: str, sound: Callable[[Record], bool] = lambda _: True
) -> dict[bytes, Record]:
    """The newest record `name` of each key of a compacted topic.

    What cannot be read, is another record or is not `sound` stands on such a topic for ever. It is passed
    over here as by the worker, which has put it on `records.rejected`.
    """
    newest: dict[bytes, Record] = {}
    for messages in read(settings, topic):
        for message in messages:
            key = message.key() or b""
            if message.value() is None:
                newest.pop(key, None)
                continue
            decoded = codec.decode_many([message.value()])[0]
            if not isinstance(decoded, DecodeError) and decoded[0] == name and sound(decoded[1]):
                newest[key] = decoded[1]
    return newest
