"""The library's queue as the worker uses it, through a PostgreSQL that is away for a while: the worker stays,
with the jobs that it runs, instead of ending and waiting for them.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Final, TypeVar

import psycopg
from procrastinate.exceptions import ConnectorException
from procrastinate.manager import JobManager

if TYPE_CHECKING:
    import threading

    from procrastinate import PsycopgConnector
    from procrastinate.jobs import Job as Queued

_log = logging.getLogger(__name__)
T = TypeVar("T")
_AGAIN_S: Final = 1.0
#: Whoever was away for long may have been taken for dead, and its row with it.
_SIGN: Final = (
    "insert into procrastinate_workers (id) overriding system value values (%(worker_id)s)"
    " on conflict (id) do update set last_heartbeat = now()"
)
_MINE: Final = (
    "select count(*) as count from procrastinate_jobs where id = %(job_id)s and status = 'doing'"
    " and (worker_id is null or worker_id = %(worker_id)s)"
)


class SteadyManager(JobManager):
    """Waits for the server where the library would end its worker; once `ending` is set, no more."""

    def __init__(self, connector: PsycopgConnector, ending: threading.Event) -> None:
        super().__init__(connector)
        self._ending = ending

    async def fetch_job(self, *args: Any, **named: Any) -> Queued | None:
        """The next job; none where the server is away."""
        try:
            return await super().fetch_job(*args, **named)
        except ConnectorException as error:
            _raise_unless_away(error)
            return None

    async def update_heartbeat(self, worker_id: int) -> None:
        """A sign of life, as soon as there is somebody to hear it."""
        await self._through(lambda: self.connector.execute_query_async(_SIGN, worker_id=worker_id))

    async def listen_for_jobs(self, *args: Any, **named: Any) -> None:
        """Hear of new jobs and of cancelled ones."""
        heard = super().listen_for_jobs
        await self._through(lambda: heard(*args, **named))

    async def finish_job(self, job: Queued, *args: Any, **named: Any) -> None:
        """End a job, if it is still this worker's."""
        finish = super().finish_job

        async def act() -> None:
            if await self._mine(job):
                await finish(job, *args, **named)

        await self._through(act)

    async def retry_job(self, job: Queued, *args: Any, **named: Any) -> None:
        """Let a job wait again, if it is still this worker's: another one may run it by now."""
        retry = super().retry_job

        async def act() -> None:
            if await self._mine(job):
                await retry(job, *args, **named)

        await self._through(act)

    async def _mine(self, job: Queued) -> bool:
        row = await self.connector.execute_query_one_async(_MINE, job_id=job.id, worker_id=job.worker_id)
        if not row["count"]:
            _log.warning("job %s is somebody else's by now", job.id)
        return bool(row["count"])

    async def _through(self, act: Callable[[], Awaitable[T]]) -> T:
        while True:
            try:
                return await act()
            except ConnectorException as error:
                _raise_unless_away(error)
                if self._ending.is_set():
                    raise
            await asyncio.sleep(_AGAIN_S)


def _raise_unless_away(error: ConnectorException) -> None:
    if not isinstance(error.__cause__, psycopg.OperationalError | psycopg.InterfaceError):
        raise error
    _log.warning("the queue does not answer: %s", " ".join(str(error.__cause__).split()))
