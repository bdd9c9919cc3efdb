"""An alerter with everything around it: clients, health, and the order in which they are let go."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from consumers.alerts.alerter import Alerter
from consumers.alerts.hearing import TOPICS
from consumers.alerts.rules import Rules
from consumers.alerts.signals import Heard
from consumers.alerts.stalls import StallWatch
from consumers.alerts.store import SESSION, AlertStore
from consumers.alerts.ways_out import couriers
from consumers.progress import Progress
from consumers.reading import BatchLimits, Reading
from consumers.run import await_kafka, check_topics, limits_s, placed_consumer
from consumers.store import Place
from consumers.watchdog import Watchdog
from infra.health import HealthServer, Verdict
from infra.kafka import admin
from infra.postgres import connect
from infra.registry import schema_ids
from infra.settings import Settings
from infra.topic_reader import offsets_at
from infra.topics import ALERTS, ALERTS_DEAD
from schemas.codec import Codec
from schemas.errors import LogTruncated

if TYPE_CHECKING:
    from psycopg2.extensions import connection as Connection

_log = logging.getLogger(__name__)

_BATCH: Final = BatchLimits(records=500, size_bytes=4 << 20, linger_s=0.2)
#: An alerter that has never run begins so far back: an event that is open is told at least once a day
#: (`docs/detectors.md`), so it hears of all that are open, and of no old ones.
_LOOK_BACK_MS: Final = 25 * 3_600_000
_WAY_ON: Final = "`gridcast alerts --accept-loss` goes on without them"


def run_alerter(
    settings: Settings,
    rules: Rules,
    stopped: Callable[[], bool],
    give_up_s: float = 60.0,
    accept_loss: bool = False,
    on_stall: Callable[[str], object] = _log.critical,
    alive: Callable[[], None] = lambda: None,
) -> None:
    """Run an alerter until `stopped`. `on_stall` is told from another thread that it stands still, and
    `alive` is called while somebody looks.

    Raises:
        ServiceUnavailable: Kafka or PostgreSQL did not come up in `give_up_s`.
        LogTruncated: retention ate records that were never heard; `accept_loss` goes on without them.
        GridcastError: topics, tables or secrets are missing.
    """
    if not await_kafka(settings, stopped, give_up_s):
        return
    check_topics(settings, (*TOPICS, ALERTS, ALERTS_DEAD))
    limits = limits_s(settings.stall_s)

    def connected() -> Connection:
        return connect(settings, SESSION, limits)

    progress = Progress(settings.stall_s)
    store = AlertStore(connected, rules, _first_look(settings), progress.written)
    client = placed_consumer(settings, settings.alerts_group)
    reading = Reading(client, admin(settings), store, accept_loss, kind=Heard, command="gridcast alerts")
    senders = couriers(settings, rules, limits)

    def wake() -> None:
        for one in senders:
            one.wake()

    stalls = StallWatch(settings, AlertStore(connected, rules), wake)
    codec = Codec(schema_ids(settings))
    alerter = Alerter(reading, store, codec, _BATCH, senders, stalls, stopped, give_up_s, progress)
    watchdog = Watchdog(
        settings, reading, progress, on_stall, alive, TOPICS, "the alerter",
        lambda: alerter.standing(settings.stall_s),
    )  # fmt: skip
    health = HealthServer(
        settings.metrics_host, settings.metrics_port, progress.health, lambda: _ready(progress, alerter)
    )
    watchdog.start()
    stalls.start()
    for one in senders:
        one.start()
    try:
        alerter.run()
        _log.info("stopped")
    except LogTruncated as error:
        raise LogTruncated(error.topic, error.partition, error.lost, _WAY_ON) from None
    finally:
        for one in senders:
            one.close()
        stalls.close()
        watchdog.close()
        health.close()
        client.close()
        store.close()


def _first_look(settings: Settings) -> Callable[[Place, int], int]:
    """Where an alerter begins in a partition that was never read."""
    starts: dict[str, dict[int, int]] = {}

    def look(place: Place, first: int) -> int:
        topic, partition = place
        if topic not in starts:
            starts[topic] = offsets_at(settings, topic, round(time.time() * 1000) - _LOOK_BACK_MS)
        return max(first, starts[topic].get(partition, first))

    return look


def _ready(progress: Progress, alerter: Alerter) -> Verdict:
    """Whether signals can be heard; what keeps a channel from its deliveries is told beside it."""
    heard = progress.ready()
    channels = {one.channel: one.trouble for one in alerter.couriers if one.trouble}
    return Verdict(heard.good, {**heard.detail, "channels": channels})
