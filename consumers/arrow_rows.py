"""Rows of records that were decoded to Arrow: the quick way for tables with long arrays."""

from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from consumers import copy_binary as cell
from consumers.copy_binary import Cells
from consumers.rows import Rows, months_of
from consumers.tables import Table


def from_arrow(table: Table, batch: pa.RecordBatch) -> Rows:
    """Rows of records whose fields are named as the table's columns; times in milliseconds UTC.

    Raises:
        RecordRefused: a value that PostgreSQL cannot hold, or a time outside 2000 to 2099.
    """
    cells = tuple(_MAKERS[pg_type](batch.column(name)) for name, pg_type in table.columns.items())
    times_ms = _values(batch.column(table.month_of)) if table.month_of else np.empty(0, np.int64)
    return Rows(table, cells, months_of(table, times_ms))


def can_take(table: Table) -> bool:
    """Whether every column of the table has a quick way."""
    return set(table.columns.values()) <= _MAKERS.keys()


def _values(array: pa.Array) -> NDArray[Any]:
    """The values; where null, the type's zero."""
    whole = array.fill_null(_ZEROS[str(array.type)]) if array.null_count else array
    found: NDArray[Any] = whole.to_numpy(zero_copy_only=False)
    return found


_ZEROS: Final[Mapping[str, Any]] = {"int64": 0, "int32": 0, "double": 0.0, "bool": False}


def _missing(array: pa.Array) -> NDArray[np.bool_]:
    found: NDArray[np.bool_] = array.is_null().to_numpy(zero_copy_only=False)
    return found


def _texts(array: pa.Array) -> Cells:
    # Few distinct ids and names repeat: each is encoded once.
    coded = array.dictionary_encode()
    known = coded.dictionary.to_pylist()
    return cell.words(coded.indices.fill_null(len(known)).to_numpy(), [*known, None])


def _text_arrays(array: pa.Array) -> Cells:
    return cell.word_arrays(_texts(array.flatten()), _lengths(array))


def _lengths(array: pa.Array) -> NDArray[np.int64]:
    found: NDArray[np.int64] = array.value_lengths().to_numpy(zero_copy_only=False).astype(np.int64)
    return found


def _blobs(array: pa.Array) -> Cells:
    return cell.blobs(array.to_pylist())


def _numbers(pg_type: str) -> Callable[[pa.Array], Cells]:
    def make(array: pa.Array) -> Cells:
        values, missing = _values(array), _missing(array)
        if pg_type == "double precision":
            missing = missing | np.isnan(values)
        return cell.numbers(pg_type, values, missing)

    return make


def _number_arrays(pg_type: str) -> Callable[[pa.Array], Cells]:
    def make(array: pa.Array) -> Cells:
        return cell.number_arrays(pg_type, _values(array.flatten()), _lengths(array))

    return make


_SCALARS: Final = ("double precision", "bigint", "integer", "smallint", "boolean", "timestamptz")
_MAKERS: Final[Mapping[str, Callable[[pa.Array], Cells]]] = {
    "text": _texts,
    "bytea": _blobs,
    "text[]": _text_arrays,
    **{name: _numbers(name) for name in _SCALARS},
    **{f"{name}[]": _number_arrays(name) for name in _SCALARS},
}
