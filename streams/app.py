"""The Faust app of a worker: who gets which batch, and what happens around a rebalance and at the end."""

from __future__ import annotations

import gc
import logging
import threading
import time
from collections.abc import AsyncIterable, Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn, cast

import faust
from faust.types import TP

from infra.allocator import give_back
from infra.ending import end_process
from infra.health import HealthServer
from infra.kafka import faust_options, wait_for_kafka
from infra.registry import schema_ids
from infra.topic_reader import spans
from infra.topics import ARTIFACTS, CHECKPOINTS, JOURNAL, WEATHER_RUNS, expect_same_partitions
from models.engine import Engine
from models.steps import EngineSettings
from schemas.codec import Codec
from streams import ticks
from streams.artifacts import Artifacts
from streams.decoding import asked_again
from streams.ending import end_on
from streams.forward import FORWARDED, Forwarder
from streams.health import Health
from streams.outlet import Outlet
from streams.restore import Restorer
from streams.standing import Moving
from streams.transport import BatchApp, RecordBatch
from streams.watchdog import Watchdog
from streams.worker import Worker

if TYPE_CHECKING:
    from infra.settings import Settings

_log = logging.getLogger(__name__)

#: Batches that wait at one partition while another is worked on, and bytes of a fetch; more only cost memory.
#: Of one, Faust would say that it is full while it is empty.
BATCHES_WAITING = 2
FETCH_BYTES = 256 << 10  # of a partition, and compressed: some thousand records
SESSION_S = 6.0
HEARTBEAT_S = 2.0
#: A broker that dies while a group forms may keep a member waiting for ever (seen with Kafka 4.1: the answer
#: to its JoinGroup is lost with the coordinator that had it). Together they stay under the limit of a stall.
REBALANCE_S = 20.0
REQUEST_S = 30.0
CHORES_EVERY_S = 1.0
#: A stop that takes longer than this waits for a Kafka that is away.
STOP_PATIENCE_S = 60.0
UNSTOPPED = f"the worker could not stop within {STOP_PATIENCE_S:.0f} s: Kafka does not answer"
KAFKA_PATIENCE_S = 30.0


@dataclass(frozen=True)
class Parts:
    """What a worker is made of."""

    settings: Settings
    outlet: Outlet
    worker: Worker
    forwarder: Forwarder
    restorer: Restorer
    watchdog: Watchdog
    moving: Moving
    server: HealthServer


class WorkerApp(BatchApp):
    """A Faust app that ends the process where Faust would go on without its agents."""

    parts: Parts

    def batch_limit(self, tp: TP) -> int:
        return self.parts.worker.batch_limit(tp.partition) if tp.topic == JOURNAL else self.batch_records

    def on_committed(self, offsets: Mapping[TP, int]) -> None:
        self.parts.worker.committed({tp.partition: at for tp, at in offsets.items() if tp.topic == JOURNAL})

    def _crash(self, reason: BaseException) -> None:
        self.end(reason, "Faust gave up")

    async def on_stop(self) -> None:
        impatient = threading.Timer(STOP_PATIENCE_S, end_process, (UNSTOPPED,))
        impatient.daemon = True
        impatient.start()
        await super().on_stop()

    def end(self, error: BaseException, doing: str) -> NoReturn:
        """End the process at once, before anything is acked."""
        end_on(error, doing, self.parts.settings.home / "logs")

    async def acked_after(self, work: Awaitable[None], batch: RecordBatch) -> None:
        """Wait for what must be done before a batch is acked; leaving the agent's loop body acks it."""
        try:
            await work
        except BaseException as error:  # noqa: BLE001 - CancelledError included: the batch must not be acked
            self.end(error, f"{batch.topic}[{batch.partition}] {batch.offsets[0]} to {batch.offset}")

    async def guarded(self, doing: str, work: Awaitable[None]) -> None:
        """Wait for work around a rebalance or by the clock: Faust would go on without it."""
        try:
            await work
        except Exception as error:  # noqa: BLE001 - whatever it is, this process knows too little to go on
            self.end(error, doing)


class Foreground(faust.Worker):
    """Runs a `WorkerApp` until SIGTERM or SIGINT, and then ends the process with code 0."""

    def __init__(self, app: WorkerApp, log_level: str) -> None:
        super().__init__(app, quiet=True, loglevel=log_level, override_logging=False, redirect_stdouts=False)
        self.spinner = None

    async def start(self) -> None:
        try:
            await super().start()
        except Exception as error:  # noqa: BLE001 - one plain line, and nothing is acked
            cast(WorkerApp, self.app).end(error, "starting")


def make_app(settings: Settings, accept_loss: bool = False) -> WorkerApp:
    """A worker ready to run. Raises `GridcastError` where Kafka or its topics are not as they must be."""
    wait_for_kafka(settings, KAFKA_PATIENCE_S)
    for topic in (CHECKPOINTS, ARTIFACTS, *FORWARDED):
        spans(settings, topic)
    expect_same_partitions(settings)
    (settings.home / "faust").mkdir(parents=True, exist_ok=True)
    app = WorkerApp(
        settings.worker_group,
        **faust_options(settings),
        batch_topics=frozenset({JOURNAL, *FORWARDED}),
        batch_records=settings.batch_records,
        store="memory://",
        datadir=str(settings.home / "faust"),
        web_enabled=False,
        topic_allow_declare=False,
        topic_disable_leader=True,
        consumer_auto_offset_reset="earliest",
        consumer_max_fetch_size=FETCH_BYTES,
        broker_max_poll_records=settings.batch_records,
        stream_buffer_maxsize=BATCHES_WAITING,
        stream_wait_empty=True,
        broker_commit_interval=settings.commit_every_s,
        broker_session_timeout=SESSION_S,
        broker_heartbeat_interval=HEARTBEAT_S,
        broker_rebalance_timeout=REBALANCE_S,
        broker_request_timeout=REQUEST_S,
        worker_redirect_stdouts=False,
    )
    app.parts = _parts(settings, accept_loss)
    app.parts.watchdog.start()
    _agents(app)
    _rebalances(app)
    _chores(app)
    _stopping(app)
    return app


def _parts(settings: Settings, accept_loss: bool) -> Parts:
    ids = schema_ids(settings)
    codec = Codec(ids)  # of the engines' thread, as are the artifacts and the restores
    artifacts = Artifacts(settings, codec)
    engine_settings = EngineSettings(levels=settings.levels)
    outlet = Outlet(settings)

    def engine() -> Engine:
        made = Engine(engine_settings, artifacts.load_release)
        made.ticker.delay_ms = int(settings.tick_delay_s * 1000)
        return made

    restorer = Restorer(settings, codec, engine, accept_loss)
    worker = Worker(settings, codec, outlet.send, restorer)
    forwarder = Forwarder(Codec(ids), outlet.send, len(spans(settings, JOURNAL)))
    moving = Moving(worker, forwarder, restorer)
    watchdog = Watchdog(settings, moving)
    health = Health(worker, watchdog, settings.stall_s)
    return Parts(
        settings=settings,
        outlet=outlet,
        worker=worker,
        forwarder=forwarder,
        restorer=restorer,
        watchdog=watchdog,
        moving=moving,
        server=HealthServer(settings.metrics_host, settings.metrics_port, health.health, health.ready),
    )


def _agents(app: WorkerApp) -> None:
    """One agent a topic; isolated partitions give each partition one batch in flight."""
    parts = app.parts

    @app.agent(app.batch_topic(JOURNAL), name="journal", isolated_partitions=True)
    async def _journal(stream: AsyncIterable[RecordBatch]) -> None:
        async for batch in stream:
            await app.acked_after(parts.worker.handle(batch, batch.timestamp), batch)

    async def _public(stream: AsyncIterable[RecordBatch]) -> None:
        async for batch in stream:
            await app.acked_after(parts.forwarder.handle(batch), batch)

    for topic in FORWARDED:
        app.agent(app.batch_topic(topic), name=topic, isolated_partitions=True)(_public)


def _rebalances(app: WorkerApp) -> None:
    """The streams wait until `on_rebalance_complete` returns: there, and only there we restore."""
    parts = app.parts

    @app.on_partitions_revoked.connect
    async def _revoked(*_: Any, **__: Any) -> None:
        parts.forwarder.take_over(frozenset())
        await app.guarded("giving partitions back", parts.worker.revoke())

    @app.on_rebalance_complete.connect
    async def _assigned(*_: Any, **__: Any) -> None:
        assigned = app.consumer.assignment()
        await app.guarded("taking partitions over", _take_over(parts, assigned))


async def _take_over(parts: Parts, assigned: set[TP]) -> None:
    journal, weather = (
        {tp.partition for tp in assigned if tp.topic == topic} for topic in (JOURNAL, WEATHER_RUNS)
    )
    await parts.worker.in_thread(asked_again(parts.restorer.committed), WEATHER_RUNS, weather)
    await parts.worker.assign(journal)
    parts.forwarder.take_over(frozenset((tp.topic, tp.partition) for tp in assigned))
    await parts.worker.in_thread(_set_apart)
    _log.info("ready: partitions %s", sorted(journal))


def _set_apart() -> None:
    """What was restored lasts: the garbage collector need not look through it again and again. What it took
    to restore it goes back to the system.
    """
    gc.unfreeze()
    gc.collect()
    gc.freeze()
    give_back()


def _chores(app: WorkerApp) -> None:
    """What happens by the clock: ticks, and rounds of checkpoints for partitions at rest."""
    parts = app.parts
    worker = parts.worker

    async def write_ticks() -> None:
        for number, partition in list(worker.partitions.items()):
            if app.should_stop:
                return
            now_ms = time.time_ns() // 1_000_000
            end = parts.watchdog.ends.get(JOURNAL, {}).get(number)
            await parts.outlet.send(await worker.in_thread(ticks.due, worker.codec, partition, end, now_ms))

    async def write_states() -> None:
        await worker.rounds(parts.settings.checkpoint_every_s)

    async def forever(work: Callable[[], Awaitable[None]]) -> None:
        while not app.should_stop:
            await app.sleep(CHORES_EVERY_S)
            if not app.should_stop:  # the engines' thread may be gone by now
                await app.guarded(work.__name__, work())
                parts.moving.beat(work.__name__)

    app.task(partial(forever, write_ticks))
    app.task(partial(forever, write_states))


def _stopping(app: WorkerApp) -> None:
    parts = app.parts

    @app.on_before_shutdown.connect
    async def _stopped(*_: Any, **__: Any) -> None:
        # The batches in flight are done and committed by now.
        await app.guarded("the last checkpoints", parts.worker.close())
        parts.watchdog.close()
        parts.outlet.close()
        parts.server.close()
