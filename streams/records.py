"""Consecutive records of one partition, whichever client read them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from schemas.byte_column import ByteColumn

if TYPE_CHECKING:
    from confluent_kafka import Message


class Records(Protocol):
    """n records of one partition: `offsets` i8[n] rise, the others are as long."""

    @property
    def topic(self) -> str: ...
    @property
    def partition(self) -> int: ...
    @property
    def offsets(self) -> NDArray[np.int64]: ...
    @property
    def keys(self) -> Sequence[bytes | None]: ...
    @property
    def payloads(self) -> Sequence[bytes | None]: ...


@dataclass(frozen=True, slots=True)
class PlainRecords:
    """`Records` as plain values."""

    topic: str
    partition: int
    offsets: NDArray[np.int64]
    keys: Sequence[bytes | None]
    payloads: Sequence[bytes | None]


def without(records: Records, offsets: Collection[int]) -> Records:
    """The records whose offsets are not among `offsets`."""
    if not offsets:
        return records
    kept = np.flatnonzero(~np.isin(records.offsets, list(offsets)))
    return records if len(kept) == len(records.offsets) else pick(records, kept)


def pick(records: Records, rows: NDArray[np.int64]) -> PlainRecords:
    """Some of the records, by their places in the batch."""
    return PlainRecords(
        topic=records.topic,
        partition=records.partition,
        offsets=records.offsets[rows],
        keys=ByteColumn.of(records.keys).take(rows),
        payloads=ByteColumn.of(records.payloads).take(rows),
    )


def of_messages(topic: str, partition: int, messages: list[Message]) -> PlainRecords:
    """`Records` of librdkafka's messages, all of one partition."""
    return PlainRecords(
        topic=topic,
        partition=partition,
        offsets=np.array([message.offset() for message in messages], np.int64),
        keys=[_bytes(message.key()) for message in messages],
        payloads=[_bytes(message.value()) for message in messages],
    )


def _bytes(value: str | bytes | None) -> bytes | None:
    return value.encode() if isinstance(value, str) else value
