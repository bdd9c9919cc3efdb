"""A sink with everything around it: clients, health, and the order in which they are let go."""

from __future__ import annotations

import gc
import logging
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

from consumers.intake import TOPICS, Reader
from consumers.progress import Progress, show_tables
from consumers.reading import BatchLimits, Reading
from consumers.sink import Sink
from consumers.stopped_sinks import SESSION
from consumers.store import Store
from consumers.watchdog import Watchdog
from infra.health import HealthServer
from infra.kafka import admin, consumer, wait_for_kafka
from infra.postgres import connect
from infra.registry import schema_ids
from infra.settings import Settings
from schemas.codec import Codec
from schemas.errors import GridcastError, ServiceUnavailable

if TYPE_CHECKING:
    from confluent_kafka import Consumer

_log = logging.getLogger(__name__)

#: A batch of forecasts is about 7 kB a record; this bounds what a batch takes in memory, some 10 times of it.
_BATCH_BYTES: Final = 16 << 20
_ANSWER_S: Final = 10.0
#: How long the partitions of a killed sink wait for another one; heartbeats come from a thread of librdkafka.
_SESSION_MS: Final = 10_000
#: How long it waits for an answer when it joins its group, and the group for it. A broker that dies while a
#: group forms may owe the answer for ever (seen with Kafka 4.1); the default is 5 min.
_JOIN_MS: Final = 25_000
#: What is fetched ahead; beside a slow PostgreSQL it fills up.
_QUEUE_KB: Final = 16 << 10


def run_sink(
    settings: Settings,
    stopped: Callable[[], bool],
    give_up_s: float = 60.0,
    accept_loss: bool = False,
    on_stall: Callable[[str], object] = _log.critical,
    alive: Callable[[], None] = lambda: None,
) -> None:
    """Run a sink until `stopped`. `on_stall` is told from another thread that the sink stands still, and
    `alive` is called while somebody looks.

    Raises:
        ServiceUnavailable: Kafka or PostgreSQL did not come up in `give_up_s`.
        LogTruncated: retention ate records that were never written; `accept_loss` goes on without them.
        GridcastError: topics or tables are missing.
    """
    if not await_kafka(settings, stopped, give_up_s):
        return
    check_topics(settings, TOPICS)
    codec = Codec(schema_ids(settings))
    progress = Progress(settings.stall_s)
    show_tables()
    limits = limits_s(settings.stall_s)
    store = Store(lambda: connect(settings, SESSION, limits), progress.written, settings.stall_s / 2)
    client = placed_consumer(settings, settings.sink_group, queued_max_messages_kbytes=_QUEUE_KB)
    reading = Reading(client, admin(settings), store, accept_loss)
    watchdog = Watchdog(settings, reading, progress, on_stall, alive)
    health = HealthServer(settings.metrics_host, settings.metrics_port, progress.health, progress.ready)
    sink = Sink(
        reading,
        store,
        Reader(codec),
        BatchLimits(settings.sink_batch_records, _BATCH_BYTES, settings.sink_linger_s),
        stopped,
        give_up_s,
        progress,
    )
    watchdog.start()
    gc.freeze()  # what is there now stays: to look at it again with each batch took a tenth of the time
    try:
        sink.run()
        _log.info("stopped; rows written: %d", progress.rows.total())
    finally:
        watchdog.close()
        health.close()
        client.close()
        store.close()


def placed_consumer(settings: Settings, group: str, **options: Any) -> Consumer:
    """A consumer of a group whose places stand in PostgreSQL: it is asked where to begin, and an offset that
    is gone must never be replaced in silence.
    """
    return consumer(
        settings, group, auto_offset_reset="error", session_timeout_ms=_SESSION_MS,
        max_poll_interval_ms=_JOIN_MS, **options,
    )  # fmt: skip


def await_kafka(settings: Settings, stopped: Callable[[], bool], give_up_s: float) -> bool:
    """Whether Kafka answers before a stop is asked for."""
    deadline = time.monotonic() + give_up_s
    said = False
    while not stopped():
        try:
            wait_for_kafka(settings, min(give_up_s, 2.0))
            return True
        except ServiceUnavailable as error:
            if time.monotonic() >= deadline:
                raise
            if not said:
                _log.warning("%s; trying on for %.0f s", error, give_up_s)
            said = True
    return False


def check_topics(settings: Settings, wanted: Sequence[str]) -> None:
    """Raise `GridcastError` where topics are missing."""
    there = admin(settings).list_topics(timeout=_ANSWER_S).topics
    missing = [topic for topic in wanted if topic not in there]
    if missing:
        raise GridcastError(f"Kafka has no topic {', '.join(missing)}: make them with `gridcast up`")


def limits_s(stall_s: float) -> dict[str, float]:
    """What PostgreSQL ends by itself: waiting for a lock, and the transaction of a sink that is stopped in
    the middle of one, so that its rows in `sink_offsets` are free for the next.
    """
    return {"lock_timeout": min(10.0, stall_s / 4), "idle_in_transaction_session_timeout": stall_s / 2}
