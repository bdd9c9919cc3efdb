"""PostgreSQL: connections in UTC, migrations, rows by COPY."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg2
from psycopg2 import sql

from infra.local import without_password
from schemas.errors import GridcastError, ServiceUnavailable, SettingsError

if TYPE_CHECKING:
    from psycopg2.extensions import connection as Connection
    from psycopg2.extensions import cursor as Cursor

    from infra.settings import Settings

MIGRATIONS = Path(__file__).parent / "migrations"
#: Any number that no other program of the database uses: one migration at a time.
_MIGRATION_LOCK = 7_304_114
_CONNECT_TIMEOUT_S = 10
#: What waiting does not mend.
_FINAL = ("authentication failed", "SSL error", "certificate verify failed", "does not match host name")


def connect(
    settings: Settings, name: str = "gridcast", limits_s: Mapping[str, float] | None = None
) -> Connection:
    """A connection that thinks in UTC; `name` shows in `pg_stat_activity`. Raises `ServiceUnavailable`.

    `limits_s`: time-outs that the server shall keep for this session, by PostgreSQL's names.
    """
    limits = "".join(f" -c {limit}={max(1, round(s * 1000))}" for limit, s in (limits_s or {}).items())
    dsn = settings.postgres_dsn.get_secret_value()
    try:
        return psycopg2.connect(
            dsn,
            application_name=name,
            connect_timeout=_CONNECT_TIMEOUT_S,
            options=f"-c timezone=UTC{limits}",
            keepalives_idle=30,
            keepalives_interval=10,
            keepalives_count=3,
        )
    except psycopg2.OperationalError as error:
        raise ServiceUnavailable(f"PostgreSQL at {_place(dsn)} does not answer: {_line(error)}") from error
    except psycopg2.ProgrammingError:
        # The DSN itself cannot be read; what is said of it quotes it, with its password.
        raise SettingsError(
            "GRIDCAST_POSTGRES cannot be read: write it as postgresql://user:password@host:port/database"
        ) from None


@contextmanager
def transaction(settings: Settings, name: str = "gridcast") -> Iterator[Cursor]:
    """A cursor in one transaction on its own connection: committed at the end, rolled back by an error."""
    connection = connect(settings, name)
    try:
        with connection, connection.cursor() as cursor:
            yield cursor
    except (psycopg2.OperationalError, psycopg2.InterfaceError) as error:
        raise ServiceUnavailable(f"PostgreSQL went away: {_line(error)}") from error
    except psycopg2.errors.InsufficientPrivilege as error:
        raise GridcastError(f"PostgreSQL refuses: {_line(error)}: see docs/security.md for roles") from error
    finally:
        connection.close()


def wait_for_postgres(settings: Settings, timeout_s: float) -> None:
    """Return once the database answers; raises `ServiceUnavailable` after `timeout_s`."""
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            connect(settings).close()
            return
        except ServiceUnavailable as error:
            if time.monotonic() >= deadline or any(said in str(error) for said in _FINAL):
                raise
            time.sleep(0.3)


def migrate(settings: Settings, folder: Path = MIGRATIONS, only: Collection[str] | None = None) -> list[str]:
    """Apply the migrations that this database has not had; returns their names. Safe to run twice at once.

    `only`: no others than these, as a restore of older rows needs.
    """
    from yoyo import get_backend, read_migrations

    from infra import queue_schema

    lock = connect(settings, "gridcast-migrate")
    try:
        with lock.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(%s)", (_MIGRATION_LOCK,))
        with closing(connect(settings, "gridcast-migrate")) as queue, queue, queue.cursor() as cursor:
            queue_schema.prepare(cursor)
        backend = get_backend(settings.postgres_dsn.get_secret_value())
        try:
            wanted = read_migrations(str(folder)).filter(lambda one: only is None or one.id in only)
            missing = backend.to_apply(wanted)
            backend.apply_migrations(missing)
            return [migration.id for migration in missing]
        finally:
            backend.connection.close()
    except psycopg2.Error as error:
        raise GridcastError(f"a migration failed: {_line(error)}") from error
    finally:
        lock.close()


def copy_rows(
    cursor: Cursor, table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]], step: int = 5000
) -> int:
    """Write rows by COPY, `step` at a time; returns how many. `columns` comes from code, never from data.

    Values: None, bool, int, float (nan and infinities as PostgreSQL's), str, bytes, `datetime` with a zone,
    sequences (arrays), dict (json). A list inside a list is a row of a two-dimensional array.
    """
    target = sql.SQL("COPY {} ({}) FROM STDIN").format(
        sql.Identifier(*table.split(".")), sql.SQL(", ").join(map(sql.Identifier, columns))
    )
    written = 0
    lines: list[str] = []
    for row in rows:
        lines.append("\t".join(map(copy_text, row)))
        if len(lines) == step:
            written += _flush(cursor, target, lines)
    return written + _flush(cursor, target, lines)


def _flush(cursor: Cursor, target: sql.Composed, lines: list[str]) -> int:
    if lines:
        cursor.copy_expert(target, StringIO("\n".join(lines) + "\n"))
    count = len(lines)
    lines.clear()
    return count


_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


def copy_text(value: Any) -> str:
    """One value in the text format of COPY."""
    if value is None:
        return "\\N"
    return _text(value).translate(_ESCAPES)


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value.replace("\x00", "")  # PostgreSQL has no NUL in text
    if isinstance(value, bool):
        return "t" if value else "f"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return _number(value)
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, bytes):
        return "\\x" + value.hex()
    if isinstance(value, dict):
        return json.dumps(value, allow_nan=False)
    if hasattr(value, "tolist"):  # arrays and scalars of NumPy
        return _text(value.tolist())
    if isinstance(value, list | tuple):
        return "{" + ",".join(map(_element, value)) + "}"
    raise TypeError(f"{type(value).__name__} has no form in COPY")


def _element(value: Any) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, str):
        return '"' + _text(value).replace("\\", "\\\\").replace('"', '\\"') + '"'
    return _text(value)


def _number(value: float) -> str:
    if math.isfinite(value):
        return repr(value)
    return "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")


def timestamp(time_ms: int | None) -> datetime | None:
    """Epoch milliseconds as what a `timestamptz` column takes."""
    return None if time_ms is None else datetime.fromtimestamp(time_ms / 1000, UTC)


def _line(error: Exception) -> str:
    return " ".join(str(error).split())


def _place(dsn: str) -> str:
    return without_password(dsn).partition("?")[0]
