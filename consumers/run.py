"""A sink with everything around it: clients, health, and the order in which they are let go."""

import logging
import time
from collections.abc import Callable
from typing import Final

from consumers.intake import TOPICS, Reader
from consumers.progress import Progress
from consumers.reading import BatchLimits, Reading
from consumers.sink import Sink
from consumers.store import Store
from infra.health import HealthServer
from infra.kafka import admin, consumer, wait_for_kafka
from infra.postgres import connect
from infra.registry import schema_ids
from infra.settings import Settings
from schemas.codec import Codec
from schemas.errors import GridcastError, ServiceUnavailable

_log = logging.getLogger(__name__)

#: A batch of forecasts is about 7 kB a record; this bounds what a batch takes in memory, some 10 times of it.
_BATCH_BYTES: Final = 16 << 20
_ANSWER_S: Final = 10.0
#: How long the partitions of a killed sink wait for another one; heartbeats come from a thread of librdkafka.
_SESSION_MS: Final = 10_000


def run_sink(
    settings: Settings, stopped: Callable[[], bool], give_up_s: float = 60.0, accept_loss: bool = False
) -> None:
    """Run a sink until `stopped`.

    Raises:
        ServiceUnavailable: Kafka or PostgreSQL did not come up in `give_up_s`.
        LogTruncated: retention ate records that were never written; `accept_loss` goes on without them.
        GridcastError: topics or tables are missing.
    """
    if not _await_kafka(settings, stopped, give_up_s):
        return
    _check_topics(settings)
    codec = Codec(schema_ids(settings))
    store = Store(lambda: connect(settings, "gridcast-sink"))
    # Where to begin is asked of PostgreSQL: an offset that is gone must never be replaced in silence.
    client = consumer(
        settings, settings.sink_group, auto_offset_reset="error", session_timeout_ms=_SESSION_MS
    )
    progress = Progress(settings.stall_s)
    health = HealthServer(settings.metrics_host, settings.metrics_port, progress.health, progress.ready)
    sink = Sink(
        Reading(client, admin(settings), store, accept_loss),
        store,
        Reader(codec),
        BatchLimits(settings.sink_batch_records, _BATCH_BYTES, settings.sink_linger_s),
        stopped,
        give_up_s,
        progress,
    )
    try:
        sink.run()
        _log.info("stopped; rows written: %d", progress.rows.total())
    finally:
        health.close()
        client.close()
        store.close()


def _await_kafka(settings: Settings, stopped: Callable[[], bool], give_up_s: float) -> bool:
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


def _check_topics(settings: Settings) -> None:
    there = admin(settings).list_topics(timeout=_ANSWER_S).topics
    missing = [topic for topic in TOPICS if topic not in there]
    if missing:
        raise GridcastError(f"Kafka has no topic {', '.join(missing)}: make them with `gridcast up`")
