"""How many bytes an Avro body has, computed from its decoded columns.

pyruhvro reads what it needs and ignores what follows. A body that is longer than its values need has trailing
bytes, or was encoded in an unusual way (an array in several blocks, a padded number): both are for the slow
path.
"""

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from schemas.errors import SchemaError
from schemas.ids import NAMESPACE, Definition

Longs = NDArray[np.int64]
# One number stands for a column in which every row needs the same.
Lengths = Longs | int

_FIXED_BYTES = {"null": 0, "boolean": 1, "float": 4, "double": 8}
_MOST_ONE_BYTE_SYMBOLS = 64


class Unmeasured(SchemaError):
    """A schema has a type whose length this module cannot tell."""


def body_bytes(definition: Definition, batch: pa.RecordBatch) -> Longs:
    """Bytes of each row's body, i8[n], as the usual encoder writes it.

    Args:
        definition: the bare schema that the batch was decoded with, spelt out.
        batch: its columns, not a slice.

    Raises:
        Unmeasured: the schema has bytes (pyruhvro panics on them), a fixed, a map, a record within itself, or
            a union not of null and one type.
    """
    total: Lengths = np.zeros(batch.num_rows, np.int64)
    for index, field in enumerate(definition["fields"]):
        total = total + _lengths(field["type"], batch.column(index))
    return np.asarray(total)


def spelt_out(definition: Definition) -> Definition:
    """The schema with each reference to a named type replaced by that type."""
    whole: Definition = _spelt_out(definition, {})
    return whole


def _spelt_out(kind: Any, named: dict[str, Any]) -> Any:
    if isinstance(kind, str):
        return named.get(kind, kind)
    if isinstance(kind, list):
        return [_spelt_out(branch, named) for branch in kind]
    inner = {key: _spelt_out(kind[key], named) for key in ("items", "values") if key in kind}
    whole = kind | inner
    if "fields" in kind:
        whole["fields"] = [field | {"type": _spelt_out(field["type"], named)} for field in kind["fields"]]
    if "name" in kind:
        # A reference may give the namespace or leave it to its surroundings.
        short = kind["name"].rpartition(".")[2]
        named |= {short: whole, kind["name"]: whole, f"{NAMESPACE}.{short}": whole}
    return whole


def _lengths(kind: Any, column: pa.Array) -> Lengths:
    if isinstance(kind, list):
        return _union(kind, column)
    if isinstance(kind, dict):
        return _complex(kind, column)
    if kind in _FIXED_BYTES:
        return _FIXED_BYTES[kind]
    if kind in ("int", "long"):
        return _varint(_zigzag(_numbers(column)))
    if kind == "string":
        return _string(column)
    raise Unmeasured(f"type {kind!r}")


def _complex(kind: dict[str, Any], column: pa.Array) -> Lengths:
    if kind["type"] == "array":
        return _array(kind["items"], column)
    if kind["type"] == "record":
        total: Lengths = 0
        for index, field in enumerate(kind["fields"]):
            total = total + _lengths(field["type"], column.field(index))
        return total
    if kind["type"] == "enum" and len(kind["symbols"]) <= _MOST_ONE_BYTE_SYMBOLS:
        return 1
    return _lengths(kind["type"], column)


def _union(branches: list[Any], column: pa.Array) -> Lengths:
    inner = [branch for branch in branches if branch != "null"]
    if len(inner) != 1 or len(branches) != 2:
        raise Unmeasured(f"union {branches!r}")
    if len(column) and column.null_count == len(column):
        return 1
    lengths = _lengths(inner[0], column)
    if column.null_count == 0:
        return 1 + lengths
    return 1 + np.where(column.is_valid().to_numpy(zero_copy_only=False), lengths, 0)


def _array(items: Any, column: pa.Array) -> Lengths:
    if len(column) == 0:
        _lengths(items, column.values)
        return 0
    offsets: Longs = column.offsets.to_numpy().astype(np.int64)
    counts = offsets[1:] - offsets[:-1]
    if not counts.any():
        return 1
    each = _lengths(items, column.values)
    if isinstance(each, int):
        inside = counts * each
    else:
        upto = np.concatenate(([0], np.cumsum(each)))[offsets]
        inside = upto[1:] - upto[:-1]
    block: Longs = np.where(counts > 0, _varint(_zigzag(counts)), 0)
    return 1 + block + inside


def _string(column: pa.Array) -> Lengths:
    size = _numbers(pc.binary_length(column))
    return _varint(_zigzag(size)) + size


def _numbers(column: pa.Array) -> Longs:
    filled = column.fill_null(0) if column.null_count else column
    return np.asarray(filled.to_numpy(zero_copy_only=False), np.int64)


def _zigzag(values: Longs) -> NDArray[np.uint64]:
    return np.asarray((values << 1) ^ (values >> 63)).view(np.uint64)


def _varint(values: NDArray[np.uint64]) -> Lengths:
    if not len(values):
        return 0
    fewest, most = (max(1, -(-int(bound).bit_length() // 7)) for bound in (values.min(), values.max()))
    if fewest == most:
        return most
    length = np.full(len(values), fewest, np.int64)
    for size in range(fewest, most):
        length += values >= np.uint64(1 << (7 * size))
    return length
