"""Jobs whose process ended without a word: run once more, and not a third time."""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence
from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import psycopg2
from procrastinate.jobs import Status

from consumers.jobs import queue, store
from consumers.jobs.work import locked, unlock
from infra.postgres import connect
from schemas.errors import ServiceUnavailable

if TYPE_CHECKING:
    from psycopg2.extensions import cursor as Cursor

    from infra.settings import Settings

_log = logging.getLogger(__name__)
#: A job that ended its process twice would do so for ever.
MOST_LOSSES: Final = 1


def recover(settings: Settings, kinds: Sequence[str], mine: Collection[int] = ()) -> list[int]:
    """Put lost jobs of these kinds back, or end them; returns their ids.

    A job is lost when the worker that took it has sent no sign for `jobs_lost_s` and its lock is free: a
    process that is merely slow holds it still. Nor are those lost that this very process runs (`mine`): it
    takes their locks again by itself where the server was away.

    Raises:
        ServiceUnavailable: PostgreSQL does not answer.
    """
    found = []
    try:
        with closing(connect(settings, "gridcast-jobs-lost")) as server:
            with server, server.cursor() as cursor:
                silent = queue.silent(cursor, kinds, settings.jobs_lost_s)
            for job_id in silent:
                if job_id in mine:
                    continue
                with server, server.cursor() as cursor:
                    if not locked(cursor, job_id):
                        continue
                    if _settle(cursor, job_id):
                        found.append(job_id)
                with server, server.cursor() as cursor:
                    unlock(cursor, job_id)
    except (psycopg2.OperationalError, psycopg2.InterfaceError) as error:
        raise ServiceUnavailable(f"PostgreSQL went away: {error}") from error
    return found


def _settle(cursor: Cursor, job_id: int) -> bool:
    cursor.execute(
        "select abort_requested from procrastinate_jobs where id = %s and status = 'doing' for update",
        (job_id,),
    )
    row = cursor.fetchone()
    if row is None:
        return False
    cursor.execute("update jobs set losses = losses + 1 where job_id = %s and ended_at is null", (job_id,))
    job = store.one(cursor, job_id)
    if job.ended_at is not None:
        queue.finish(cursor, job_id, Status.FAILED if job.error else Status.SUCCEEDED)
    elif row[0]:
        store.end(cursor, job_id, None, "cancelled")
        queue.finish(cursor, job_id, Status.ABORTED)
    elif job.losses > MOST_LOSSES:
        store.end(cursor, job_id, None, f"the process that ran it ended {job.losses} times without a word")
        queue.finish(cursor, job_id, Status.FAILED)
    else:
        store.say(cursor, job_id, "the process that ran it ended without a word: it is run once more")
        queue.put_back(cursor, job_id, datetime.now(UTC))
    _log.warning("job %d was lost: %s", job_id, store.one(cursor, job_id).state)
    return True
