"""Monthly partitions, made when the first row of a month comes.

They are attached, not created in place: ATTACH lets everybody read and write the table meanwhile, CREATE ...
PARTITION OF would wait for all of them.
"""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Final

import numpy as np
import psycopg2

from consumers.rows import Rows
from schemas.errors import GridcastError

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
    """Through a function of the tables' owner: a sink need not own them (`0007.roles.sql`)."""
    try:
        cursor.execute("select gridcast_make_month(%s, %s::date)", (table, _first_day(month)))
    except psycopg2.errors.UndefinedFunction as error:
        raise GridcastError(f"PostgreSQL cannot make {name}: run `gridcast up`") from error


def _first_day(month: int) -> str:
    return str(np.datetime64(month, "M").astype("datetime64[D]"))
