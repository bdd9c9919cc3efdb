"""How every action of the API is done: with its row in the audit trail, whatever comes of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeVar

import psycopg2
from fastapi import Header, Request
from pydantic_core import to_json

from consumers.api.answers import JSON, fresh
from consumers.api.audit import Actor, record
from consumers.api.gate import actor
from consumers.api.problems import Problem
from consumers.releases import NoRelease
from schemas.errors import GridcastError, InputError

if TYPE_CHECKING:
    from fastapi import Response
    from psycopg2.extensions import cursor as Cursor
    from pydantic import BaseModel

    from consumers.api.keys import Key
    from consumers.api.parts import Parts

T = TypeVar("T")

#: One change of releases at a time, through whatever process of the API.
_CHANGES_LOCK: Final = 7_304_120
IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key", min_length=1, max_length=200, pattern=r"^[!-~]+$",
        description="The same key and the same request get the same job, however often they are sent.",
    ),
]  # fmt: skip


class Busy(InputError):
    """Somebody else changes releases right now."""


@contextmanager
def acting(
    given: Parts,
    request: Request,
    key: Key,
    action: str,
    subject: str,
    detail: Mapping[str, Any] | None = None,
) -> Iterator[Cursor]:
    """A transaction that does something in PostgreSQL, and its row of the trail in the same one.

    What the block refuses with a `Problem` is rolled back, and is in the trail too.
    """
    who = actor(request, key)
    try:
        with given.database.writing() as cursor:
            yield cursor
            record(cursor, who, action, subject, "done", detail)
    except Problem as refusal:
        _note(given, who, action, subject, f"refused: {refusal.detail}"[:500], detail)
        raise


def changing(
    given: Parts,
    request: Request,
    key: Key,
    action: str,
    subject: str,
    detail: Mapping[str, Any],
    act: Callable[[], T],
) -> T:
    """Do something on Kafka, one such change at a time. That it was asked for is in the trail before it is
    done, for PostgreSQL and Kafka cannot be written in one.

    Raises:
        Problem: 404, there is no such release; 409, it was refused, and why.
    """
    who = actor(request, key)
    _note(given, who, action, subject, "asked", detail)
    try:
        with given.database.writing() as cursor:
            # Kafka may take longer than a session may be idle in a transaction.
            cursor.execute("set local idle_in_transaction_session_timeout = 0")
            cursor.execute("select pg_try_advisory_xact_lock(%s)", (_CHANGES_LOCK,))
            if cursor.fetchone() != (True,):
                raise Busy("another change of releases is under way: try again")
            done = act()
            record(cursor, who, action, subject, "done", detail)
            return done
    except InputError as refusal:
        _note(given, who, action, subject, f"refused: {refusal}"[:500], detail)
        if isinstance(refusal, NoRelease):
            raise Problem(404, "there is no such release: /v1/releases lists them") from None
        raise Problem(409, str(refusal)) from None
    except (GridcastError, psycopg2.Error) as error:
        # It may stand all the same: what is on Kafka tells.
        _note(given, who, action, subject, f"failed: {type(error).__name__}", detail)
        raise


def done(row: Mapping[str, Any], model: type[BaseModel], status: int = 200, **headers: str) -> Response:
    """The answer to an action: what stands now."""
    told = {name: row.get(name) for name in model.model_fields}
    return fresh(JSON, to_json(told, inf_nan_mode="null"), status, headers)


def _note(
    given: Parts, who: Actor, action: str, subject: str, outcome: str, detail: Mapping[str, Any] | None
) -> None:
    with given.database.writing() as cursor:
        record(cursor, who, action, subject, outcome, detail)
