"""Runs jobs: procrastinate's worker in a thread, each job in one of its own, until it is told to stop."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, NoReturn

from procrastinate import App, BaseRetryStrategy, JobContext, PsycopgConnector, RetryDecision
from procrastinate.exceptions import ConnectorException, JobAborted
from procrastinate.job_context import AbortReason
from procrastinate.jobs import Job as Queued

from consumers.jobs import lost, store
from consumers.jobs.steady import SteadyManager
from consumers.jobs.work import Cancelled, Hold, PutBack, Taken, Work, holding
from schemas.errors import GridcastError, ServiceUnavailable

if TYPE_CHECKING:
    from infra.settings import Settings

_log = logging.getLogger(__name__)

#: What a kind of job does: it is handed the work, and returns what came of it as JSON.
Body = Callable[[Work], Mapping[str, Any]]
_AGAIN_S: Final = 5.0
_POLL_S: Final = 2.0
#: Who is told to stop waits no longer for a server that is away.
_PARTING_S: Final = 3.0


#: What the library says of each job; the lines of this file say it shorter, and a refusal needs no traceback.
_SAID: Final = frozenset({"start_job", "job_success", "job_error", "job_error_retry", "job_aborted"})


def _unsaid(record: logging.LogRecord) -> bool:
    return getattr(record, "action", None) not in _SAID


class _LetGo(BaseRetryStrategy):
    """What was put back is done later; whatever else went wrong is not tried again by itself."""

    def get_retry_decision(self, *, exception: BaseException, job: Queued) -> RetryDecision | None:  # noqa: ARG002
        if isinstance(exception, PutBack):
            return RetryDecision()
        # PostgreSQL stayed away, so nothing could be written down; a body that failed had its end.
        if isinstance(exception, Taken | ServiceUnavailable):
            return RetryDecision(retry_in={"seconds": int(_AGAIN_S)})
        return None


class Runner:
    """Runs jobs of these kinds, `room` at once. Others of the same deployment may run beside it."""

    def __init__(self, settings: Settings, kinds: Mapping[str, Body], room: int | None = None) -> None:
        self._settings = settings
        self._kinds = dict(kinds)
        self._room = room or settings.jobs_at_once
        self._ending = threading.Event()
        self._running: set[int] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._main: asyncio.Task[None] | None = None
        self._thread = threading.Thread(target=self._stay, name="jobs", daemon=True)

    def start(self) -> None:
        """Begin to run jobs."""
        self._thread.start()

    @property
    def alive(self) -> bool:
        """Whether it runs jobs."""
        return self._thread.is_alive()

    def close(self) -> None:
        """Take no more jobs, put back those that run, and return when they are."""
        self._ending.set()
        with suppress(RuntimeError):  # the loop has ended already
            if self._loop is not None and self._main is not None:
                self._loop.call_soon_threadsafe(self._main.cancel)
        if self._thread.is_alive():
            self._thread.join()

    def _stay(self) -> None:
        while not self._ending.is_set():
            try:
                with suppress(asyncio.CancelledError):
                    asyncio.run(self._serve())
            except (ConnectorException, OSError) as error:
                _log.warning("the queue does not answer: %s", " ".join(str(error.__cause__ or error).split()))
            except Exception:  # noqa: BLE001 - whatever it was, the jobs go on
                _log.exception("the queue failed")
            self._ending.wait(_AGAIN_S)

    async def _serve(self) -> None:
        self._loop, self._main = asyncio.get_running_loop(), asyncio.current_task()
        if self._ending.is_set():
            return
        lost_s = self._settings.jobs_lost_s
        connector = PsycopgConnector(
            conninfo=self._settings.postgres_dsn.get_secret_value(),
            kwargs={"application_name": "gridcast-queue", "options": "-c timezone=UTC"},
            min_size=1,
            max_size=4,
            timeout=_AGAIN_S,
        )
        for name in ("procrastinate.worker", "procrastinate.worker.gridcast"):
            logging.getLogger(name).addFilter(_unsaid)
        logging.getLogger("procrastinate").setLevel(logging.WARNING)
        app = App(connector=connector)
        app.job_manager = SteadyManager(connector, self._ending)
        for kind, body in self._kinds.items():
            app.task(name=kind, queue=kind, pass_context=True, retry=_LetGo())(self._task(body))
        async with app.open_async():
            finder = asyncio.create_task(self._find_lost(lost_s))
            try:
                await app.run_worker_async(
                    queues=list(self._kinds),
                    name="gridcast",
                    concurrency=self._room,
                    install_signal_handlers=False,
                    fetch_job_polling_interval=_POLL_S,
                    abort_job_polling_interval=_POLL_S,
                    update_heartbeat_interval=lost_s / 3,
                    stalled_worker_timeout=lost_s,
                )
            finally:
                finder.cancel()

    async def _find_lost(self, lost_s: float) -> None:
        while True:
            try:
                await asyncio.to_thread(lost.recover, self._settings, list(self._kinds), self._running)
            except GridcastError as error:
                _log.warning("lost jobs cannot be looked for: %s", error)
            await asyncio.sleep(lost_s / 3)

    def _task(self, body: Body) -> Callable[[JobContext], None]:
        def run(context: JobContext) -> None:
            assert context.job.id is not None
            self._running.add(context.job.id)
            try:
                self._run(body, context.job.id, context)
            finally:
                self._running.discard(context.job.id)

        return run

    def _run(self, body: Body, job_id: int, context: JobContext) -> None:
        def asked_to_end() -> type[Exception] | None:
            if context.abort_reason() is AbortReason.USER_REQUEST:
                return Cancelled
            return PutBack if self._ending.is_set() else None

        if self._ending.is_set():
            raise PutBack
        with holding(self._settings, job_id) as hold:
            job = hold.begin()
            if job.ended_at is not None:
                return  # it had come to its end, and the process ended before it could say so
            _log.info("job %d (%s) is run", job_id, job.kind)
            try:
                result = dict(body(Work(hold, job, asked_to_end)))
            except Taken:
                raise  # whatever is to be said of it is the other one's to say
            except PutBack:
                # It was cancelled while its body came to a stop: it shall not be begun again.
                if hold.cancelled():
                    self._cancel(hold, job_id)
                said = "put back: the process that ran it ends"
                hold.do(lambda cursor: store.say(cursor, job_id, said), _PARTING_S)
                raise
            except Cancelled:
                self._cancel(hold, job_id)
            except GridcastError as error:
                said = str(error)
                _log.warning("job %d (%s) failed: %s", job_id, job.kind, said)
                hold.do(lambda cursor: store.end(cursor, job_id, None, said))
                raise
            except Exception as error:
                _log.exception("job %d (%s) failed", job_id, job.kind)
                fault = f"a fault of the service: {type(error).__name__}: {error}"[:2000]
                hold.do(lambda cursor: store.end(cursor, job_id, None, fault))
                raise
            hold.do(lambda cursor: store.end(cursor, job_id, result))
            _log.info("job %d (%s) is done", job_id, job.kind)

    def _cancel(self, hold: Hold, job_id: int) -> NoReturn:
        hold.do(lambda cursor: store.end(cursor, job_id, None, "cancelled"))
        raise JobAborted from None
