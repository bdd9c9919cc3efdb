"""Schedules: jobs that are asked for by the clock (cron, UTC). One function each for the API and the command
line; `fire` is for what runs the jobs.

A due time and the job that it asks for are written in one transaction, so no time is fired twice, however
many processes look and whenever one of them is killed. Times that were missed are made up for by one job.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import psycopg2

from consumers.jobs import queue
from consumers.jobs.names import TRAIN
from consumers.jobs.orders import train_order
from consumers.jobs.queue import Asker
from schemas.errors import InputError

if TYPE_CHECKING:
    from psycopg2.extensions import cursor as Cursor

_log = logging.getLogger(__name__)
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")
_DAYS: Final = "mon|tue|wed|thu|fri|sat|sun"
_MONTHS: Final = "jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec"


def _field(one: str) -> str:
    """A star, or one to twenty values and ranges; either with a step."""
    return rf"(\*(/[1-9][0-9]?)?|({one})(-({one}))?(,({one})(-({one}))?){{0,19}})"


#: Minute, hour, day, month, weekday. The library knows more, some of it drawn by lot.
CRON: Final = (
    f"^{_field('[0-5]?[0-9]')} {_field('[01]?[0-9]|2[0-3]')} {_field('[1-9]|[12][0-9]|3[01]')}"
    f" {_field(f'[1-9]|1[0-2]|{_MONTHS}')} {_field(f'[0-6]|{_DAYS}')}$"
)
#: Kinds that a schedule may ask for, and what looks at their arguments.
CHECKS: Final[Mapping[str, Callable[[object], object]]] = {TRAIN: train_order}


@dataclass(frozen=True)
class Schedule:
    """One schedule; `next_at` is when it asks the next time, unless it is paused."""

    name: str
    cron: str
    kind: str
    arguments: dict[str, Any]
    paused: bool
    next_at: datetime
    made_at: datetime
    made_by: str
    changed_at: datetime
    changed_by: str


@dataclass(frozen=True)
class Fired:
    """One run of a schedule: when it was due, and the job that it asked for (None once that is forgotten)."""

    name: str
    due_at: datetime
    asked_at: datetime
    job_id: int | None
    state: str | None


class Exists(InputError):
    """There is a schedule of this name."""


_COLUMNS: Final = ", ".join(Schedule.__dataclass_fields__)


def listed(cursor: Cursor) -> list[Schedule]:
    """Every schedule, by name."""
    cursor.execute(f"select {_COLUMNS} from schedules order by name")
    return [Schedule(*row) for row in cursor.fetchall()]


def one(cursor: Cursor, name: str) -> Schedule:
    """A schedule. Raises `InputError` where there is none."""
    cursor.execute(f"select {_COLUMNS} from schedules where name = %s", (name,))
    return _only(cursor, name)


def make(
    cursor: Cursor,
    name: str,
    cron: str,
    kind: str,
    arguments: Mapping[str, Any],
    by: str,
    paused: bool = False,
) -> Schedule:
    """A new schedule, which asks for the first time when its cron expression next says so.

    Raises:
        Exists: there is one of this name.
        InputError: name, cron expression, kind or arguments are wrong.
    """
    if not _NAME.fullmatch(name):
        raise InputError("a schedule's name has 1 to 100 letters, digits, '-', '_' and '.'")
    _check(kind, arguments)
    cursor.execute(
        "insert into schedules (name, cron, kind, arguments, paused, next_at, made_by, changed_by)"
        " values (%s, %s, %s, %s, %s, %s, %s, %s) on conflict do nothing"
        f" returning {_COLUMNS}",
        (name, cron, kind, json.dumps(arguments), paused, after(cron, datetime.now(UTC)), by, by),
    )
    row = cursor.fetchone()
    if row is None:
        raise Exists(f"there is a schedule {name} already: change it, or take another name")
    return Schedule(*row)


def change(
    cursor: Cursor,
    name: str,
    by: str,
    cron: str | None = None,
    arguments: Mapping[str, Any] | None = None,
    paused: bool | None = None,
) -> Schedule:
    """Change what is given. A schedule that goes on again asks from now on: what it missed while it was
    paused is not made up for.

    Raises:
        InputError: there is none, or what is given is wrong.
    """
    cursor.execute(f"select {_COLUMNS} from schedules where name = %s for update", (name,))
    before = _only(cursor, name)
    if arguments is not None:
        _check(before.kind, arguments)
    wanted = cron or before.cron
    goes_on = before.paused and paused is False
    anew = wanted != before.cron or goes_on
    cursor.execute(
        "update schedules set cron = %s, arguments = %s, paused = %s, next_at = %s, changed_at = now(),"
        f" changed_by = %s where name = %s returning {_COLUMNS}",
        (
            wanted, json.dumps(before.arguments if arguments is None else arguments),
            before.paused if paused is None else paused,
            after(wanted, datetime.now(UTC)) if anew else before.next_at, by, name,
        ),
    )  # fmt: skip
    return _only(cursor, name)


def remove(cursor: Cursor, name: str) -> Schedule:
    """Take a schedule away; what it has run stays known. Raises `InputError` where there is none."""
    cursor.execute(f"delete from schedules where name = %s returning {_COLUMNS}", (name,))
    return _only(cursor, name)


def runs(cursor: Cursor, name: str, count: int) -> list[Fired]:
    """The newest runs of a schedule, newest first."""
    cursor.execute(
        "select r.name, r.due_at, r.asked_at, r.job_id, j.state from schedule_runs r"
        " left join job_states j using (job_id) where r.name = %s order by r.due_at desc limit %s",
        (name, count),
    )
    return [Fired(*row) for row in cursor.fetchall()]


def fire(cursor: Cursor, now: datetime) -> list[tuple[str, int]]:
    """Ask for the jobs of every schedule that is due; returns names and jobs. Commit it at once.

    Whoever else looks meanwhile passes over what this transaction holds.
    """
    cursor.execute(
        f"select {_COLUMNS} from schedules where not paused and next_at <= %s order by name"
        " for update skip locked",
        (now,),
    )
    fired = []
    for due in [Schedule(*row) for row in cursor.fetchall()]:
        cursor.execute(
            "insert into schedule_runs (name, due_at) values (%s, %s) on conflict do nothing returning name",
            (due.name, due.next_at),
        )
        if cursor.fetchone() is not None:
            job_id = _ask(cursor, due)
            fired += [] if job_id is None else [(due.name, job_id)]
        _move(cursor, due, now)
    return fired


def _ask(cursor: Cursor, due: Schedule) -> int | None:
    """The job of a due time; None where it cannot be asked for: the other schedules still are."""
    cursor.execute("savepoint asking")
    try:
        who = f"schedule {due.name}"
        job_id = queue.enqueue(cursor, due.kind, due.arguments, Asker(who), who)
    except (InputError, psycopg2.DataError, psycopg2.IntegrityError) as error:
        cursor.execute("rollback to savepoint asking")
        _log.error("schedule %s cannot ask for its job: %s", due.name, " ".join(str(error).split()))
        return None
    cursor.execute(
        "update schedule_runs set job_id = %s where name = %s and due_at = %s",
        (job_id, due.name, due.next_at),
    )
    return job_id


def _move(cursor: Cursor, due: Schedule, now: datetime) -> None:
    """To its next time; one whose expression has none is paused."""
    try:
        next_at = after(due.cron, now)
    except InputError as error:
        _log.error("schedule %s is paused: %s", due.name, error)
        cursor.execute("update schedules set paused = true where name = %s", (due.name,))
    else:
        cursor.execute("update schedules set next_at = %s where name = %s", (next_at, due.name))


def after(cron: str, at: datetime) -> datetime:
    """The first time of a cron expression (UTC) after a time. Raises `InputError` for what is none."""
    from croniter import croniter
    from croniter.croniter import CroniterError

    if len(cron) > 200 or not re.fullmatch(CRON[1:-1], cron):
        raise InputError(
            "a cron expression has five parts, as '0 3 * * 1': minute, hour, day, month, weekday"
        )
    try:
        found: datetime = croniter(cron, at).get_next(datetime)
    except (CroniterError, ValueError, KeyError) as error:
        raise InputError(f"{cron!r} is no cron expression: {' '.join(str(error).split())}") from None
    return found


def _check(kind: str, arguments: Mapping[str, Any]) -> None:
    look = CHECKS.get(kind)
    if look is None:
        raise InputError(f"a schedule can ask for {', '.join(CHECKS)}, not for {kind!r}")
    look(arguments)
    queue.as_text(arguments)


def _only(cursor: Cursor, name: str) -> Schedule:
    row = cursor.fetchone()
    if row is None:
        raise InputError(f"there is no schedule {name}: see `gridcast schedule list`")
    return Schedule(*row)
