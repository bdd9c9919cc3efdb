"""Rows into a table without ever overwriting.

Usually the table has none of the identities, and one COPY into it does it; rows that come again within the
batch are told apart before. Where an identity is known, the COPY is undone, and the rows are staged in a
temporary table: what is new is inserted, the rest compared with what is there.
"""

import io
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import psycopg2
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from psycopg2 import sql

from consumers import tables
from consumers.copy_binary import NULL, encode, identities
from consumers.rows import Rows
from consumers.tables import Table

if TYPE_CHECKING:
    from psycopg2.extensions import cursor

_log = logging.getLogger(__name__)

_SHOWN: Final = 3
_SIZE_BYTES: Final = 4


@dataclass(frozen=True, slots=True)
class Counts:
    """What became of the rows of one table: offered = written + repeats + differing + corrections.

    `known`: identities among them that the table had before.
    """

    offered: int = 0
    written: int = 0
    repeats: int = 0
    differing: int = 0
    corrections: int = 0
    known: int = 0

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(
            self.offered + other.offered,
            self.written + other.written,
            self.repeats + other.repeats,
            self.differing + other.differing,
            self.corrections + other.corrections,
            self.known + other.known,
        )


@dataclass(frozen=True, slots=True)
class _Batch:
    """Rows with the place at which the identity of each came first in the batch, i8[n]."""

    rows: Rows
    first: NDArray[np.int64]

    @classmethod
    def of(cls, rows: Rows) -> "_Batch":
        number = identities([rows.column(name) for name in rows.table.key])
        return cls(rows, np.unique(number, return_index=True)[1][number])

    @property
    def again(self) -> NDArray[np.int64]:
        """Places of rows whose identity came before in the batch."""
        return np.flatnonzero(self.first != np.arange(len(self.first)))

    @property
    def unique(self) -> Rows:
        """The first row of each identity."""
        return self.rows.take(np.unique(self.first)) if self.again.size else self.rows


def write_rows(cursor: "cursor", rows: Rows, likely_new: bool = True) -> Counts:
    """Insert the rows whose identity is new and count the others; in the caller's transaction.

    `likely_new`: whether to try without looking first; any answer gives the same rows.
    """
    batch = _Batch.of(rows)
    is_copied = likely_new and _all_new(cursor, batch.unique)
    write = _write_telemetry if rows.table is tables.TELEMETRY else _write_records
    return write(cursor, batch, is_copied)


def _all_new(cursor: "cursor", rows: Rows) -> bool:
    """Write all the rows, each with an identity of its own, if the table has none of these; else none."""
    cursor.execute("savepoint before_rows")
    try:
        _copy(cursor, rows, "table")
    except psycopg2.errors.UniqueViolation:
        cursor.execute("rollback to savepoint before_rows")
        return False
    cursor.execute("release savepoint before_rows")
    return True


def _write_records(cursor: "cursor", batch: _Batch, is_copied: bool) -> Counts:
    """Rows of which every copy must say the same."""
    rows, unique = batch.rows, batch.unique
    written = len(unique)
    if not is_copied:
        _stage(cursor, unique)
        written = _insert(cursor, rows.table, "")
    differing = _differing_inside(batch)
    known = len(unique) - written
    if known:
        differing += _differing_from_stored(cursor, rows.table)
    return Counts(len(rows), written, len(rows) - written - differing, differing, known=known)


def _write_telemetry(cursor: "cursor", batch: _Batch, is_copied: bool) -> Counts:
    """The first value of a stamp stays; another value later in the journal is a correction beside it."""
    rows, unique = batch.rows, batch.unique
    written, corrections = len(unique), 0
    if not is_copied:
        _stage(cursor, rows)
        written = _insert(cursor, rows.table, "journal_offset")
        looked_at = len(rows) - written
    elif looked_at := len(otherwise := _otherwise(batch)):
        _stage(cursor, rows.take(otherwise))
    if looked_at:
        cursor.execute(_CORRECT)
        corrections = cursor.fetchone()[0]  # type: ignore[index]  # an aggregate always has a row
    repeats = len(rows) - written - corrections
    return Counts(len(rows), written, repeats, corrections=corrections, known=len(unique) - written)


def _otherwise(batch: _Batch) -> NDArray[np.int64]:
    """Places of scans that came again, of the stamps where any of them says another value than the first."""
    power, again = batch.rows.column("power_kw"), batch.again
    values, before = power.take(pa.array(again)), power.take(pa.array(batch.first[again]))
    says = pc.and_(pc.not_equal(values, before), pc.not_equal(values, pa.scalar(NULL, pa.binary())))
    return again[np.isin(batch.first[again], batch.first[again][says.to_numpy(zero_copy_only=False)])]


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


def _differing_inside(batch: _Batch) -> int:
    again = batch.again.tolist()
    if not again:
        return 0
    first = batch.first[again].tolist()
    rows, compared = batch.rows, batch.rows.table.compared
    values = zip(_tuples(rows.take(again), compared), _tuples(rows.take(first), compared), strict=True)
    differing = [place for place, (one, other) in zip(again, values, strict=True) if one != other]
    for key in _tuples(rows.take(differing[:_SHOWN]), rows.table.key):
        _complain(rows.table, tuple(cell[_SIZE_BYTES:] for cell in key))
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


def _tuples(rows: Rows, names: Sequence[str]) -> list[tuple[bytes, ...]]:
    return list(zip(*(rows.column(name).to_pylist() for name in names), strict=True))


def _names(table: Table) -> dict[str, sql.Composable]:
    return {
        "table": sql.Identifier(table.name),
        "staged": sql.Identifier(f"staged_{table.name}"),
        "columns": sql.SQL(", ").join(map(sql.Identifier, table.names)),
        "key": sql.SQL(", ").join(map(sql.Identifier, table.key)),
    }
