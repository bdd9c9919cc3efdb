"""Connections of the API to PostgreSQL: a bounded pool, for reading unless told otherwise."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import psycopg2
from psycopg2.extensions import TRANSACTION_STATUS_IDLE

from infra.postgres import connect
from schemas.errors import ServiceUnavailable

if TYPE_CHECKING:
    from psycopg2.extensions import connection as Connection
    from psycopg2.extensions import cursor as Cursor

    from infra.settings import Settings

_NAME = "gridcast-api"


class Database:
    """At most `api_connections` connections, made when they are needed; who finds none free waits.

    A connection that broke is thrown away: the next question gets a new one.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._slots = threading.BoundedSemaphore(settings.api_connections)
        self._free: list[Connection] = []
        self._lock = threading.Lock()

    @contextmanager
    def reading(self) -> Iterator[Cursor]:
        """A cursor in one transaction that sees one moment and cannot write."""
        with self._connection() as connection, connection, connection.cursor() as cursor:
            cursor.execute("set transaction isolation level repeatable read, read only")
            yield cursor

    @contextmanager
    def writing(self) -> Iterator[Cursor]:
        """A cursor in one transaction: committed at the end, rolled back by an error."""
        with self._connection() as connection, connection, connection.cursor() as cursor:
            yield cursor

    def close(self) -> None:
        """Close what is free; what is in use closes when it comes back."""
        with self._lock:
            free, self._free = self._free, []
        for connection in free:
            connection.close()

    @contextmanager
    def _connection(self) -> Iterator[Connection]:
        if not self._slots.acquire(timeout=self._settings.api_query_s):
            raise ServiceUnavailable("every connection to PostgreSQL is in use")
        try:
            connection = self._take()
            try:
                yield connection
            except psycopg2.Error as error:
                if isinstance(error, psycopg2.OperationalError | psycopg2.InterfaceError) and not isinstance(
                    error, psycopg2.errors.QueryCanceled
                ):
                    connection.close()
                    self.close()  # its server went away, so the others are broken too
                raise
            finally:
                self._give_back(connection)
        finally:
            self._slots.release()

    def _take(self) -> Connection:
        with self._lock:
            if self._free:
                return self._free.pop()
        limits_s = {
            "statement_timeout": self._settings.api_query_s,
            "lock_timeout": self._settings.api_query_s,
            "idle_in_transaction_session_timeout": 60.0,
        }
        return connect(self._settings, _NAME, limits_s)

    def _give_back(self, connection: Connection) -> None:
        if connection.closed:
            return
        if connection.info.transaction_status != TRANSACTION_STATUS_IDLE:
            connection.close()
            return
        with self._lock:
            self._free.append(connection)
