"""Jobs that have been over for long, let go."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from psycopg2.extensions import cursor as Cursor


def let_go(cursor: Cursor, days: int) -> int:
    """Forget jobs that ended so many days ago, with what they said and their files; returns how many.

    What schedules have asked for when stays known, without its job.
    """
    cursor.execute(
        "delete from procrastinate_jobs where id in (select job_id from jobs"
        " where ended_at < now() - %s * interval '1 day')"
        " and status in ('succeeded', 'failed', 'cancelled', 'aborted')",
        (days,),
    )
    return int(cursor.rowcount)
