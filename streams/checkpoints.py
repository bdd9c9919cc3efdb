"""Rounds of checkpoints: written by the owner of a journal partition, read by the next one.

A round writes the states that have changed, all as of one batch's end, then a marker: from here. A worker
that was cut off, lost the partition and woke up in the middle of a round may still write an older state over
a newer one. Each record therefore names its owner in a header, and the marker where its owner took over: a
foreign state behind that place is used for what it is, and the journal is read from its offset on.

A log of many days is not read from its beginning: the marker also says since where it holds a state of every
plant, and plants that are silent for long are written again now and then.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from aiokafka.partitioner import murmur2

from infra.kafka import Headers, Outgoing
from infra.topics import CHECKPOINTS
from models.snapshot import Snapshot
from schemas.codec import Codec
from schemas.errors import DecodeError, GridcastError
from streams.partition import Partition

if TYPE_CHECKING:
    from confluent_kafka import Message

OWNER = "owner"
TAKEN_AT = "taken_at"
SINCE = "since"
MARKER_KEY = b"marker|"


def to_write(partition: Partition) -> list[str]:
    """The plants whose states have changed since the last round, and those whose states lie far back."""
    return sorted(partition.engine.changed | set(partition.stale()))


def states(codec: Codec, partition: Partition, some: Sequence[str] | None = None) -> dict[str, Outgoing]:
    """By plant the states to write, or those of some of these plants."""
    plants = to_write(partition) if some is None else some
    taken = [partition.engine.snapshot(plant_id) for plant_id in plants]
    payloads = codec.encode("Checkpoint", [_record(one, partition.number) for one in taken])
    headers: Headers = ((OWNER, partition.owner.encode()),)
    keys = [f"{one.plant_id}|{one.day}".encode() for one in taken]
    return {
        one.plant_id: Outgoing(CHECKPOINTS, key, payload, headers, partition.number)
        for one, key, payload in zip(taken, keys, payloads, strict=True)
    }


def marker(codec: Codec, partition: Partition) -> Outgoing:
    """The record that ends a round: every state of the partition holds up to here."""
    record = {
        "partition": partition.number,
        "journal_offset": partition.applied_offset,
        "releases": partition.engine.serving.to_json(),
    }
    headers: Headers = (
        (OWNER, partition.owner.encode()),
        (TAKEN_AT, str(partition.taken_at).encode()),
        (SINCE, str(partition.since).encode()),
    )
    key = MARKER_KEY + str(partition.number).encode()
    return Outgoing(CHECKPOINTS, key, codec.encode("Marker", [record])[0], headers, partition.number)


def since(messages: Iterable[Message]) -> int | None:
    """Since where the log holds a state of every plant, by the last marker among the messages."""
    found = None
    for message in messages:
        if (message.key() or b"").startswith(MARKER_KEY) and message.value() is not None:
            headers: dict[str, Any] = dict(message.headers() or ())
            found = int(headers.get(SINCE, b"0"))
    return found


def read_state(codec: Codec, message: Message) -> tuple[str, dict[str, Any]]:
    """A record of `worker.checkpoints` and its name.

    Raises:
        GridcastError: nobody can read it. It may be a plant's only state, so it is not passed over.
    """
    try:
        return codec.decode(message.value())
    except DecodeError as error:
        where = f"{message.topic()}[{message.partition()}] {message.offset()}"
        raise GridcastError(
            f"{where} cannot be read ({error}): only workers may write there; a null under its key removes it"
        ) from error


def partition_of(key: bytes, partitions: int) -> int:
    """Where Kafka's Java clients, and ours, put a key."""
    return int(murmur2(key) & 0x7FFFFFFF) % partitions


def _record(taken: Snapshot, partition: int) -> dict[str, Any]:
    return {
        "plant_id": taken.plant_id,
        "day": taken.day,
        "partition": partition,
        "journal_offset": taken.journal_offset,
        "layout": taken.layout,
        "state": taken.state,
    }


@dataclass
class Found:
    """What one partition of `worker.checkpoints` holds: the newest state of each plant, and the marker."""

    newest: dict[str, Snapshot] = field(default_factory=dict)
    marked_offset: int = -1
    releases: str = "[]"
    _written: dict[str, tuple[int, bytes]] = field(default_factory=dict)
    _owner: bytes = b""
    _taken_at: int = 0

    def add(self, codec: Codec, messages: Iterable[Message]) -> None:
        """Take in records in the order of the log."""
        for message in messages:
            if message.value() is None:
                continue
            name, record = read_state(codec, message)
            headers = dict(message.headers() or ())
            if name == "Marker":
                self._marker(record, headers)
            else:
                self._state(record, int(message.offset() or 0), headers)

    def _marker(self, record: dict[str, Any], headers: dict[str, Any]) -> None:
        self.marked_offset = record["journal_offset"]
        self.releases = record["releases"]
        self._owner = headers.get(OWNER, b"")
        self._taken_at = int(headers.get(TAKEN_AT, b"0"))

    def _state(self, record: dict[str, Any], position: int, headers: dict[str, Any]) -> None:
        plant_id, journal_offset = record["plant_id"], record["journal_offset"]
        known = self.newest.get(plant_id)
        if known is not None and known.journal_offset > journal_offset:
            return
        self.newest[plant_id] = Snapshot(
            plant_id, record["day"], journal_offset, record["layout"], record["state"]
        )
        self._written[plant_id] = (position, headers.get(OWNER, b""))

    def moved(self, number: int, partitions: int) -> str | None:
        """A plant with a state here whose key falls on another one of so many partitions: its next records
        will not come here.
        """
        places = ((plant_id, partition_of(plant_id.encode(), partitions)) for plant_id in self.newest)
        return next((plant_id for plant_id, place in places if place != number), None)

    @property
    def written(self) -> dict[str, int]:
        """Where in the log the newest state of each plant stands."""
        return {plant_id: position for plant_id, (position, _) in self._written.items()}

    @property
    def foreign(self) -> set[str]:
        """Plants whose newest state was written by somebody who had lost the partition."""
        return {
            plant_id
            for plant_id, (position, owner) in self._written.items()
            if position >= self._taken_at and owner != self._owner
        }

    @property
    def start(self) -> int:
        """The journal offset from which on it must be read."""
        held = [self.marked_offset, *(self.newest[plant_id].journal_offset for plant_id in self.foreign)]
        return min(held) + 1
