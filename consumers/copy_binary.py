"""Columns to PostgreSQL's binary COPY format, a whole column at a time.

A cell is the bytes of one value of one row, its length in front. Numbers become cells in NumPy, without a
Python object each: a forecast has 800 numbers, and as text they would cost more than the database does.
Format: https://www.postgresql.org/docs/current/sql-copy.html, "Binary Format".
"""

import json
import math
import struct
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from schemas.errors import Reason, RecordRefused

Cells = list[bytes]

NULL: Final = b"\xff\xff\xff\xff"
_HEADER: Final = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_TRAILER: Final = b"\xff\xff"
_ARRAY_HEAD: Final = struct.Struct(">iiIii")
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


def encode(columns: Sequence[Cells]) -> bytes:
    """The COPY stream of columns of equal length."""
    rows = len(columns[0])
    width = [struct.pack(">h", len(columns))] * rows
    cells = chain.from_iterable(zip(width, *columns, strict=True))
    return _HEADER + b"".join(cells) + _TRAILER


def numbers(pg_type: str, values: NDArray[Any], missing: NDArray[np.bool_] | None = None) -> Cells:
    """Cells of a numeric, boolean or time column (milliseconds UTC); null where `missing`."""
    cells: Cells = _flat(pg_type, values).tolist()
    if missing is not None:
        for row in np.flatnonzero(missing).tolist():
            cells[row] = NULL
    return cells


def nullable_floats(values: NDArray[np.float64]) -> Cells:
    """Cells of a double precision column, null where NaN."""
    return numbers("double precision", values, np.isnan(values))


def texts(values: Iterable[str | None]) -> Cells:
    """Cells of a text column.

    Raises:
        RecordRefused: `poison` for what PostgreSQL cannot hold: a NUL, half a surrogate pair.
    """
    return [NULL if value is None else _sized(_utf8(value)) for value in values]


def words(places: NDArray[np.integer], dictionary: Sequence[str]) -> Cells:
    """Cells of a text column given as places in a dictionary."""
    known = texts(dictionary)
    return [known[place] for place in places.tolist()]


def blobs(values: Iterable[bytes | None]) -> Cells:
    """Cells of a bytea column."""
    return [NULL if value is None else _sized(value) for value in values]


def documents(values: Iterable[Any]) -> Cells:
    """Cells of a jsonb column; numbers that JSON does not have (NaN, infinite) become null."""
    return [_sized(_JSONB_VERSION + _utf8(json.dumps(_plain(value)))) for value in values]


def number_arrays(pg_type: str, values: NDArray[Any], lengths: NDArray[np.int64]) -> Cells:
    """Cells of an array column: `values` flat, row after row, `lengths` of each row."""
    flat = _flat(pg_type, values)
    width = flat.dtype.itemsize
    oid = _WIRE[pg_type][1]
    ends = (np.cumsum(lengths) * width).tolist()
    body = flat.tobytes()
    return [
        _array_cell(oid, length, body[end - length * width : end])
        for length, end in zip(lengths.tolist(), ends, strict=True)
    ]


def text_arrays(values: Iterable[Sequence[str]]) -> Cells:
    """Cells of a text[] column."""
    return [_array_cell(_TEXT_OID, len(row), b"".join(texts(row))) for row in values]


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
    return cells.view(f"V{4 + wire.itemsize}")


def _check_within(values: NDArray[Any], low: int, high: int) -> None:
    """NumPy would wrap silently what does not fit."""
    if len(values) and (values.min() < low or values.max() > high):
        raise RecordRefused(Reason.POISON, f"a whole number or a time is not between {low} and {high}")


def _array_cell(oid: int, length: int, elements: bytes) -> bytes:
    if length == 0:
        return _sized(struct.pack(">iiI", 0, 0, oid))
    head = _ARRAY_HEAD.pack(1, 0, oid, length, _LOWER_BOUND)
    return b"".join((struct.pack(">i", len(head) + len(elements)), head, elements))


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
