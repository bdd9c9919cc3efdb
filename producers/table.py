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
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
from numpy.typing import NDArray

from producers.problems import Problems

NO_VALUE: Final = ("", "NaN", "nan", "NA", "N/A", "null", "NULL", "None")
NO_TIME: Final = np.iinfo(np.int64).min

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
    header = _header(path, problems)
    if header is None or not _header_is_good(path.name, header, needed, problems):
        return None
    skipped: list[int] = []
    try:
        table = _parse(path, header, skipped, problems)
    except (OSError, EOFError, zlib.error) as error:
        problems.add(path.name, None, None, f"cannot be read ({error}): is the file whole?")
        return None
    except pa.ArrowInvalid as error:
        problems.add(path.name, None, None, f"is no CSV of UTF-8 text ({_first_line(error)})")
        return None
    columns = {name: _trimmed(table.column(name)) for name in header}
    return _without_blank_lines(Table(path.name, columns, _row_numbers(table.num_rows, skipped)))


def _header(path: Path, problems: Problems) -> list[str] | None:
    opened = gzip.open if path.suffix == ".gz" else open
    try:
        with opened(path, "rt", encoding="utf-8-sig", newline="") as lines:
            header = next(csv.reader(lines), None)
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        problems.add(path.name, None, None, f"cannot be read ({error}): is it text, or whole gzip?")
        return None
    if header is None:
        problems.add(path.name, None, None, "is empty: it needs a header and rows")
    return header and [name.strip() for name in header]


def _header_is_good(file: str, header: list[str], needed: Sequence[str], problems: Problems) -> bool:
    if len(header) == 1 and ";" in header[0]:
        problems.add(file, 1, None, "cells are parted by ';': write them with ',' and decimals with '.'")
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
        read_options=pacsv.ReadOptions(use_threads=False, column_names=header, skip_rows=1),
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


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0]


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
    made, faults = _convert(values, _number, np.nan)
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
        slow, faults = _convert(values, _time, NO_TIME)
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
    return micros // 1000


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


def _number(text: str) -> float:
    try:
        value = float(text) if "_" not in text else None
    except ValueError:
        value = None
    if value is None:
        hint = (
            "decimals are written with a point" if "," in text else "leave the cell empty where there is none"
        )
        raise ValueError(f"{text!r} is not a number: {hint}")
    if not np.isfinite(value):
        raise ValueError(f"{text!r} is not a finite number: leave the cell empty where there is none")
    return value


def _time(text: str) -> int:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text!r} is no time: write ISO 8601 in UTC, as 2024-06-01T12:00:00Z") from None
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} does not say its time zone: end it with Z for UTC, or with its offset")
    return round(moment.timestamp() * 1000)
