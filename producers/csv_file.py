"""A CSV file read strictly, as text: a row with too few or too many cells is named by its line."""

from __future__ import annotations

import csv
import gzip
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv

from producers.problems import Problems
from producers.table import Longs, Table, header_is_good, table_of
from producers.unreadable import fault_of_file

_OTHER_SIGNS: Final = {";": "';'", "\t": "tabs", "|": "'|'"}
_BLOCK_BYTES: Final = 8 << 20


@dataclass(frozen=True)
class Dialect:
    """The sign between cells and the sign in decimals."""

    separator: str = ","
    decimal: str = "."


CANONICAL: Final = Dialect()


def read_csv(path: Path, problems: Problems, dialect: Dialect = CANONICAL) -> Table | None:
    """The table of a file, or None where it cannot be read at all; what is wrong goes to `problems`.

    A file in whose first line the dialect's separator does not stand is read as one parted by commas.
    """
    begun = _header(path, dialect, problems)
    if begun is None or not _header_is_good(path.name, begun.header, problems):
        return None
    header, dialect = begun.header, begun.dialect
    if not begun.more:
        return Table(path.name, {name: pa.array([], pa.string()) for name in header}, np.empty(0, np.int64))
    skipped: list[int] = []
    try:
        table = _parse(path, begun, skipped, problems)
    except (OSError, EOFError, zlib.error, pa.ArrowInvalid) as error:
        _add_fault_of_file(path, error, problems)
        return None
    columns = {name: _trimmed(table.column(name)) for name in header}
    return table_of(path.name, columns, _row_numbers(table.num_rows, skipped), dialect.decimal)


class _Begun(NamedTuple):
    """The names of the columns, how they are parted, and whether anything follows them."""

    header: list[str]
    dialect: Dialect
    more: bool


def _header(path: Path, dialect: Dialect, problems: Problems) -> _Begun | None:
    opened = gzip.open if path.suffix == ".gz" else open
    try:
        with opened(path, "rt", encoding="utf-8-sig", newline="") as lines:
            header = next(csv.reader(lines, delimiter=dialect.separator), None)
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
    if len(header) == 1 and dialect.separator != ",":
        return _header(path, CANONICAL, problems)
    return _Begun([name.strip() for name in header], dialect, more)


def _add_fault_of_file(path: Path, error: Exception, problems: Problems) -> None:
    found = fault_of_file(path)
    if found is None:
        why = str(error).splitlines()[0]
        found = None, f"is no CSV ({why}): is a quote left open, or a row over 8 MB long?"
    problems.add(path.name, found[0], None, found[1])


def _header_is_good(file: str, header: list[str], problems: Problems) -> bool:
    if len(header) == 1 and any(sign in header[0] for sign in _OTHER_SIGNS):
        sign = next(name for sign, name in _OTHER_SIGNS.items() if sign in header[0])
        problems.add(file, 1, None, f"cells are parted by {sign}: write them with ',' and decimals with '.'")
        return False
    return header_is_good(file, 1, header, problems)


def _parse(path: Path, begun: _Begun, skipped: list[int], problems: Problems) -> pa.Table:
    def unfit(row: Any) -> str:
        skipped.append(row.number)
        if row.text.strip():
            what = f"has {row.actual_columns} cells where the header has {row.expected_columns}"
            sign = "comma" if begun.dialect.separator == "," else repr(begun.dialect.separator)
            problems.add(path.name, row.number, None, f"{what}: look for a lost or a spare {sign}")
        return "skip"

    return pacsv.read_csv(
        path,
        # Rows are numbered only when one thread reads them.
        read_options=pacsv.ReadOptions(
            use_threads=False, column_names=begun.header, skip_rows=1, block_size=_BLOCK_BYTES
        ),
        parse_options=pacsv.ParseOptions(
            delimiter=begun.dialect.separator, invalid_row_handler=unfit, ignore_empty_lines=False
        ),
        convert_options=pacsv.ConvertOptions(
            column_types=dict.fromkeys(begun.header, pa.string()), strings_can_be_null=False
        ),
    )


def _row_numbers(count: int, skipped: list[int]) -> Longs:
    every = np.arange(2, count + len(skipped) + 2)
    return np.setdiff1d(every, np.array(skipped, np.int64), assume_unique=True)


def _trimmed(column: pa.ChunkedArray) -> pa.Array:
    return pc.utf8_trim_whitespace(column.combine_chunks())
