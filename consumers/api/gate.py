"""Who asks, and whether he may: the way into every route that is not public.

`KeyFirst` finds the key before anything of a request is read; the dependencies look at its role.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, Final

import psycopg2
from fastapi import Depends, Request, Response, Security
from fastapi.routing import APIRoute
from fastapi.security import APIKeyHeader, HTTPAuthorizationCredentials, HTTPBearer
from starlette.concurrency import run_in_threadpool

from consumers.api import keys
from consumers.api.audit import Actor
from consumers.api.edge import address
from consumers.api.keys import Key, Role
from consumers.api.problems import RETRY_S, Problem
from infra import metrics
from schemas.errors import ServiceUnavailable

if TYPE_CHECKING:
    from consumers.api.database import Database
    from consumers.api.parts import Parts

#: A key that was looked up is not looked up again for so long; so long a revoked one may live on.
FRESH_S: Final = 5.0
#: A stream looks so often, and takes no older news, so that it ends as soon as a revoked key does.
LOOK_S: Final = 4.0
#: While PostgreSQL is away keys that were good go on being so; the newest forecasts are in memory.
STALE_S: Final = 300.0
_NOTE_USE_EVERY_S: Final = 60.0
_MOST_REMEMBERED: Final = 10_000

_BEARER = HTTPBearer(auto_error=False, description="A key of `gridcast keys add`.")
_HEADER = APIKeyHeader(name="X-API-Key", auto_error=False, description="The same, in a header of its own.")


class Doorkeeper:
    """Looks keys up, remembers them for a moment, and notes when each was last used."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: dict[str, tuple[float, Key]] = {}
        self._used: dict[str, datetime] = {}
        self._noted_s = time.monotonic()
        self._lock = threading.Lock()
        self.looking = asyncio.Lock()  # of streams: one at a time, so that they never take every connection

    def remembered(self, token: str, within_s: float = FRESH_S) -> Key | None:
        """A key that was found lately, without asking anybody. Only hashes of tokens are kept in memory."""
        found = self._known.get(keys.digest(token))
        return found[1] if found is not None and time.monotonic() - found[0] < within_s else None

    def find(self, token: str) -> Key | None:
        """The key that a text is; None for any other text. Asks PostgreSQL.

        Raises:
            ServiceUnavailable: it does not answer, and the key was not seen in the last minutes.
        """
        try:
            with self._database.reading() as cursor:
                found = keys.find(cursor, token)
        except (ServiceUnavailable, psycopg2.OperationalError, psycopg2.InterfaceError) as error:
            held = self.remembered(token, STALE_S)
            if held is None:
                raise ServiceUnavailable("keys cannot be looked up") from error
            return held
        if found is None:
            self._known.pop(keys.digest(token), None)
            return None
        if len(self._known) >= _MOST_REMEMBERED:
            self._known.clear()
        self._known[keys.digest(token)] = time.monotonic(), found
        self.note_uses()
        return found

    def used(self, key: Key) -> None:
        """A good key was shown."""
        self._used[key.key_id] = datetime.now(UTC)

    def note_uses(self, at_once: bool = False) -> None:
        """Write down who was here, once in a while; what fails is tried again the next time."""
        with self._lock:
            if not self._used or not (at_once or time.monotonic() - self._noted_s > _NOTE_USE_EVERY_S):
                return
            self._noted_s = time.monotonic()
            used, self._used = self._used, {}
        try:
            with self._database.writing() as cursor:
                keys.note_use(cursor, used)
        except (ServiceUnavailable, psycopg2.Error):
            self._used = {**used, **self._used}


class KeyFirst(APIRoute):
    """A route whose body is read for a good key alone: without one a broken body is a 401 like any other, and
    nobody's text is parsed for him.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def handled(request: Request) -> Response:
            bearer, header = await _BEARER(request), await _HEADER(request)
            token = bearer.credentials if bearer is not None else header
            request.scope["state"]["key"] = await _known(request, token)
            request.scope["state"]["still_holds"] = lambda: _still_holds(request.app.state.parts, token or "")
            return await handle(request)

        return handled


def needs(role: Role) -> Callable[..., Coroutine[Any, Any, Key]]:
    """A dependency of a `KeyFirst` route: the key that was shown, if it may what `role` may."""

    async def checked(
        request: Request,
        _bearer: Annotated[HTTPAuthorizationCredentials | None, Security(_BEARER)] = None,
        _header: Annotated[str | None, Security(_HEADER)] = None,
    ) -> Key:
        key: Key = request.scope["state"]["key"]
        expect_role(key, role)
        return key

    return checked


def expect_role(key: Key, role: Role, what: str = "this") -> None:
    """Raises `Problem` (403) where a key may not what `role` may."""
    if not key.role.includes(role):
        metrics.API_REFUSED.labels("role").inc()
        raise Problem(403, f"{what} needs a key with the role {role.value}; yours is {key.role.value}")


def charge(given: Parts, key: Key, items: int) -> None:
    """Count a request of a key as so many. Raises `Problem` (429) where that is too often."""
    _expect_no_wait(given.limits.of_items(key.key_id, key.per_minute, items))


async def _still_holds(parts: Parts, token: str) -> bool:
    """Whether a key that was good a while ago opens anything now."""
    doorkeeper = parts.doorkeeper
    async with doorkeeper.looking:
        key = doorkeeper.remembered(token, FRESH_S - LOOK_S)
        if key is None:
            try:
                key = await run_in_threadpool(doorkeeper.find, token)
            except ServiceUnavailable:
                return False
    return key is not None and key.holds(datetime.now(UTC))


async def _known(request: Request, token: str | None) -> Key:
    parts, where = request.app.state.parts, address(request.scope)
    if not token:
        metrics.API_REFUSED.labels("no_key").inc()
        raise _unauthorized("show a key: Authorization: Bearer KEY, or X-API-Key: KEY")
    doorkeeper: Doorkeeper = parts.doorkeeper
    key = doorkeeper.remembered(token)
    if key is None:
        if doorkeeper.remembered(token, STALE_S) is None:
            # Only then: who shares an address with somebody that guesses is not shut out with him.
            _look_at_guesses(parts, where)
        try:
            key = await run_in_threadpool(doorkeeper.find, token)
        except ServiceUnavailable:
            raise Problem(
                503, "keys cannot be looked up now: try again", {"Retry-After": str(RETRY_S)}
            ) from None
    if key is None or not key.holds(datetime.now(UTC)):
        parts.limits.failed(where)
        metrics.API_REFUSED.labels("wrong_key").inc()
        raise _unauthorized("this key is unknown, expired or revoked")
    _expect_no_wait(parts.limits.of_key(key.key_id, key.per_minute))
    doorkeeper.used(key)
    request.scope["state"]["key_id"] = key.key_id
    return key


def _look_at_guesses(parts: Any, where: str) -> None:
    wait_s = parts.limits.guessing(where)
    if wait_s is not None:
        metrics.API_REFUSED.labels("address_rate").inc()
        raise Problem(429, "too many wrong keys came from this address", {"Retry-After": str(wait_s)})


def _expect_no_wait(wait_s: int | None) -> None:
    if wait_s is not None:
        metrics.API_REFUSED.labels("key_rate").inc()
        raise Problem(429, "too many requests with this key", {"Retry-After": str(wait_s)})


def _unauthorized(detail: str) -> Problem:
    return Problem(401, detail, {"WWW-Authenticate": 'Bearer realm="gridcast"'})


def actor(request: Request, key: Key) -> Actor:
    """Who acts, for the audit trail."""
    request_id = str(request.scope["state"]["request_id"])
    return Actor(key.name, key.key_id, request_id, address(request.scope))


Reader = Annotated[Key, Depends(needs(Role.READER))]
Operator = Annotated[Key, Depends(needs(Role.OPERATOR))]
Admin = Annotated[Key, Depends(needs(Role.ADMIN))]
