"""Asking for a job, and cancelling one: in the transaction of whoever asks, so that both happen or neither.

procrastinate keeps the queue. A job there has no arguments: those stand in `jobs`, where the library's log
does not see them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from procrastinate.contrib.psycopg2 import Psycopg2Connector
from procrastinate.jobs import Job as Queued
from procrastinate.jobs import Status
from procrastinate.manager import JobManager
from procrastinate.sql import queries
from psycopg2.extras import RealDictCursor

from consumers.jobs.names import ALONE, TRAIN
from schemas.errors import InputError

if TYPE_CHECKING:
    from psycopg2.extensions import cursor as Cursor

#: The first of the two numbers of an advisory lock, for keys of idempotency.
_IDEMPOTENCY_LOCK: Final = 7_304_116
_ROOM_LOCK: Final = 7_304_121  # the same, for counting what an asker has asked for
LONGEST_KEY: Final = 200
LONGEST_ARGUMENTS: Final = 100_000


@dataclass(frozen=True)
class Asker:
    """Who asks: a key of the API, a user of the machine, a schedule or a trigger."""

    who: str
    key_id: str | None = None


class TooMany(InputError):
    """The asker has as many jobs that wait or run as he may."""


class OtherRequest(InputError):
    """A key of idempotency was used before, for something else."""


def enqueue(
    cursor: Cursor,
    kind: str,
    arguments: Mapping[str, Any],
    by: Asker,
    because: str = "by hand",
    idempotency_key: str | None = None,
    not_before: datetime | None = None,
    most_unfinished: int | None = None,
    asked: Mapping[str, Any] | None = None,
) -> int:
    """Ask for a job; returns its id. It is there once the transaction of `cursor` is committed.

    Args:
        arguments: what its kind needs, as JSON of 100 kB at most; larger things are files (`store.attach`).
        idempotency_key: the same asker with the same key gets the same job, however often he asks.
        most_unfinished: so many jobs that are not over may an asker have.
        asked: what was asked for, where `arguments` were made of it and of how things stand.

    Raises:
        TooMany: he has them already.
        OtherRequest: the key was used with other arguments.
        InputError: the arguments are too large.
    """
    text = as_text(arguments)
    request = text if asked is None else json.dumps(asked, sort_keys=True, allow_nan=False)
    digest = hashlib.sha256(f"{kind} {request}".encode()).hexdigest()
    if idempotency_key is not None:
        before = _asked_before(cursor, by, idempotency_key, digest)
        if before is not None:
            return before
    if most_unfinished is not None:
        _expect_room(cursor, by, most_unfinished)
    queued = Queued(
        id=None, queue=kind, task_name=kind, lock=kind if kind in ALONE else None, queueing_lock=None,
        scheduled_at=not_before, priority=1 if kind == TRAIN else 0,
    )  # fmt: skip
    job_id = _manager(cursor).defer_job(queued).id
    assert job_id is not None
    cursor.execute(
        "insert into jobs (job_id, kind, arguments, because, asked_by, key_id, idempotency_key, asked_sha256)"
        " values (%s, %s, %s, %s, %s, %s, %s, %s)",
        (job_id, kind, text, because, by.who, by.key_id, idempotency_key, digest),
    )
    return job_id


def as_text(arguments: Mapping[str, Any]) -> str:
    """Arguments as they are kept. Raises `InputError` where they are too large."""
    text = json.dumps(arguments, sort_keys=True, allow_nan=False)
    if len(text) > LONGEST_ARGUMENTS:
        raise InputError(f"the arguments of a job may have {LONGEST_ARGUMENTS} characters at most")
    return text


def cancel(cursor: Cursor, job_id: int) -> bool:
    """Ask that a job ends: one that waits never begins, one that runs is told. False where it is over."""
    cursor.execute("select status from procrastinate_jobs where id = %s for update", (job_id,))
    if _manager(cursor).cancel_job_by_id(job_id, abort=True):
        cursor.execute(
            "update jobs set ended_at = now() where job_id = %s and exists"
            " (select from procrastinate_jobs where id = %s and status = 'cancelled')",
            (job_id, job_id),
        )
        return True
    return False


def silent(cursor: Cursor, kinds: Sequence[str], silent_s: float) -> list[int]:
    """Jobs of these kinds that run in workers that have sent no sign for so long, or that are over and run on
    in the queue. None where the server itself began since: it could hear nobody.
    """
    cursor.execute("select pg_postmaster_start_time() > now() - %s * interval '1 second'", (silent_s,))
    if cursor.fetchone() == (True,):
        return []
    found = _Borrowed(cursor).execute_query_all(
        queries["select_stalled_jobs_by_heartbeat"],
        queue=None,
        task_name=None,
        seconds_since_heartbeat=silent_s,
    )
    ids = {int(row["id"]) for row in found if row["task_name"] in kinds}
    # One that is over, and whose end the queue was not told of.
    cursor.execute(
        "select id from procrastinate_jobs join jobs on jobs.job_id = procrastinate_jobs.id"
        " where status = 'doing' and kind = any(%s) and ended_at < now() - %s * interval '1 second'",
        (list(kinds), silent_s),
    )
    return sorted(ids | {int(job_id) for (job_id,) in cursor.fetchall()})


def put_back(cursor: Cursor, job_id: int, at: datetime) -> None:
    """Let a job that runs wait again."""
    _manager(cursor).retry_job_by_id(job_id, at)


def finish(cursor: Cursor, job_id: int, status: Status) -> None:
    """End a job that runs."""
    _Borrowed(cursor).execute_query(
        queries["finish_job"], job_id=job_id, status=status.value, delete_job=False
    )


def _asked_before(cursor: Cursor, by: Asker, key: str, digest: str) -> int | None:
    if len(key) > LONGEST_KEY or not key.isprintable():
        raise InputError(f"a key of idempotency has {LONGEST_KEY} printable characters at most")
    who = by.key_id or by.who
    # Two requests with one key at once: the second one waits, and finds what the first one made.
    cursor.execute("select pg_advisory_xact_lock(%s, hashtext(%s))", (_IDEMPOTENCY_LOCK, f"{who} {key}"))
    cursor.execute(
        "select job_id, asked_sha256 from jobs"
        " where coalesce(key_id, asked_by) = %s and idempotency_key = %s",
        (who, key),
    )
    row = cursor.fetchone()
    if row is None:
        return None
    if row[1] != digest:
        raise OtherRequest("this Idempotency-Key was used for another request: take a new one")
    return int(row[0])


def _expect_room(cursor: Cursor, by: Asker, most: int) -> None:
    who = by.key_id or by.who
    # Who asks twice at once is counted twice.
    cursor.execute("select pg_advisory_xact_lock(%s, hashtext(%s))", (_ROOM_LOCK, who))
    cursor.execute(
        "select count(*) from jobs join procrastinate_jobs as queue on queue.id = jobs.job_id"
        " where coalesce(key_id, asked_by) = %s and queue.status in ('todo', 'doing')",
        (who,),
    )
    row = cursor.fetchone()
    if row is not None and int(row[0]) >= most:
        raise TooMany(f"{most} jobs of yours wait or run: ask again when one is over, or cancel one")


class _Borrowed(Psycopg2Connector):
    """The library's statements on a connection that is ours, in the transaction that runs there."""

    def __init__(self, cursor: Cursor) -> None:
        super().__init__()
        self._connection_of = cursor.connection

    def execute_query(self, query: str, **arguments: Any) -> None:
        with self._connection_of.cursor() as cursor:
            cursor.execute(query, self._wrap_json(arguments))

    def execute_query_one(self, query: str, **arguments: Any) -> dict[str, Any]:
        with self._connection_of.cursor(cursor_factory=RealDictCursor) as cursor:
            cursor.execute(query, self._wrap_json(arguments))
            return cursor.fetchone()  # type: ignore[return-value]

    def execute_query_all(self, query: str, **arguments: Any) -> Any:
        with self._connection_of.cursor(cursor_factory=RealDictCursor) as cursor:
            cursor.execute(query, self._wrap_json(arguments))
            return cursor.fetchall()


def _manager(cursor: Cursor) -> JobManager:
    return JobManager(_Borrowed(cursor))
