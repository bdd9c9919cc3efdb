"""What PostgreSQL no longer has to keep: months by dropping their partition, other rows by deleting them.

A month goes when every plant that has rows in it has newer ones by so many days: age is by each plant's own
clock, so a history of 2014 that was published last week stays whole. A month with an open event stays too.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import psycopg2
from psycopg2 import sql

from infra.postgres import connect
from schemas.errors import GridcastError, ServiceUnavailable

if TYPE_CHECKING:
    from psycopg2.extensions import connection as Connection
    from psycopg2.extensions import cursor as Cursor

    from infra.settings import Settings

#: Who reads or writes a table waits behind us while we wait for it; so we do not wait for long.
_LOCK_S: Final = 3.0
_ATTEMPTS: Final = 3
_ROWS_AT_ONCE: Final = 10_000
_SHOWN: Final = 3
_MONTH: Final = re.compile(r"_(\d{4})_(\d{2})$")


@dataclass(frozen=True)
class Parted:
    """A table of months: its time, the setting that says for how many days, and what else keeps a month."""

    table: str
    time: str
    setting: str
    held_by: str = "select null where false"


@dataclass(frozen=True)
class Aged:
    """Rows that are let go by the wall clock: `rows` says which, with %s for the days."""

    table: str
    setting: str
    rows: str


MONTHS: Final = (
    Parted("telemetry", "event_time", "keep_telemetry_days"),
    Parted("weather_runs", "published_at", "keep_telemetry_days"),
    Parted("forecasts", "issued_at", "keep_forecasts_days"),
    Parted("scores", "valid_at", "keep_scores_days"),
    Parted(
        "anomalies", "started_at", "keep_scores_days",
        "select distinct plant_id from open_anomalies where started_at >= %(first)s and started_at < %(end)s",
    ),
)  # fmt: skip
_OVER: Final = (
    "select alert_id from alerts where state in ('cleared', 'passed')"
    " and coalesce(cleared_at, event_time) < now() - %s * interval '1 day'"
    " and not exists (select from alert_deliveries d where d.alert_id = alerts.alert_id"
    " and d.state in ('waiting', 'handed'))"
)
#: In the order in which rows may go: what points at others first.
ROWS: Final = (
    Aged("rejects", "keep_rejects_days", "written_at < now() - %s * interval '1 day'"),
    Aged("alert_deliveries", "keep_alerts_days", f"alert_id in ({_OVER})"),
    Aged(
        "alert_notices", "keep_alerts_days",
        f"alert_id in ({_OVER})"
        " and not exists (select from alert_deliveries d where d.notice_id = alert_notices.notice_id)",
    ),
    Aged(
        "alerts", "keep_alerts_days",
        f"alert_id in ({_OVER})"
        " and not exists (select from alert_notices n where n.alert_id = alerts.alert_id)",
    ),
    Aged("api_audit", "keep_audit_days", "at < now() - %s * interval '1 day'"),
)  # fmt: skip


@dataclass(frozen=True)
class Month:
    """A partition that is old enough by the wall clock, and which plants still need it."""

    table: str
    name: str
    size_bytes: int
    needed_by: tuple[str, ...]
    dropped: bool = False
    trouble: str = ""

    @property
    def what(self) -> str:
        """What becomes of it, in words."""
        if self.needed_by:
            more = f" and {len(self.needed_by) - _SHOWN} more" if len(self.needed_by) > _SHOWN else ""
            return f"stays for {', '.join(self.needed_by[:_SHOWN])}{more}"
        return self.trouble or ("dropped" if self.dropped else "to be dropped")


@dataclass(frozen=True)
class Gone:
    """How many rows of a table were, or would be, deleted."""

    table: str
    rows: int


def retain(settings: Settings, dry: bool) -> tuple[list[Month], list[Gone]]:
    """Drop and delete what the settings no longer keep; `dry` only says what would go.

    Raises:
        ServiceUnavailable: PostgreSQL does not answer.
        GridcastError: the user does not own the tables.
    """
    try:
        with closing(connect(settings, "gridcast-retention", {"lock_timeout": _LOCK_S})) as server:
            months = [
                month if dry or month.needed_by else _dropped(server, part, month, _days(settings, part))
                for part in MONTHS
                if _days(settings, part)
                for month in _old_months(server, part, _days(settings, part))
            ]
            return months, [
                _aged(server, one, _days(settings, one), dry) for one in ROWS if _days(settings, one)
            ]
    except psycopg2.errors.InsufficientPrivilege as error:
        raise GridcastError(
            f"PostgreSQL refuses: {_line(error)}: retention is for the owner of the tables, as `up` is"
        ) from error
    except psycopg2.errors.UndefinedTable as error:
        raise GridcastError(f"PostgreSQL lacks a table: {_line(error)}: run `gridcast up`") from error
    except (psycopg2.OperationalError, psycopg2.InterfaceError) as error:
        raise ServiceUnavailable(f"PostgreSQL went away: {_line(error)}") from error


def _days(settings: Settings, one: Parted | Aged) -> int:
    return int(getattr(settings, one.setting))


def _old_months(server: Connection, part: Parted, days: int) -> list[Month]:
    limit = datetime.now(UTC) - timedelta(days=days)
    with server, server.cursor() as cursor:
        cursor.execute(
            "select c.relname, pg_total_relation_size(c.oid) from pg_inherits i"
            " join pg_class c on c.oid = i.inhrelid where i.inhparent = %s::regclass order by 1",
            (part.table,),
        )
        found: Sequence[tuple[str, int]] = cursor.fetchall()
        return [
            Month(part.table, name, size, _needed_by(cursor, part, name, days))
            for name, size in found
            if _MONTH.search(name) and _bounds(name)[1] <= limit
        ]


def _bounds(name: str) -> tuple[datetime, datetime]:
    """First instant of a partition's month, and of the next one."""
    found = _MONTH.search(name)
    assert found is not None
    year, month = int(found[1]), int(found[2])
    return datetime(year, month, 1, tzinfo=UTC), datetime(year + month // 12, month % 12 + 1, 1, tzinfo=UTC)


def _needed_by(cursor: Cursor, part: Parted, name: str, days: int) -> tuple[str, ...]:
    first, end = _bounds(name)
    cursor.execute(
        sql.SQL(
            "select plant_id from (select distinct plant_id from {month}) there where ("
            " select max(t.{time}) from {table} t where t.plant_id = there.plant_id"
            ") < %(end)s + %(days)s * interval '1 day' union " + part.held_by + " order by plant_id"
        ).format(
            month=sql.Identifier(name), time=sql.Identifier(part.time), table=sql.Identifier(part.table)
        ),
        {"first": first, "end": end, "days": days},
    )
    return tuple(plant_id for (plant_id,) in cursor.fetchall())


def _dropped(server: Connection, part: Parted, month: Month, days: int) -> Month:
    """Detached and dropped in one transaction, after another look: rows may have come meanwhile.

    While it looks, which may take minutes, the month alone is closed, and to writers alone; the table is
    closed for the moment of the detaching.
    """
    for _ in range(_ATTEMPTS):
        try:
            with server, server.cursor() as cursor:
                names = sql.Identifier(part.table), sql.Identifier(month.name)
                cursor.execute(sql.SQL("lock table {} in share row exclusive mode").format(names[1]))
                needed_by = _needed_by(cursor, part, month.name, days)
                if needed_by:
                    return Month(month.table, month.name, month.size_bytes, needed_by)
                cursor.execute(sql.SQL("lock table only {} in access exclusive mode").format(names[0]))
                cursor.execute(sql.SQL("alter table {} detach partition {}").format(*names))
                cursor.execute(sql.SQL("drop table {}").format(names[1]))
            return Month(month.table, month.name, month.size_bytes, (), True)
        except (psycopg2.errors.LockNotAvailable, psycopg2.errors.DeadlockDetected):
            continue
    return Month(
        month.table, month.name, month.size_bytes, (), False, "left: another session holds its table"
    )


def _aged(server: Connection, one: Aged, days: int, dry: bool) -> Gone:
    table = sql.Identifier(one.table)
    if dry:
        with server, server.cursor() as cursor:
            cursor.execute(
                sql.SQL("select count(*) from {} where " + one.rows).format(table), _given(one, days)
            )
            return Gone(one.table, int(_only(cursor)))
    rows = 0
    while True:
        with server, server.cursor() as cursor:
            cursor.execute(
                sql.SQL(
                    "delete from {0} where ctid in (select ctid from {0} where "
                    + one.rows
                    + f" limit {_ROWS_AT_ONCE})"
                ).format(table),
                _given(one, days),
            )
            rows += cursor.rowcount
            if cursor.rowcount < _ROWS_AT_ONCE:
                return Gone(one.table, rows)


def _given(one: Aged, days: int) -> list[int]:
    return [days] * one.rows.count("%s")


def _only(cursor: Cursor) -> Any:
    row = cursor.fetchone()
    assert row is not None
    return row[0]


def _line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
