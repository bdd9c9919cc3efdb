"""Topics as Parquet files, one a partition, and back: at the offsets that they had.

Offsets are part of the truth: the sink's rows, a worker's states and every subscriber's group name them. So a
partition that is restored does not begin at 0. What lies below the backup is filled with empty records, which
are then deleted from the log's beginning, and every record gets its own offset again. Compacted topics are
read from their beginning, so theirs may be new.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
import pyarrow.parquet as pq
from confluent_kafka import KafkaException, TopicPartition
from confluent_kafka.admin import ConfigResource, ConfigSource, ResourceType

from infra.kafka import Outgoing, admin, await_admin, produce_all, producer
from infra.topic_reader import Span, read, spans
from infra.topics import CHECKPOINTS
from schemas.errors import GridcastError, InputError, ServiceUnavailable
from streams.checkpoints import MARKER_KEY, OWNER, SINCE, TAKEN_AT

if TYPE_CHECKING:
    from confluent_kafka import Message, Producer

    from cli.backup.folder import NewFolder
    from infra.settings import Settings

Say = Callable[[str], object]
_SCHEMA: Final = pa.schema(
    [
        ("offset", pa.int64()),
        ("timestamp_ms", pa.int64()),
        ("key", pa.binary()),
        ("value", pa.binary()),
        ("headers", pa.list_(pa.struct([("name", pa.string()), ("value", pa.binary())]))),
    ]
)
_AT_ONCE: Final = 1000
_ATTEMPTS: Final = 5
_FILL_AT_ONCE: Final = 100_000
_ANSWER_S: Final = 60.0


@dataclass(frozen=True)
class Kept:
    """A record with its place."""

    offset: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]


def dump(
    settings: Settings,
    folder: NewFolder,
    topic: str,
    start: Mapping[int, int] | None,
    compacted: bool,
    say: Say,
) -> dict[str, Any]:
    """Write the records of a topic from `start` by partition on (None: all), until where it ends now.

    Returns by partition the first offset, the end and how many records there are.
    """
    told = {}
    for partition in spans(settings, topic):
        path = folder.file(file_of(topic, partition))
        for _ in range(_ATTEMPTS):
            # Asked for just before it is read: retention goes on, and a topic may take hours.
            span = spans(settings, topic, only={partition})[partition]
            begin = span.first if start is None else start.get(partition, span.end)
            first = min(max(begin, span.first), span.end)
            written = _write(settings, path, topic, partition, first, span.end, compacted)
            if written is not None:
                break
        else:
            raise ServiceUnavailable(
                f"{topic}[{partition}] is compacted faster than it can be read: try again"
            )
        told[str(partition)] = {"first": first, "end": span.end, "records": written}
    say(f"{topic}: {sum(one['records'] for one in told.values())} records")
    return told


def config_of(settings: Settings, topic: str) -> dict[str, str]:
    """What the broker was told of a topic, its defaults left out.

    Raises `InputError` where there is no such topic.
    """
    spans(settings, topic)
    asked = ConfigResource(ResourceType.TOPIC, topic)
    try:
        client = admin(settings)  # its futures end with it
        found = await_admin(client.describe_configs([asked])[asked], f"describe {topic}", _ANSWER_S)
    except KafkaException as error:
        raise ServiceUnavailable(f"{topic} cannot be described: {error.args[0].str()}") from error
    own = ConfigSource.DYNAMIC_TOPIC_CONFIG.value
    return {name: one.value for name, one in sorted(found.items()) if one.source == own}


def file_of(topic: str, partition: int) -> str:
    """Where the records of a partition lie in the folder."""
    return f"topics/{topic}/{partition}.parquet"


def _write(
    settings: Settings, path: Path, topic: str, partition: int, first: int, end: int, compacted: bool
) -> int | None:
    """How many records were written; None where compaction took one of them meanwhile, for a newer one."""
    newest = _newest(settings, topic, partition, first, end) if compacted else None
    records = 0
    with pq.ParquetWriter(path, _SCHEMA, compression="zstd") as writer:
        for messages in _read(settings, topic, partition, first, end):
            kept = [m for m in messages if newest is None or newest.get(m.key() or b"") == m.offset()]
            if kept:
                writer.write_table(_table(kept))
            records += len(kept)
    return records if newest is None or records == len(newest) else None


def _read(settings: Settings, topic: str, partition: int, first: int, end: int) -> Iterator[list[Message]]:
    if first < end:
        yield from read(settings, topic, {partition: first}, {partition: end}, _AT_ONCE)


def _newest(settings: Settings, topic: str, partition: int, first: int, end: int) -> dict[bytes, int]:
    """The offset of the newest record of each key, tombstoned keys left out: what compaction comes to."""
    found: dict[bytes, int] = {}
    for messages in _read(settings, topic, partition, first, end):
        for message in messages:
            if message.value() is None:
                found.pop(message.key() or b"", None)
            else:
                found[message.key() or b""] = message.offset() or 0
    return found


def _table(messages: list[Message]) -> pa.Table:
    headers = [[{"name": n, "value": v} for n, v in _headers(message)] for message in messages]
    columns = [
        [message.offset() for message in messages],
        [message.timestamp()[1] for message in messages],
        [message.key() for message in messages],
        [message.value() for message in messages],
        headers,
    ]
    return pa.table([pa.array(one, field.type) for one, field in zip(columns, _SCHEMA, strict=True)], _SCHEMA)


def _headers(message: Message) -> list[tuple[str, Any]]:
    found: list[Any] = list(message.headers() or ())
    return found


def load(
    settings: Settings,
    folder: Path,
    topic: str,
    told: Mapping[str, Any],
    compacted: bool,
    least_end: Mapping[int, int],
    say: Say,
) -> int:
    """Put the records of a topic back, which is there and was never written; returns how many.

    `least_end`: by partition the offset that somebody else has already come to; the log reaches to there.

    Raises:
        InputError: the topic holds records.
    """
    held = spans(settings, topic)
    if {str(partition) for partition in held} != set(told):
        raise InputError(
            f"{topic} has {len(held)} partitions, the backup's has {len(told)}: delete the topic first"
        )
    client, written = producer(settings, batch_num_messages=_FILL_AT_ONCE), 0
    meant: dict[int, Span] = {}
    for partition, span in held.items():
        if span.end:
            raise InputError(f"{topic} holds records: delete the topics first, a restore makes them anew")
        path = folder / file_of(topic, partition)
        records = _records(path)
        if compacted:
            records = _as_own(partial(_records, path)) if topic == CHECKPOINTS else records
            written += _produce(client, topic, partition, records)
        else:
            meant[partition] = _meant(told[str(partition)], least_end.get(partition, 0))
            _fill(settings, client, topic, partition, meant[partition].first)
            written += _produce(client, topic, partition, _without_holes(records, meant[partition]))
    _check(settings, topic, meant)
    say(f"{topic}: {written} records")
    return written


def _records(path: Path) -> Iterator[Kept]:
    for batch in pq.ParquetFile(path).iter_batches(_AT_ONCE):
        for row in batch.to_pylist():
            headers = tuple((one["name"], one["value"]) for one in row["headers"])
            yield Kept(row["offset"], row["key"], row["value"], headers)


def _meant(told: Mapping[str, int], least_end: int) -> Span:
    """The offsets that a partition shall hold: those of the backup, or none where it had no records there."""
    end = max(told["end"], least_end)
    return Span(told["first"] if told["records"] else end, end)


def _check(settings: Settings, topic: str, meant: Mapping[int, Span]) -> None:
    for partition, found in spans(settings, topic, only=meant.keys()).items() if meant else ():
        if found != meant[partition]:
            wanted = meant[partition]
            raise GridcastError(
                f"{topic}[{partition}] holds {found.first} to {found.end} now, not {wanted.first} to"
                f" {wanted.end}: does something else write to it? Delete the topics and begin again"
            )


def _without_holes(records: Iterable[Kept], meant: Span) -> Iterator[Kept]:
    """A hole (the mark of a transaction) is filled with the record before it again: repeats count once."""
    at, last = meant.first, None
    for record in records:
        for hole in range(at, record.offset):
            yield replace(last or record, offset=hole)
        yield record
        at, last = record.offset + 1, record
    if last is not None:
        for hole in range(at, meant.end):
            yield replace(last, offset=hole)


def _produce(client: Producer, topic: str, partition: int, records: Iterable[Kept]) -> int:
    written = 0
    piece: list[Outgoing] = []
    for record in records:
        piece.append(Outgoing(topic, record.key, record.value, record.headers, partition))
        if len(piece) == _AT_ONCE:
            written += produce_all(client, piece)
            piece.clear()
    return written + (produce_all(client, piece) if piece else 0)


def _fill(settings: Settings, client: Producer, topic: str, partition: int, first: int) -> None:
    """Make the log begin at `first`."""
    if not first:
        return
    for done in range(0, first, _FILL_AT_ONCE):
        for _ in range(min(_FILL_AT_ONCE, first - done)):
            client.produce(topic, partition=partition)
        if client.flush(_ANSWER_S):
            raise ServiceUnavailable(f"Kafka takes no records on {topic}[{partition}]")
    try:
        asking = admin(settings)  # its futures end with it
        asked = asking.delete_records([TopicPartition(topic, partition, first)])
        for future in asked.values():
            await_admin(future, f"let {topic}[{partition}] begin at {first}", _ANSWER_S)
    except KafkaException as error:
        raise ServiceUnavailable(
            f"{topic}[{partition}] cannot begin at {first}: {error.args[0].str()}"
        ) from error


def _as_own(read_again: Callable[[], Iterable[Kept]]) -> Iterator[Kept]:
    """States and the marker of a partition, whose places in the log are new ones.

    A state before the place where the marker's owner took over holds at the marker, whoever wrote it; one
    behind it by another owner does not. Here the first kind gets the owner's name, and the log is read whole.
    They are read twice, for the marker stands behind states of years, which no memory could hold.
    """
    marker = None
    for one in read_again():
        marker = one if (one.key or b"").startswith(MARKER_KEY) else marker
    headers = dict(marker.headers) if marker is not None else {}
    owner, taken_at = headers.get(OWNER, b""), int(headers.get(TAKEN_AT, b"0"))
    last = marker.offset if marker is not None else None
    for one in read_again():
        own = one.offset == last or one.offset < taken_at
        kept = {**dict(one.headers), **({OWNER: owner} if own else {})}
        if (one.key or b"").startswith(MARKER_KEY):
            kept |= {TAKEN_AT: b"0", SINCE: b"0"}
        yield replace(one, headers=tuple(kept.items()))
