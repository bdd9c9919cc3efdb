"""A job while it runs: what its kind is handed, and the lock that nobody else runs it with.

The lock is one of a session of PostgreSQL. It ends with the process, however that ends, so a job whose lock
is free and that nobody has finished was lost.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, TypeVar

import psycopg2

from consumers.jobs import store
from consumers.jobs.store import Job
from infra.postgres import connect
from schemas.errors import GridcastError, ServiceUnavailable

if TYPE_CHECKING:
    from psycopg2.extensions import connection as Connection
    from psycopg2.extensions import cursor as Cursor

    from infra.settings import Settings

_log = logging.getLogger(__name__)
T = TypeVar("T")

#: The first of the two numbers of an advisory lock; the second one is made from the job's id.
_LOCK: Final = 7_304_117
_TOLD_EVERY_S: Final = 1.0
_LOOKED_EVERY_S: Final = 2.0
#: PostgreSQL may be started again while a job runs; what took hours waits so long for it.
_PATIENCE_S: Final = 120.0


class PutBack(Exception):
    """The process that runs the job ends; the job goes back into the queue."""


class Cancelled(Exception):
    """Somebody has cancelled the job."""


class Taken(GridcastError):
    """Another process runs the job."""


def locked(cursor: Cursor, job_id: int) -> bool:
    """Whether the lock of a job was free; then this session holds it until it ends."""
    cursor.execute("select pg_try_advisory_lock(%s, hashint8(%s))", (_LOCK, job_id))
    return bool((cursor.fetchone() or (False,))[0])


def unlock(cursor: Cursor, job_id: int) -> None:
    """Let the lock go before the session ends."""
    cursor.execute("select pg_advisory_unlock(%s, hashint8(%s))", (_LOCK, job_id))


class Work:
    """What the body of a kind works with. `again`: it was begun before and did not come to its end."""

    def __init__(self, hold: Hold, job: Job, asked_to_end: Callable[[], type[Exception] | None]) -> None:
        self._hold = hold
        self._asked_to_end = asked_to_end
        self._told_s = 0.0
        self._looked_s = time.monotonic()
        self.job_id: Final = job.job_id
        self.arguments: Final[Mapping[str, Any]] = job.arguments
        self.because: Final = job.because
        self.again: Final = job.runs > 1

    @property
    def wanted(self) -> bool:
        """Whether the job is still to be done; a body that waits for something looks here."""
        return self._asked_to_end() is None

    def check(self) -> None:
        """Leave the body where the job was cancelled or its process ends, or where another process has it by
        now. Call it often, a second or less apart; let what it raises through.
        """
        why = self._asked_to_end()
        if why is not None:
            raise why
        # What the library tells of it may be late or never come: its connection is another one.
        if time.monotonic() - self._looked_s >= _LOOKED_EVERY_S:
            cancelled = self._hold.cancelled()
            self._looked_s = time.monotonic()
            if cancelled:
                raise Cancelled

    def progress(self, part: float, stage: str = "") -> None:
        """Tell how far it is, as a share from 0 to 1, and what is being done; once a second is kept."""
        self.check()
        if time.monotonic() - self._told_s >= _TOLD_EVERY_S or part >= 1.0:
            self._told_s = time.monotonic()
            self._hold.do(lambda cursor: store.advance(cursor, self.job_id, part, stage))

    def say(self, text: str) -> None:
        """Add a line to the log of the job, which operators see."""
        self._hold.do(lambda cursor: store.say(cursor, self.job_id, text))

    def read(self, act: Callable[[Cursor], T]) -> T:
        """Ask PostgreSQL something, in a transaction of its own; a server that is away is waited for."""
        return self._hold.do(act)

    def file(self, name: str) -> tuple[str, bytes] | None:
        """Media type and content of a file that came with the job."""
        return self._hold.do(lambda cursor: store.file(cursor, self.job_id, name))

    def attach(self, name: str, media: str, content: bytes) -> None:
        """Keep a file with the job: what it has made."""
        self._hold.do(lambda cursor: store.attach(cursor, self.job_id, name, media, content))


class Hold:
    """A session that holds the lock of one job. It is made anew where the server goes away for a while."""

    def __init__(self, settings: Settings, job_id: int) -> None:
        self._settings = settings
        self._job_id = job_id
        self._server = self._held()
        self._runs: int | None = None

    def close(self) -> None:
        """Let the lock go."""
        self._server.close()

    def begin(self) -> Job:
        """Note that the job is begun, and return it."""
        job = self.do(lambda cursor: store.begin(cursor, self._job_id))
        self._runs = job.runs
        return job

    def cancelled(self) -> bool:
        """Whether somebody has cancelled the job. A server that is away is not waited for; once it is back,
        the lock is taken again.

        Raises:
            Taken: another process has the job, or it waits for one.
        """
        try:
            with self._server, self._server.cursor() as cursor:
                return self._told_to_end(cursor)
        except (psycopg2.OperationalError, psycopg2.InterfaceError):
            self._server.close()
        try:
            self._server = self._held()
            with self._server, self._server.cursor() as cursor:
                return self._told_to_end(cursor)
        except (ServiceUnavailable, psycopg2.OperationalError, psycopg2.InterfaceError):
            return False

    def _told_to_end(self, cursor: Cursor) -> bool:
        state = self._state(cursor)
        if state in store.OVER and state != "cancelled":
            raise Taken(f"job {self._job_id} was ended by another process")
        return state in ("stopping", "cancelled")

    def _state(self, cursor: Cursor) -> str:
        state, runs = store.stands(cursor, self._job_id)
        if state == "waiting" or self._runs not in (None, runs):
            raise Taken(f"job {self._job_id} was taken by another process meanwhile")
        return state

    def do(self, act: Callable[[Cursor], T], patience_s: float = _PATIENCE_S) -> T:
        """Do something in a transaction of its own; a server that is away is waited for.

        Raises:
            Taken: it came back, and another process has the job.
            ServiceUnavailable: it stayed away.
        """
        deadline_s = time.monotonic() + patience_s
        while True:
            try:
                with self._server, self._server.cursor() as cursor:
                    return act(cursor)
            except (psycopg2.OperationalError, psycopg2.InterfaceError) as error:
                self._server.close()
                _log.warning("job %d waits for PostgreSQL: %s", self._job_id, " ".join(str(error).split()))
                self._server = self._again(deadline_s)

    def _again(self, deadline_s: float) -> Connection:
        while True:
            try:
                server = self._held()
            except ServiceUnavailable:
                if time.monotonic() > deadline_s:
                    raise
                time.sleep(1.0)
                continue
            with server, server.cursor() as cursor:
                try:
                    self._state(cursor)
                except Taken:
                    server.close()
                    raise
            return server

    def _held(self) -> Connection:
        server = connect(self._settings, "gridcast-job")
        with server, server.cursor() as cursor:
            if locked(cursor, self._job_id):
                return server
        server.close()
        raise Taken(f"job {self._job_id} is being run by another process")


@contextmanager
def holding(settings: Settings, job_id: int) -> Iterator[Hold]:
    """The lock of a job while the block runs. Raises `Taken` where another process has it."""
    hold = Hold(settings, job_id)
    try:
        yield hold
    finally:
        hold.close()
