"""Columns to PostgreSQL's binary COPY format, a whole column at a time.

A cell is the bytes of one value of one row, its length in front. A column of them is an Arrow array, so that
numbers become cells in NumPy and cells become rows in Arrow, without a Python object each: a forecast has 800
numbers, and as text they would cost more than the database does.
Format: https://www.postgresql.org/docs/current/sql-copy.html, "Binary Format".
"""

import json
import math
import struct
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import Any, Final, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from schemas.errors import Reason, RecordRefused

#: One opaque value for each row; never null, a missing value being `NULL`.
Cells: TypeAlias = pa.BinaryArray

NULL: Final = b"\xff\xff\xff\xff"
_HEADER: Final = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_TRAILER: Final = b"\xff\xff"
_LOWER_BOUND: Final = 1
_EPOCH_2000_MS: Final = 946_684_800_000
#: Years 1 to 9999, in milliseconds: what both PostgreSQL and Python can say.
_FIRST_MS: Final = -62_135_596_800_000
_LAST_MS: Final = 253_402_300_799_999
_JSONB_VERSION: Final = b"\x01"

#: Scalar types: NumPy dtype on the wire, and the oid that an array of it names.
_WIRE: Final[Mapping[str, tuple[str, int]]] = {
    "double precision": (">f8", 701),
    "bigint": (">i8", 20),
    "integer": (">i4", 23),
    "smallint": (">i2", 21),
    "boolean": ("u1", 16),
    "timestamptz": (">i8", 1184),
}
_TEXT_OID: Final = 25
#: What stands before the elements of an array of one dimension.
_ARRAY_HEAD: Final = np.dtype(
    [(name, ">i4") for name in ("size", "dimensions", "nulls", "oid", "length", "lower_bound")]
)
_SIZE_BYTES: Final = 4


def encode(columns: Sequence[Cells]) -> bytes:
    """The COPY stream of columns of equal length."""
    width = pa.scalar(struct.pack(">h", len(columns)), pa.binary())
    return b"".join((_HEADER, _bytes_of(_joined(width, *columns)), _TRAILER))


def identities(columns: Sequence[Cells]) -> NDArray[np.int64]:
    """i8[n]: equal for rows that are equal in all columns, numbered in the order in which they come first."""
    found: NDArray[np.int64] = _joined(*columns).dictionary_encode().indices.to_numpy().astype(np.int64)
    return found


def numbers(pg_type: str, values: NDArray[Any], missing: NDArray[np.bool_] | None = None) -> Cells:
    """Cells of a numeric, boolean or time column (milliseconds UTC); null where `missing`."""
    cells = _of_one_size(_flat(pg_type, values))
    return cells if missing is None or not missing.any() else _replaced(missing, NULL, cells)


def nullable_floats(values: NDArray[np.float64]) -> Cells:
    """Cells of a double precision column, null where NaN."""
    return numbers("double precision", values, np.isnan(values))


def texts(values: Iterable[str | None]) -> Cells:
    """Cells of a text column.

    Raises:
        RecordRefused: `poison` for what PostgreSQL cannot hold: a NUL, half a surrogate pair.
    """
    return pa.array([NULL if value is None else _sized(_utf8(value)) for value in values], pa.binary())


def words(places: NDArray[np.integer], dictionary: Sequence[str | None]) -> Cells:
    """Cells of a text column given as places in a dictionary."""
    return texts(dictionary).take(pa.array(places))


def blobs(values: Iterable[bytes | None]) -> Cells:
    """Cells of a bytea column."""
    return pa.array([NULL if value is None else _sized(value) for value in values], pa.binary())


def documents(values: Iterable[Any]) -> Cells:
    """Cells of a jsonb column; numbers that JSON does not have (NaN, infinite) become null."""
    made = (_sized(_JSONB_VERSION + _utf8(json.dumps(_plain(value)))) for value in values)
    return pa.array(list(made), pa.binary())


def number_arrays(pg_type: str, values: NDArray[Any], lengths: NDArray[np.int64]) -> Cells:
    """Cells of an array column: `values` flat, row after row, `lengths` of each row."""
    flat = _flat(pg_type, values)
    ends = np.cumsum(lengths) * flat.dtype.itemsize
    return _arrays(_WIRE[pg_type][1], _cut(pa.py_buffer(flat), ends), lengths)


def text_arrays(values: Sequence[Sequence[str]]) -> Cells:
    """Cells of a text[] column."""
    lengths = np.array([len(row) for row in values], np.int64)
    return word_arrays(texts(chain.from_iterable(values)), lengths)


def word_arrays(elements: Cells, lengths: NDArray[np.int64]) -> Cells:
    """Cells of a text[] column: `elements` as `texts` or `words` made them, row after row."""
    starts = np.frombuffer(elements.buffers()[1], np.int32)
    return _arrays(_TEXT_OID, _cut(elements.buffers()[2], starts[np.cumsum(lengths)]), lengths)


def _arrays(oid: int, elements: Cells, lengths: NDArray[np.int64]) -> Cells:
    heads = np.empty(len(lengths), _ARRAY_HEAD)
    heads["size"] = _ARRAY_HEAD.itemsize - _SIZE_BYTES + pc.binary_length(elements).to_numpy()
    heads["dimensions"], heads["nulls"], heads["oid"] = 1, 0, oid
    heads["length"], heads["lower_bound"] = lengths, _LOWER_BOUND
    empty = lengths == 0
    made = _of_one_size(heads)
    if empty.any():
        made = _replaced(empty, _sized(struct.pack(">iiI", 0, 0, oid)), made)
    return _joined(made, elements)


def _joined(*cells: Cells | pa.Scalar) -> Cells:
    """Row by row, what stands in the columns one after another."""
    return pc.binary_join_element_wise(*cells, pa.scalar(b"", pa.binary()))


def _replaced(where: NDArray[np.bool_], value: bytes, cells: Cells) -> Cells:
    return pc.if_else(pa.array(where), pa.scalar(value, pa.binary()), cells)


def _of_one_size(values: NDArray[Any]) -> Cells:
    """A cell for each item of an array, without a copy."""
    return _cut(pa.py_buffer(values), np.arange(1, len(values) + 1) * values.dtype.itemsize)


def _cut(content: pa.Buffer | None, ends: NDArray[np.integer]) -> Cells:
    """Consecutive cells of a buffer; the first begins with it."""
    starts = np.concatenate(([0], ends)).astype(np.int32)
    buffers = [None, pa.py_buffer(starts), content or pa.py_buffer(b"")]
    return pa.Array.from_buffers(pa.binary(), len(ends), buffers)


def _bytes_of(cells: Cells) -> memoryview:
    ends = np.frombuffer(cells.buffers()[1], np.int32)
    return memoryview(cells.buffers()[2] or b"")[: ends[len(cells)]]


def _flat(pg_type: str, values: NDArray[Any]) -> NDArray[Any]:
    """Each value with its length in front, as an array of opaque fixed-size items."""
    wire = np.dtype(_WIRE[pg_type][0])
    if pg_type == "timestamptz":
        _check_within(values, _FIRST_MS, _LAST_MS)
        values = (values - _EPOCH_2000_MS) * 1000
    elif wire.kind == "i":
        _check_within(values, np.iinfo(wire).min, np.iinfo(wire).max)
    cells = np.empty(len(values), dtype=[("size", ">i4"), ("value", wire)])
    cells["size"] = wire.itemsize
    cells["value"] = values
    return cells


def _check_within(values: NDArray[Any], low: int, high: int) -> None:
    """NumPy would wrap silently what does not fit."""
    if len(values) and (values.min() < low or values.max() > high):
        raise RecordRefused(Reason.POISON, f"a whole number or a time is not between {low} and {high}")


def _sized(value: bytes) -> bytes:
    return struct.pack(">i", len(value)) + value


def _utf8(text: str) -> bytes:
    if "\0" in text:
        raise RecordRefused(Reason.POISON, "a text holds a NUL character")
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise RecordRefused(Reason.POISON, f"a text is no Unicode: {error.reason}") from error


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return value
