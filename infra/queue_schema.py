"""The tables and functions of procrastinate, the library that keeps the jobs: made, and brought up to date.

The library ships them as SQL, so no copy stands among our migrations. Ours come after and refer to them.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from schemas.errors import GridcastError

if TYPE_CHECKING:
    from psycopg2.extensions import cursor as Cursor


def prepare(cursor: Cursor) -> list[str]:
    """Make what is missing in one transaction; returns the names of the library's steps that were taken.

    Raises:
        GridcastError: the tables are there, and somebody else made them.
    """
    from procrastinate.schema import SchemaManager

    steps = sorted(Path(SchemaManager.get_migrations_path()).glob("*.sql"))
    names = [step.stem for step in steps]
    cursor.execute("select to_regclass('procrastinate_jobs'), to_regclass('queue_migrations')")
    queue, ours = cursor.fetchone() or (None, None)
    if queue is None:
        cursor.execute(SchemaManager.get_schema())
        cursor.execute(
            "create table queue_migrations (name text primary key, at timestamptz not null default now())"
        )
        cursor.execute("comment on table queue_migrations is 'Steps of procrastinate that this database had'")
        _note(cursor, names)
        return names
    if ours is None:
        raise GridcastError(
            "PostgreSQL holds tables of procrastinate that gridcast did not make:"
            " give gridcast a database of its own"
        )
    cursor.execute("select name from queue_migrations")
    had = {name for (name,) in cursor.fetchall()}
    missing = [step for step in steps if step.stem not in had]
    for step in missing:
        cursor.execute(step.read_text(encoding="utf-8"))
    _note(cursor, [step.stem for step in missing])
    return [step.stem for step in missing]


def _note(cursor: Cursor, names: list[str]) -> None:
    for name in names:
        cursor.execute("insert into queue_migrations (name) values (%s)", (name,))
