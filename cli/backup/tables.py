"""Every table of gridcast as a file of COPY's text, and back.

Tables are asked of the catalogue, so one that a migration adds is in the next backup by itself.
"""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from psycopg2 import sql

from schemas.errors import InputError

if TYPE_CHECKING:
    from psycopg2.extensions import cursor as Cursor

    from cli.backup.folder import NewFolder

Say = Callable[[str], object]
_LEVEL: Final = 3
#: Where is noted which steps made the tables; a restore takes those steps anew.
_NOT_OURS: Final = ("\\_yoyo%", "yoyo\\_lock", "queue\\_migrations")
_TABLES: Final = """
select c.oid, c.relname from pg_class c
where c.relnamespace = current_schema()::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
    and c.relname not like all (%s)
order by c.relname
"""
_COLUMNS: Final = """
select attname from pg_attribute
where attrelid = %s and attnum > 0 and not attisdropped and attgenerated = '' order by attnum
"""
_MONTHS: Final = """
select c.relname from pg_inherits i join pg_class c on c.oid = i.inhrelid where i.inhparent = %s order by 1
"""
#: What a table points at must be there before it.
_POINTS_AT: Final = """
select a.relname, b.relname from pg_constraint k
join pg_class a on a.oid = k.conrelid join pg_class b on b.oid = k.confrelid
where k.contype = 'f' and a.oid <> b.oid and a.relnamespace = current_schema()::regnamespace
"""


def dump(cursor: Cursor, folder: NewFolder, say: Say) -> dict[str, Any]:
    """Write every table as this transaction sees it; returns what a restore must know.

    The transaction has to be repeatable read, or the tables would be of different moments.
    """
    tables = {}
    for oid, name in _rows(cursor, _TABLES, list(_NOT_OURS)):
        columns = [column for (column,) in _rows(cursor, _COLUMNS, oid)]
        months = [month for (month,) in _rows(cursor, _MONTHS, oid)]
        path = folder.file(f"tables/{name}.copy.gz")
        with path.open("wb") as raw, gzip.GzipFile("", "wb", _LEVEL, raw, mtime=0) as file:
            cursor.copy_expert(
                _statement("copy (select {columns} from {table}) to stdout", name, columns), file
            )
        tables[name] = {"columns": columns, "months": months, "rows": cursor.rowcount}
        say(f"{name}: {cursor.rowcount} rows")
    sequences = dict(
        _rows(
            cursor,
            "select sequencename, last_value from pg_sequences"
            " where schemaname = current_schema() and last_value is not null",
        )
    )
    migrations = [one for (one,) in _rows(cursor, "select migration_id from _yoyo_migration order by 1")]
    return {"tables": tables, "sequences": sequences, "migrations": migrations}


def load(cursor: Cursor, folder: Path, told: dict[str, Any], say: Say) -> int:
    """Put the rows back into tables that are there and empty; returns how many.

    Raises:
        InputError: a table holds rows, or is not there.
    """
    here = {name for _, name in _rows(cursor, _TABLES, list(_NOT_OURS))}
    missing = sorted(set(told["tables"]) - here)
    if missing:
        raise InputError(f"the database has no table {', '.join(missing)}, which the backup has")
    names = _in_order(cursor, list(told["tables"]))
    for name in names:
        if _rows(cursor, _statement("select 1 from {table} limit 1", name)):
            raise InputError(f"the table {name} holds rows: a restore is for an empty database")
    rows = 0
    for name in names:
        one = told["tables"][name]
        for month in one["months"]:
            _make_month(cursor, name, month)
        # What triggers would do to these rows was done when they were first written.
        cursor.execute(_statement("alter table {table} disable trigger user", name))
        with gzip.open(folder / f"tables/{name}.copy.gz") as file:
            cursor.copy_expert(_statement("copy {table} ({columns}) from stdin", name, one["columns"]), file)
        cursor.execute(_statement("alter table {table} enable trigger user", name))
        if cursor.connection and (found := _count(cursor, name)) != one["rows"]:
            raise InputError(f"the table {name} has {found} rows, the backup had {one['rows']}")
        rows += one["rows"]
        say(f"{name}: {one['rows']} rows")
    for sequence, value in told["sequences"].items():
        cursor.execute("select setval(%s::regclass, %s)", (sequence, value))
    return rows


def _make_month(cursor: Cursor, table: str, month: str) -> None:
    year, number = month.removeprefix(f"{table}_").split("_")
    if not _rows(cursor, "select 1 where to_regclass(%s) is not null", month):
        cursor.execute("select gridcast_make_month(%s, %s::date)", (table, f"{year}-{number}-01"))


def _in_order(cursor: Cursor, names: list[str]) -> list[str]:
    needs: dict[str, set[str]] = {name: set() for name in names}
    for table, target in _rows(cursor, _POINTS_AT):
        if table in needs and target in needs:
            needs[table].add(target)
    ordered: list[str] = []
    while len(ordered) < len(names):
        ready = [name for name in names if name not in ordered and needs[name] <= set(ordered)]
        if not ready:
            raise InputError(f"tables point at each other: {', '.join(sorted(set(names) - set(ordered)))}")
        ordered += ready
    return ordered


def _count(cursor: Cursor, name: str) -> int:
    return int(_rows(cursor, _statement("select count(*) from {table}", name))[0][0])


def _statement(text: str, table: str, columns: list[str] | None = None) -> sql.Composed:
    listed = sql.SQL(", ").join(map(sql.Identifier, columns or []))
    return sql.SQL(text).format(table=sql.Identifier(table), columns=listed)


def _rows(cursor: Cursor, statement: Any, *given: Any) -> list[Any]:
    cursor.execute(statement, given or None)
    return cursor.fetchall()
