"""Rows into a table without ever overwriting.

Usually every row is new, and one COPY into the table does it. Where one is not, the COPY is undone, and the
rows are staged in a temporary table: what is new is inserted, the rest compared with what is there.
"""

import io
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import psycopg2
from psycopg2 import sql

from consumers import tables
from consumers.copy_binary import encode
from consumers.rows import Rows
from consumers.tables import Table

if TYPE_CHECKING:
    from psycopg2.extensions import cursor

_log = logging.getLogger(__name__)

_SHOWN: Final = 3
_SIZE_BYTES: Final = 4


@dataclass(frozen=True, slots=True)
class Counts:
    """What became of the rows of one table: offered = written + repeats + differing + corrections."""

    offered: int = 0
    written: int = 0
    repeats: int = 0
    differing: int = 0
    corrections: int = 0

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(
            self.offered + other.offered,
            self.written + other.written,
            self.repeats + other.repeats,
            self.differing + other.differing,
            self.corrections + other.corrections,
        )


def write_rows(cursor: "cursor", rows: Rows, likely_new: bool = True) -> Counts:
    """Insert the rows whose identity is new and count the others; in the caller's transaction.

    `likely_new`: whether to try without looking first; any answer gives the same rows.
    """
    if likely_new and _all_new(cursor, rows):
        return Counts(offered=len(rows), written=len(rows))
    if rows.table is tables.TELEMETRY:
        return _write_telemetry(cursor, rows)
    return _write_records(cursor, rows)


def _all_new(cursor: "cursor", rows: Rows) -> bool:
    """Write all the rows if no identity among them is known or there twice; else none."""
    cursor.execute("savepoint before_rows")
    try:
        _copy(cursor, rows, "table")
    except psycopg2.errors.UniqueViolation:
        cursor.execute("rollback to savepoint before_rows")
        return False
    cursor.execute("release savepoint before_rows")
    return True


def _write_records(cursor: "cursor", rows: Rows) -> Counts:
    """Rows of which every copy must say the same."""
    first: dict[tuple[bytes, ...], int] = {}
    again = [place for place, key in enumerate(_keys(rows)) if first.setdefault(key, place) != place]
    unique = rows.take(list(first.values())) if again else rows
    _stage(cursor, unique)
    written = _insert(cursor, rows.table, "")
    differing = _differing_inside(rows, first, again)
    if written < len(unique):
        differing += _differing_from_stored(cursor, rows.table)
    return Counts(len(rows), written, len(rows) - written - differing, differing)


def _write_telemetry(cursor: "cursor", rows: Rows) -> Counts:
    """The first value of a stamp stays; another value later in the journal is a correction beside it."""
    _stage(cursor, rows)
    written = _insert(cursor, rows.table, "journal_offset")
    corrections = 0
    if written < len(rows):
        cursor.execute(_CORRECT)
        corrections = cursor.fetchone()[0]  # type: ignore[index]  # an aggregate always has a row
    return Counts(len(rows), written, len(rows) - written - corrections, corrections=corrections)


#: A null later is no correction: it says nothing. Each change is looked at, so that the count and
#: `corrected_at` are the same however the journal was cut into batches.
_CORRECT: Final = """
with later as (
    select s.plant_id, s.event_time, s.journal_offset, s.known_at, s.power_kw,
        lag(
            s.power_kw, 1, case when t.corrected_at is null then t.power_kw else t.corrected_kw end
        ) over (partition by s.plant_id, s.event_time order by s.journal_offset) as before_kw
    from staged_telemetry s
    join telemetry t using (plant_id, event_time)
    where s.power_kw is not null
        and s.journal_offset > greatest(t.journal_offset, coalesce(t.corrected_offset, -1))
),
changed as (select * from later where power_kw is distinct from before_kw),
newest as (
    select distinct on (plant_id, event_time) *
    from changed
    order by plant_id, event_time, journal_offset desc
),
corrected as (
    update telemetry t
    set corrected_kw = n.power_kw, corrected_at = n.known_at, corrected_offset = n.journal_offset
    from newest n
    where t.plant_id = n.plant_id and t.event_time = n.event_time
)
select count(*) from changed
"""


def _stage(cursor: "cursor", rows: Rows) -> None:
    names = _names(rows.table)
    cursor.execute(
        sql.SQL(
            "create temporary table if not exists {staged} (like {table} including defaults)"
            " on commit delete rows"
        ).format(**names)
    )
    _copy(cursor, rows, "staged")


def _copy(cursor: "cursor", rows: Rows, target: str) -> None:
    names = _names(rows.table)
    copy = sql.SQL("copy {target} ({columns}) from stdin (format binary)")
    cursor.copy_expert(copy.format(target=names[target], **names), io.BytesIO(encode(rows.cells)))


def _insert(cursor: "cursor", table: Table, in_order_of: str) -> int:
    """Insert what is staged and new; the first of two copies is that with the lower `in_order_of`."""
    names = _names(table)
    statement = "insert into {table} ({columns}) select {columns} from {staged} on conflict do nothing"
    if in_order_of:
        names["order"] = sql.Identifier(in_order_of)
        statement = (
            "insert into {table} ({columns}) select distinct on ({key}) {columns} from {staged}"
            " order by {key}, {order} on conflict do nothing"
        )
    cursor.execute(sql.SQL(statement).format(**names))
    return cursor.rowcount


def _differing_inside(rows: Rows, first: dict[tuple[bytes, ...], int], again: list[int]) -> int:
    if not again:
        return 0
    values, keys = _tuples(rows, rows.table.compared), _keys(rows)
    differing = [place for place in again if values[place] != values[first[keys[place]]]]
    for place in differing[:_SHOWN]:
        _complain(rows.table, tuple(cell[_SIZE_BYTES:] for cell in keys[place]))
    return len(differing)


def _differing_from_stored(cursor: "cursor", table: Table) -> int:
    """Staged rows that a stored row contradicts; they are counted and shown, and change nothing."""
    names = _names(table)
    names["shown"] = sql.SQL(", ").join(sql.SQL("s.{}").format(sql.Identifier(name)) for name in table.key)
    for side in ("s", "t"):
        columns = [sql.SQL("{}.{}").format(sql.Identifier(side), sql.Identifier(n)) for n in table.compared]
        names[f"{side}_values"] = sql.SQL(", ").join(columns)
    cursor.execute(
        sql.SQL(
            "select {shown} from {staged} s join {table} t using ({key})"
            " where ({s_values}) is distinct from ({t_values})"
        ).format(**names)
    )
    found = cursor.fetchall()
    for identity in found[:_SHOWN]:
        _complain(table, identity)
    return len(found)


def _complain(table: Table, identity: tuple[object, ...]) -> None:
    _log.error("%s: another record of the same identity has other values: %s", table.name, identity)


def _keys(rows: Rows) -> list[tuple[bytes, ...]]:
    return _tuples(rows, rows.table.key)


def _tuples(rows: Rows, names: Sequence[str]) -> list[tuple[bytes, ...]]:
    return list(zip(*(rows.column(name).to_pylist() for name in names), strict=True))


def _names(table: Table) -> dict[str, sql.Composable]:
    return {
        "table": sql.Identifier(table.name),
        "staged": sql.Identifier(f"staged_{table.name}"),
        "columns": sql.SQL(", ").join(map(sql.Identifier, table.names)),
        "key": sql.SQL(", ").join(map(sql.Identifier, table.key)),
    }
