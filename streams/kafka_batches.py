"""Kafka's record batches to columns, without an object for each record.

Kafka spells a record as Avro spells one: zigzag varints, and bytes behind their length. So the Avro decoder
reads all records of a batch at once, as one array; that takes a tenth of what it costs to read them one by
one. Avro has no way to say a null or a header in Kafka's way, so batches with a tombstone, a record without a
key or one with headers are read one by one.
"""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyruhvro
from aiokafka import codec
from numpy.typing import NDArray

from schemas.byte_column import ByteColumn
from schemas.wire import long_of

#: Source: Kafka's documentation, "Record Batch" and "Record", message format 2.
_HEADER: Final = struct.Struct(">qiibIhiqqqhii")
_FORMAT_AT: Final = 16
_COMPRESSION: Final = 0b111
_APPEND_TIME: Final = 0b1000
_UNPACK: Final[Mapping[int, Callable[[memoryview], bytes]]] = {
    0: bytes,
    1: codec.gzip_decode,
    2: codec.snappy_decode,
    3: codec.lz4_decode,
    4: codec.zstd_decode,
}
_RECORD: Final = {
    "type": "record",
    "name": "Record",
    "fields": [
        {"name": "bytes", "type": "int"},
        {"name": "attributes", "type": "boolean"},  # one byte, as there
        {"name": "timestamp", "type": "long"},
        {"name": "offset", "type": "int"},
        {"name": "key", "type": "string"},  # pyruhvro knows no bytes, and does not look into a string
        {"name": "value", "type": "string"},
        {"name": "headers", "type": "int"},
    ],
}
_BATCH: Final = json.dumps(
    {
        "type": "record",
        "name": "Batch",
        "fields": [
            {"name": "records", "type": {"type": "array", "items": _RECORD}},
            {"name": "end", "type": "double"},
        ],
    }
)
#: Stands behind the last record: who reads it there has read all records, and nothing else. No producer can
#: know it; the zero makes it a number that no reader changes.
_END: Final = os.urandom(7) + b"\0"
#: So few are read faster one by one.
_FEW: Final = 64


@dataclass(frozen=True, slots=True, eq=False)
class Fetched:
    """Consecutive records of one partition, oldest first: `offsets` i8[n] rise, `timestamps` i8[n] in ms."""

    offsets: NDArray[np.int64]
    keys: ByteColumn
    payloads: ByteColumn
    timestamps: NDArray[np.int64]
    timestamp_type: int

    def __len__(self) -> int:
        return len(self.offsets)

    @classmethod
    def of(cls, records: Sequence[Any]) -> Fetched:
        """What aiokafka has read, one record at least."""
        return cls(
            np.fromiter((record.offset for record in records), np.int64, len(records)),
            ByteColumn.of([record.key for record in records]),
            ByteColumn.of([record.value for record in records]),
            np.fromiter((record.timestamp for record in records), np.int64, len(records)),
            int(records[-1].timestamp_type),
        )

    @classmethod
    def cut(cls, parts: list[Fetched], limit: int) -> tuple[Fetched, list[Fetched]]:
        """At most `limit` records off the front, and what is left; one part at least."""
        count = used = 0
        while used < len(parts) and count < limit:
            count += len(parts[used])
            used += 1
        found, rest = cls.joined(parts[:used]), parts[used:]
        return (found, rest) if count <= limit else (found[:limit], [found[limit:], *rest])

    @classmethod
    def joined(cls, parts: Sequence[Fetched]) -> Fetched:
        """One behind the other; one part at least."""
        if len(parts) == 1:
            return parts[0]
        return replace(
            parts[-1],
            offsets=np.concatenate([part.offsets for part in parts]),
            keys=ByteColumn.joined([part.keys for part in parts]),
            payloads=ByteColumn.joined([part.payloads for part in parts]),
            timestamps=np.concatenate([part.timestamps for part in parts]),
        )

    def __getitem__(self, at: slice) -> Fetched:
        columns = self.offsets[at], self.keys[at], self.payloads[at], self.timestamps[at]
        return Fetched(*columns, self.timestamp_type)


def read(batch: Any, raw: memoryview) -> Fetched | None:
    """All records of a batch; None where compaction has left none.

    Args:
        batch: aiokafka's view of it, which reads records one by one.
        raw: its bytes.
    """
    found = _at_once(raw) if raw[_FORMAT_AT] == 2 else None
    if found is None:
        records = list(batch)
        return Fetched.of(records) if records else None
    return found


def _at_once(raw: memoryview) -> Fetched | None:
    """The records of a batch of format 2, where it can be read as one array."""
    first, _, _, _, _, attributes, _, first_timestamp, newest_timestamp, *_, count = _HEADER.unpack_from(raw)
    unpack = _UNPACK.get(attributes & _COMPRESSION)
    if count < _FEW or unpack is None:
        return None
    body = unpack(raw[_HEADER.size :])
    try:
        read = pyruhvro.deserialize_array([b"".join((long_of(count), body, long_of(0), _END))], _BATCH)
    except ValueError:
        return None
    records = read.column(0).values
    _, _, timestamp, offset, key, value, headers = records.flatten()
    is_whole = read.column(1).to_numpy().tobytes() == _END and len(records) == count
    if not is_whole or headers.to_numpy().any():
        return None
    timestamps = first_timestamp + timestamp.to_numpy()
    appended = bool(attributes & _APPEND_TIME)
    return Fetched(
        first + offset.to_numpy().astype(np.int64),
        ByteColumn(key.view(pa.binary())),
        ByteColumn(value.view(pa.binary())),
        np.full(count, newest_timestamp) if appended else timestamps,
        int(appended),
    )
