"""Monthly partitions, made when the first row of a month comes.

They are attached, not created in place: ATTACH lets everybody read and write the table meanwhile, CREATE ...
PARTITION OF would wait for all of them.
"""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Final

import numpy as np
from psycopg2 import sql

from consumers.rows import Rows

if TYPE_CHECKING:
    from psycopg2.extensions import connection, cursor

#: One sink at a time makes partitions; the number means nothing but must be the same in all of them.
_LOCK: Final = 7_205_759_403


def needed(rows: Iterable[Rows]) -> dict[str, tuple[str, int]]:
    """The partitions that rows fall into: name -> table and month since 1970-01."""
    return {
        f"{one.table.name}_{_first_day(month)[:7].replace('-', '_')}": (one.table.name, month)
        for one in rows
        for month in sorted(one.months)
    }


def ensure(server: "connection", wanted: Mapping[str, tuple[str, int]]) -> list[str]:
    """Make the missing partitions of `wanted` in a transaction of their own; returns their names."""
    if not wanted:
        return []
    with server, server.cursor() as cursor:
        missing = _missing(cursor, list(wanted))
        if missing:
            cursor.execute("select pg_advisory_xact_lock(%s)", (_LOCK,))
            missing = _missing(cursor, missing)
        for name in missing:
            _make(cursor, name, *wanted[name])
    return missing


def _missing(cursor: "cursor", names: list[str]) -> list[str]:
    cursor.execute("select name from unnest(%s) as name where to_regclass(name) is null", (names,))
    return sorted(name for (name,) in cursor.fetchall())


def _make(cursor: "cursor", name: str, table: str, month: int) -> None:
    parts = {
        "name": sql.Identifier(name),
        "table": sql.Identifier(table),
        "start": sql.Literal(f"{_first_day(month)} 00:00:00+00"),
        "end": sql.Literal(f"{_first_day(month + 1)} 00:00:00+00"),
    }
    cursor.execute(
        sql.SQL(
            "create table {name} (like {table} including defaults including constraints including storage)"
        ).format(**parts)
    )
    cursor.execute(
        sql.SQL("alter table {table} attach partition {name} for values from ({start}) to ({end})").format(
            **parts
        )
    )


def _first_day(month: int) -> str:
    return str(np.datetime64(month, "M").astype("datetime64[D]"))
