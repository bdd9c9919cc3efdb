"""A time whose day and hour stand in two columns, put together as one."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from producers.convert.names import Tables
from producers.table import Table

#: What a day of a sheet ends with, whose cells have no other form.
_MIDNIGHT = "T00:00:00"


def join(tables: Tables, names: Sequence[tuple[str, str]]) -> Tables:
    """Each table with a column `DAY+HOUR` in place of the two, where such a pair is to be renamed."""
    for old, _ in names:
        parts = old.split("+")
        if len(parts) == 2 and not any(old in table for table in tables.values()):
            tables = {stem: _joined(table, old, *parts) for stem, table in tables.items()}
    return tables


def _joined(table: Table, name: str, day: str, hour: str) -> Table:
    if day not in table or hour not in table:
        return table
    days = pc.replace_substring(table.columns[day], _MIDNIGHT, "")
    cells: pa.Array = pc.binary_join_element_wise(days, table.columns[hour], " ")
    kept = {column: found for column, found in table.columns.items() if column not in (day, hour)}
    return Table(table.file, {**kept, name: pc.utf8_trim_whitespace(cells)}, table.row, table.decimal)
