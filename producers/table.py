"""The cells of a file as text, and its columns as numbers, times, words.

Every cell that is no number or no time is named by its row and column. Distinct texts are converted once,
which makes the strict way as fast as the careless one on real files.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from producers.cells import FIRST_MS, LAST_MS, number_of, time_of
from producers.problems import Problems

NO_VALUE: Final = ("", "NaN", "nan", "NA", "N/A", "null", "NULL", "None")
NO_TIME: Final = np.iinfo(np.int64).min

Floats = NDArray[np.float64]
Longs = NDArray[np.int64]
Ints = NDArray[np.int32]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Table:
    """The cells of a file as trimmed text.

    `row` i8[n] is where a person finds each: the line of a CSV file or the row of a sheet, the header being
    1; the place of the row in a Parquet file, from 1 on. `decimal` is the sign in its numbers.
    """

    file: str
    columns: dict[str, pa.Array]
    row: Longs
    decimal: str = "."

    def __len__(self) -> int:
        return len(self.row)

    def __contains__(self, column: str) -> bool:
        return column in self.columns

    def with_column(self, name: str, cells: pa.Array) -> Table:
        """The same with a column added or put in place of the one of its name."""
        return replace(self, columns={**self.columns, name: cells})


def table_of(file: str, columns: dict[str, pa.Array], row: Longs, decimal: str = ".") -> Table:
    """A table of these cells; rows in which every cell is empty are left out."""
    blank = np.ones(len(row), np.bool_)
    for column in columns.values():
        blank &= pc.equal(column, "").to_numpy(zero_copy_only=False)
    if not blank.any():
        return Table(file, columns, row, decimal)
    filled = pa.array(~blank)
    return Table(file, {name: cells.filter(filled) for name, cells in columns.items()}, row[~blank], decimal)


def header_is_good(file: str, row: int, header: Sequence[str], problems: Problems) -> bool:
    """Whether every column has a name of its own; `row` is where the names stand."""
    twice = sorted({name for name in header if header.count(name) > 1})
    for name in twice:
        problems.add(file, row, name or "(without a name)", "stands twice in the header: rename or drop one")
    return not twice


def has_columns(file: str, header: Sequence[str], needed: Sequence[str], problems: Problems) -> bool:
    """Whether the columns that are needed are there."""
    missing = [name for name in needed if name not in header]
    for name in missing:
        problems.add(file, 1, name, f"is missing; the header has {', '.join(header)}")
    return not missing


def texts(table: Table, column: str, problems: Problems) -> tuple[Ints, list[str]]:
    """Codes i4[n] into the distinct texts of a column; an empty cell is a fault."""
    encoded = table.columns[column].dictionary_encode()
    names = encoded.dictionary.to_pylist()
    codes = encoded.indices.to_numpy(zero_copy_only=False).astype(np.int32)
    if "" in names:
        empty = table.row[codes == names.index("")]
        problems.add_rows(table.file, ((int(row), "is empty") for row in empty), column)
    return codes, names


def words(table: Table, column: str) -> list[str | None]:
    """The cells of a column of text, None where empty."""
    return [value or None for value in table.columns[column].to_pylist()]


def numbers(table: Table, column: str, problems: Problems, needed: bool = False) -> Floats:
    """The numbers f8[n] of a column, NaN where the cell is empty (a fault when `needed`)."""
    encoded = table.columns[column].dictionary_encode()
    values = encoded.dictionary.to_pylist()
    made, faults = _convert(values, number_of, np.nan)
    codes = encoded.indices.to_numpy(zero_copy_only=False)
    if needed:
        faults |= {i: "is empty: give a number" for i, text in enumerate(values) if text in NO_VALUE}
    _report(table, column, codes, faults, problems)
    return np.array(made, np.float64)[codes] if values else np.empty(0)


def times(table: Table, column: str, problems: Problems, needed: bool = True) -> Longs:
    """The times i8[n] of a column in epoch milliseconds, `NO_TIME` where empty (a fault when `needed`)."""
    encoded = table.columns[column].dictionary_encode()
    values = encoded.dictionary.to_pylist()
    codes = encoded.indices.to_numpy(zero_copy_only=False)
    made = _times_at_once(encoded.dictionary)
    if made is None:
        slow, faults = _convert(values, time_of, NO_TIME)
        made = np.array(slow, np.int64)
        if needed:
            faults |= {i: "is empty: give a time" for i, text in enumerate(values) if text in NO_VALUE}
        _report(table, column, codes, faults, problems)
    return made[codes] if values else np.empty(0, np.int64)


def _times_at_once(distinct: pa.Array) -> Longs | None:
    """What Arrow can read of ISO 8601 with an offset; None where a single text is anything else."""
    try:
        stamps = distinct.cast(pa.timestamp("us", tz="UTC"))
    except pa.ArrowInvalid:
        return None
    micros: Longs = stamps.cast(pa.int64()).to_numpy(zero_copy_only=False)
    made = micros // 1000
    within = (made >= FIRST_MS) & (made <= LAST_MS)
    return made if within.all() else None


def _convert(
    values: list[str], one: Callable[[str], Any], nothing: float | int
) -> tuple[list[Any], dict[int, str]]:
    made, faults = [], {}
    for i, text in enumerate(values):
        try:
            made.append(nothing if text in NO_VALUE else one(text))
        except ValueError as error:
            faults[i] = str(error)
            made.append(nothing)
    return made, faults


def _report(
    table: Table, column: str, codes: NDArray[np.integer], faults: dict[int, str], problems: Problems
) -> None:
    if not faults:
        return
    at = np.flatnonzero(np.isin(codes, list(faults)))
    problems.add_rows(table.file, ((int(table.row[i]), faults[int(codes[i])]) for i in at), column)
