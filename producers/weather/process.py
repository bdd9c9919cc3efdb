"""`gridcast weather` as a process: the collector with everything around it, and the order of letting go."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from infra.health import HealthServer
from infra.kafka import wait_for_kafka
from infra.registry import schema_ids
from infra.topics import PLANTS, WEATHER_OBSERVATIONS, WEATHER_RUNS
from producers.kafka_out import KafkaOut, cluster_id
from producers.weather import sources
from producers.weather.following import Following
from producers.weather.live import Live
from producers.weather.observing import Observing
from producers.weather.progress import Progress
from producers.weather.schedule import Schedule
from schemas.codec import Codec
from schemas.errors import ServiceUnavailable

if TYPE_CHECKING:
    from infra.settings import Settings

_log = logging.getLogger(__name__)

#: How long a send waits for Kafka before the collector looks whether it shall stop.
_SEND_S: Final = 10.0


def run_weather(
    settings: Settings,
    stopped: Callable[[], bool],
    sleep: Callable[[float], object],
    give_up_s: float = 60.0,
) -> None:
    """Collect until `stopped`; `sleep` waits and ends early when told to stop.

    Raises:
        ServiceUnavailable: Kafka did not come up in `give_up_s`.
        InputError: a topic is not there.
    """
    if not _await_kafka(settings, stopped, give_up_s):
        return
    cluster = cluster_id(settings, [PLANTS, WEATHER_RUNS, WEATHER_OBSERVATIONS])
    codec = Codec(schema_ids(settings))
    progress = Progress(settings.weather_every_s, time.time)
    shared = sources.http(settings, stopped, sleep)
    following = Following(settings, codec)
    health = HealthServer(settings.metrics_host, settings.metrics_port, progress.health, progress.ready)
    out = KafkaOut(settings, timeout_s=_SEND_S)
    # A call that fails is made again within the hour: forecasts must not wait for its retries.
    patient_once = sources.http(settings, stopped, sleep, attempts=1)
    observer = sources.observer(settings, patient_once)
    live = Live(
        following,
        [sources.asker(settings, source, shared) for source in sources.sources(settings)],
        out,
        codec,
        Schedule(settings.weather_every_s, settings.weather_rest_s, sources.jitter(cluster)),
        progress,
        Observing(observer, out, codec, time.time) if observer is not None else None,
    )
    try:
        live.run(stopped)
        _log.info("stopped")
    finally:
        health.close()
        following.close()
        patient_once.close()
        shared.close()


def _await_kafka(settings: Settings, stopped: Callable[[], bool], give_up_s: float) -> bool:
    """Whether Kafka answers before a stop is asked for."""
    deadline = time.monotonic() + give_up_s
    while not stopped():
        try:
            wait_for_kafka(settings, min(give_up_s, 2.0))
            return True
        except ServiceUnavailable:
            if time.monotonic() >= deadline:
                raise
    return False
