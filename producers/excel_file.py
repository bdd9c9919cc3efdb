"""A sheet of an Excel workbook as a table of text; its rows are numbered as the sheet numbers them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from producers.problems import Problems
from producers.table import Table, header_is_good, table_of

if TYPE_CHECKING:
    from python_calamine import CalamineWorkbook


def sheets(path: Path, problems: Problems) -> list[str]:
    """The names of a workbook's sheets; none where it is no workbook."""
    book = _open(path, problems)
    return [] if book is None else list(book.sheet_names)


def read_sheet(path: Path, sheet: str, problems: Problems) -> Table | None:
    """The table of a sheet, or None where it cannot be read; the first row with a cell in it is the header.

    A date of Excel carries no zone and becomes a time without one.
    """
    book = _open(path, problems)
    if book is None:
        return None
    name = f"{path.name}[{sheet}]" if len(book.sheet_names) > 1 else path.name
    rows = book.get_sheet_by_name(sheet).to_python(skip_empty_area=False)
    begin = next((i for i, row in enumerate(rows) if any(cell != "" for cell in row)), None)
    if begin is None:
        problems.add(name, None, None, "is empty: it needs a header and rows")
        return None
    header = [_text(cell) for cell in rows[begin]]
    used = [i for i, title in enumerate(header) if title or _has_cells(rows[begin + 1 :], i)]
    titles = [header[i] for i in used]
    if "" in titles:
        letter = _letter(used[titles.index("")])
        problems.add(name, begin + 1, None, f"column {letter} has cells and no name: name it, or clear it")
        return None
    if not header_is_good(name, begin + 1, titles, problems):
        return None
    columns = {
        title: pa.array(_texts(rows[begin + 1 :], i), pa.string())
        for i, title in zip(used, titles, strict=True)
    }
    return table_of(name, columns, np.arange(begin + 2, len(rows) + 1))


def _open(path: Path, problems: Problems) -> CalamineWorkbook | None:
    from python_calamine import CalamineError, CalamineWorkbook

    try:
        return CalamineWorkbook.from_path(str(path))
    except (CalamineError, OSError) as error:
        why = " ".join(str(error).split())
        problems.add(
            path.name, None, None, f"is no Excel workbook that can be read ({why}): save it as .xlsx"
        )
        return None


def _has_cells(rows: Sequence[Sequence[Any]], column: int) -> bool:
    return any(row[column] != "" for row in rows)


def _texts(rows: Sequence[Sequence[Any]], column: int) -> Iterator[str]:
    return (_text(row[column]) for row in rows)


def _text(cell: Any) -> str:
    """A cell as it would stand in a CSV file; a whole number has no point, for Excel knows no other."""
    if isinstance(cell, str):
        return cell.strip()
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() and abs(cell) < 1e15 else repr(cell)
    if isinstance(cell, datetime):
        return _whole_ms(cell)
    if isinstance(cell, date):
        return f"{cell.isoformat()}T00:00:00"
    return str(cell)


def _whole_ms(moment: datetime) -> str:
    """Excel keeps days as fractions, which miss whole seconds by microseconds."""
    rounded = (moment + timedelta(microseconds=500)).replace(tzinfo=None)
    rounded -= timedelta(microseconds=rounded.microsecond % 1000)
    return rounded.isoformat(timespec="milliseconds" if rounded.microsecond else "seconds")


def _letter(column: int) -> str:
    letters = ""
    while column >= 0:
        letters = chr(ord("A") + column % 26) + letters
        column = column // 26 - 1
    return letters
