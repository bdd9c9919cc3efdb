"""What is known of jobs: their state, what they said, their files."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from schemas.errors import InputError

if TYPE_CHECKING:
    from psycopg2.extensions import cursor as Cursor

OVER: Final = frozenset({"done", "failed", "cancelled"})


@dataclass(frozen=True)
class Job:
    """One job. `state`: waiting, running, stopping, done, failed or cancelled; `progress` is a share."""

    job_id: int
    kind: str
    state: str
    arguments: dict[str, Any]
    because: str
    asked_by: str
    asked_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    runs: int
    losses: int
    progress: float
    stage: str
    result: dict[str, Any] | None
    error: str | None

    @property
    def over(self) -> bool:
        """Whether nothing more comes of it."""
        return self.state in OVER


COLUMNS: Final = ", ".join(Job.__dataclass_fields__)


def one(cursor: Cursor, job_id: int) -> Job:
    """A job. Raises `InputError` where there is none."""
    cursor.execute(f"select {COLUMNS} from job_states where job_id = %s", (job_id,))
    row = cursor.fetchone()
    if row is None:
        raise InputError(f"there is no job {job_id}: see `gridcast jobs list`")
    return Job(*row)


def stands(cursor: Cursor, job_id: int) -> tuple[str, int]:
    """State of a job, and how often it was begun. Raises `InputError` where there is none."""
    cursor.execute("select state, runs from job_states where job_id = %s", (job_id,))
    row = cursor.fetchone()
    if row is None:
        raise InputError(f"there is no job {job_id}")
    return str(row[0]), int(row[1])


def newest(cursor: Cursor, count: int, kind: str | None = None, state: str | None = None) -> list[Job]:
    """The newest jobs, newest first."""
    cursor.execute(
        f"select {COLUMNS} from job_states where (%(kind)s::text is null or kind = %(kind)s)"
        " and (%(state)s::text is null or state = %(state)s) order by job_id desc limit %(count)s",
        {"kind": kind, "state": state, "count": count},
    )
    return [Job(*row) for row in cursor.fetchall()]


def unfinished(cursor: Cursor, kind: str) -> list[Job]:
    """Jobs of a kind that wait or run, oldest first."""
    cursor.execute(
        f"select {COLUMNS} from job_states where kind = %s and state in ('waiting', 'running', 'stopping')"
        " order by job_id",
        (kind,),
    )
    return [Job(*row) for row in cursor.fetchall()]


def lines(cursor: Cursor, job_id: int, count: int) -> list[tuple[datetime, str]]:
    """The newest lines that a job has said, oldest first."""
    cursor.execute(
        "select at, text from (select line_id, at, text from job_lines where job_id = %s"
        " order by line_id desc limit %s) as newest order by line_id",
        (job_id, count),
    )
    return [(at, text) for at, text in cursor.fetchall()]


def say(cursor: Cursor, job_id: int, text: str) -> None:
    """Add a line to what a job has said."""
    cursor.execute("insert into job_lines (job_id, text) values (%s, %s)", (job_id, text.replace("\x00", "")))


def attach(cursor: Cursor, job_id: int, name: str, media: str, content: bytes) -> None:
    """Keep a file with a job; one of the same name is replaced."""
    cursor.execute(
        "insert into job_files (job_id, name, media, content) values (%s, %s, %s, %s)"
        " on conflict (job_id, name) do update set media = excluded.media, content = excluded.content",
        (job_id, name, media, content),
    )


def file(cursor: Cursor, job_id: int, name: str) -> tuple[str, bytes] | None:
    """Media type and content of a job's file; None where there is none."""
    cursor.execute("select media, content from job_files where job_id = %s and name = %s", (job_id, name))
    row = cursor.fetchone()
    return None if row is None else (str(row[0]), bytes(row[1]))


def begin(cursor: Cursor, job_id: int) -> Job:
    """Note that a job is run, and return it as it stands."""
    cursor.execute(
        "update jobs set runs = runs + 1, started_at = coalesce(started_at, now()), progress = 0, stage = ''"
        " where job_id = %s and ended_at is null",
        (job_id,),
    )
    return one(cursor, job_id)


def advance(cursor: Cursor, job_id: int, part: float, stage: str) -> None:
    """Note how far a job is, as a share from 0 to 1."""
    cursor.execute(
        "update jobs set progress = %s, stage = %s where job_id = %s",
        (min(max(part, 0.0), 1.0), stage[:200], job_id),
    )


def end(cursor: Cursor, job_id: int, result: dict[str, Any] | None, error: str | None = None) -> None:
    """Note what came of a job."""
    text = None if result is None else json.dumps(result, default=str)
    cursor.execute(
        "update jobs set ended_at = now(), result = %s, error = %s,"
        " progress = case when %s then 1 else progress end where job_id = %s and ended_at is null",
        (text, error, error is None and result is not None, job_id),
    )
