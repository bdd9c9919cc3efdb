"""A CSV file read strictly: every cell that is no number or no time is named by its row and column.

Files are read as text and converted column by column, so that a fault is found where it stands. Distinct
texts are converted once, which makes the strict way as fast as the careless one on real files.
"""

from __future__ import annotations

import csv
import gzip
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
from numpy.typing import NDArray

from producers.cells import FIRST_MS, LAST_MS, number_of, time_of
from producers.problems import Problems
from producers.unreadable import fault_of_file

NO_VALUE: Final = ("", "NaN", "nan", "NA", "N/A", "null", "NULL", "None")
NO_TIME: Final = np.iinfo(np.int64).min
_OTHER_SIGNS: Final = {";": "';'", "\t": "tabs", "|": "'|'"}
_BLOCK_BYTES: Final = 8 << 20

Floats = NDArray[np.float64]
Longs = NDArray[np.int64]
Ints = NDArray[np.int32]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Table:
    """The cells of a file as trimmed text; `row` i8[n] is the line of each, the header being 1."""

    file: str
    columns: dict[str, pa.Array]
    row: Longs

    def __len__(self) -> int:
        return len(self.row)

    def __contains__(self, column: str) -> bool:
        return column in self.columns


def find(folder: Path, stem: str) -> Path | None:
    """`stem.csv` or `stem.csv.gz` in the folder, or None."""
    found = [path for path in (folder / f"{stem}.csv", folder / f"{stem}.csv.gz") if path.exists()]
    return found[0] if found else None


def read(path: Path, needed: Sequence[str], problems: Problems) -> Table | None:
    """The table of a file, or None where it cannot be read at all; what is wrong goes to `problems`."""
    begun = _header(path, problems)
    if begun is None or not _header_is_good(path.name, begun.header, needed, problems):
        return None
    header = begun.header
    if not begun.more:
        return Table(path.name, {name: pa.array([], pa.string()) for name in header}, np.empty(0, np.int64))
    skipped: list[int] = []
    try:
        table = _parse(path, header, skipped, problems)
    except (OSError, EOFError, zlib.error, pa.ArrowInvalid) as error:
        _add_fault_of_file(path, error, problems)
        return None
    columns = {name: _trimmed(table.column(name)) for name in header}
    return _without_blank_lines(Table(path.name, columns, _row_numbers(table.num_rows, skipped)))


class _Begun(NamedTuple):
    """The names of the columns, and whether anything follows them."""

    header: list[str]
    more: bool


def _header(path: Path, problems: Problems) -> _Begun | None:
    opened = gzip.open if path.suffix == ".gz" else open
    try:
        with opened(path, "rt", encoding="utf-8-sig", newline="") as lines:
            header = next(csv.reader(lines), None)
            more = bool(lines.read(1))
    except (OSError, EOFError, zlib.error, UnicodeDecodeError, csv.Error) as error:
        _add_fault_of_file(path, error, problems)
        return None
    if header is None:
        problems.add(path.name, None, None, "is empty: it needs a header and rows")
        return None
    if not any(name.strip() for name in header):
        problems.add(path.name, 1, None, "is blank: the names of the columns must stand there")
        return None
    return _Begun([name.strip() for name in header], more)


def _add_fault_of_file(path: Path, error: Exception, problems: Problems) -> None:
    found = fault_of_file(path)
    if found is None:
        why = str(error).splitlines()[0]
        found = None, f"is no CSV ({why}): is a quote left open, or a row over 8 MB long?"
    problems.add(path.name, found[0], None, found[1])


def _header_is_good(file: str, header: list[str], needed: Sequence[str], problems: Problems) -> bool:
    if len(header) == 1 and any(sign in header[0] for sign in _OTHER_SIGNS):
        sign = next(name for sign, name in _OTHER_SIGNS.items() if sign in header[0])
        problems.add(file, 1, None, f"cells are parted by {sign}: write them with ',' and decimals with '.'")
        return False
    missing = [name for name in needed if name not in header]
    for name in missing:
        problems.add(file, 1, name, f"is missing; the header has {', '.join(header)}")
    twice = sorted({name for name in header if header.count(name) > 1})
    for name in twice:
        problems.add(file, 1, name or "(without a name)", "stands twice in the header: rename or drop one")
    return not missing and not twice


def _parse(path: Path, header: list[str], skipped: list[int], problems: Problems) -> pa.Table:
    def unfit(row: Any) -> str:
        skipped.append(row.number)
        if row.text.strip():
            what = f"has {row.actual_columns} cells where the header has {row.expected_columns}"
            problems.add(path.name, row.number, None, f"{what}: look for a lost or a spare comma")
        return "skip"

    return pacsv.read_csv(
        path,
        # Rows are numbered only when one thread reads them.
        read_options=pacsv.ReadOptions(
            use_threads=False, column_names=header, skip_rows=1, block_size=_BLOCK_BYTES
        ),
        parse_options=pacsv.ParseOptions(invalid_row_handler=unfit, ignore_empty_lines=False),
        convert_options=pacsv.ConvertOptions(
            column_types=dict.fromkeys(header, pa.string()), strings_can_be_null=False
        ),
    )


def _row_numbers(count: int, skipped: list[int]) -> Longs:
    every = np.arange(2, count + len(skipped) + 2)
    return np.setdiff1d(every, np.array(skipped, np.int64), assume_unique=True)


def _without_blank_lines(table: Table) -> Table:
    blank = np.ones(len(table), np.bool_)
    for column in table.columns.values():
        blank &= pc.equal(column, "").to_numpy(zero_copy_only=False)
    if not blank.any():
        return table
    filled = pa.array(~blank)
    columns = {name: column.filter(filled) for name, column in table.columns.items()}
    return Table(table.file, columns, table.row[~blank])


def _trimmed(column: pa.ChunkedArray) -> pa.Array:
    return pc.utf8_trim_whitespace(column.combine_chunks())


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
