"""One change of releases at a time, whoever makes it: the API, the command line, the schedule, a training."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Final

import psycopg2

from infra.postgres import connect
from schemas.errors import InputError, ServiceUnavailable, SettingsError

if TYPE_CHECKING:
    from psycopg2.extensions import connection as Connection

    from infra.settings import Settings

_log = logging.getLogger(__name__)
#: Any number that no other program of the database uses.
_LOCK: Final = 7_304_122
PATIENCE_S: Final = 30.0
_AGAIN_S: Final = 0.2


@contextmanager
def one_change(settings: Settings, patience_s: float = PATIENCE_S) -> Iterator[None]:
    """Hold the lock of changes while the block runs. Where PostgreSQL is away or not known there is none:
    releases are Kafka's, and a person must be able to roll back then too.

    Raises:
        InputError: another change held it for `patience_s`.
    """
    server = _server(settings)
    if server is None:
        yield
        return
    with closing(server):
        _take(server, patience_s)
        yield


def _server(settings: Settings) -> Connection | None:
    try:
        return connect(settings, "gridcast-change")
    except (ServiceUnavailable, SettingsError) as error:
        _log.warning("nobody else is kept from changing releases meanwhile: %s", error)
        return None


def _take(server: Connection, patience_s: float) -> None:
    deadline_s = time.monotonic() + patience_s
    try:
        server.autocommit = True
        with server.cursor() as cursor:
            while True:
                cursor.execute("select pg_try_advisory_lock(%s)", (_LOCK,))
                if cursor.fetchone() == (True,):
                    return
                if time.monotonic() >= deadline_s:
                    raise InputError("another change of releases is under way: try again")
                time.sleep(_AGAIN_S)
    except (psycopg2.OperationalError, psycopg2.InterfaceError) as error:
        raise ServiceUnavailable(f"PostgreSQL went away: {' '.join(str(error).split())}") from error
