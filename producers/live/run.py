"""`gridcast telemetry` with everything around it: clients, health, and the order in which they are let go."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from infra.health import HealthServer
from infra.kafka import wait_for_kafka
from infra.registry import schema_ids
from infra.topics import JOURNAL, REJECTED
from models.validate import not_registered
from producers.kafka_out import cluster_id
from producers.live.bookmarks import LiveBookmark
from producers.live.mapping import MqttMapping, OpcuaMapping
from producers.live.outbox import Outbox, kafka_sender
from producers.live.progress import Progress
from producers.live.scans import places
from producers.registry import registered
from schemas.codec import Codec
from schemas.errors import ServiceUnavailable

if TYPE_CHECKING:
    from infra.settings import Settings
    from producers.live.mqtt import Broker

_log = logging.getLogger(__name__)

_NAP_S: Final = 2.0
_PAUSE_S: Final = 0.2
#: What keys of `records.rejected` and of the journal are made of is checked before anything is taken.
_TOPICS: Final = (JOURNAL, REJECTED)


def run_telemetry(
    settings: Settings,
    mapping: MqttMapping | OpcuaMapping,
    stopped: Callable[[], bool],
    give_up_s: float = 60.0,
    told: Callable[[str], None] = lambda _address: None,
) -> None:
    """Carry telemetry until `stopped`. `told(address)`: where health and metrics are.

    Raises:
        ServiceUnavailable: Kafka or the source did not come up in `give_up_s`.
        InputError: a topic, a file or a password is missing, or the source refuses us.
    """
    codec = Codec(schema_ids(settings))
    plants = [plant.plant_id for plant in mapping.plants]
    if not _await_kafka(settings, codec, plants, stopped, give_up_s):
        return
    way = "mqtt" if isinstance(mapping, MqttMapping) else "opcua"
    progress = Progress(way, plants)
    outbox = Outbox(kafka_sender(settings), progress, stopped)
    server = HealthServer(settings.metrics_host, settings.metrics_port, progress.health, progress.ready)
    told(f"http://{settings.metrics_host}:{server.port}")
    try:
        if isinstance(mapping, MqttMapping):
            _run_mqtt(settings, mapping, codec, outbox, progress, stopped, give_up_s)
        else:
            _run_opcua(settings, mapping, codec, outbox, progress, stopped, give_up_s)
        _log.info("stopped; %s", ", ".join(f"{n} {what}" for what, n in sorted(progress.counts.items())))
    finally:
        server.close()


def _await_kafka(
    settings: Settings, codec: Codec, plants: Sequence[str], stopped: Callable[[], bool], give_up_s: float
) -> bool:
    """Whether Kafka answers before a stop is asked for; says which plants nobody has registered."""
    deadline_s = time.monotonic() + give_up_s
    while not stopped():
        try:
            wait_for_kafka(settings, min(give_up_s, _NAP_S))
            cluster_id(settings, _TOPICS)
            known = {version.plant_id for version in registered(settings, codec)}
        except ServiceUnavailable as error:
            if time.monotonic() >= deadline_s:
                raise
            _log.warning("%s; trying on", error)
            time.sleep(_PAUSE_S)
        else:
            for plant_id in sorted(set(plants) - known):
                _log.warning("%s; until then workers refuse what it sends", not_registered(plant_id))
            return True
    return False


def _run_mqtt(
    settings: Settings,
    mapping: MqttMapping,
    codec: Codec,
    outbox: Outbox,
    progress: Progress,
    stopped: Callable[[], bool],
    give_up_s: float,
) -> None:
    from producers.live.mqtt import Broker
    from producers.live.mqtt_feed import MqttFeed

    link = mapping.mqtt
    topics = [plant.topic for plant in mapping.plants]
    broker = Broker(link, link.password(settings.telemetry_password), topics, progress)
    broker.start()
    try:
        # A broker may send what it has kept before it answers anything else, so the feed runs from the start.
        MqttFeed(mapping, codec, outbox, progress).run(broker, stopped, _Watch(broker, progress, give_up_s))
    finally:
        broker.close()


def _run_opcua(
    settings: Settings,
    mapping: OpcuaMapping,
    codec: Codec,
    outbox: Outbox,
    progress: Progress,
    stopped: Callable[[], bool],
    give_up_s: float,
) -> None:
    from producers.live.opcua import Server
    from producers.live.opcua_feed import OpcuaFeed

    link = mapping.opcua
    nodes = {
        (plant.plant_id, place): node for plant in mapping.plants for place, node in places(plant).items()
    }
    names = [plant.plant_id for plant in mapping.plants]
    bookmarks = {name: LiveBookmark.of(settings.home, link.endpoint, name) for name in names}
    server = Server(link, link.password(settings.telemetry_password), nodes)
    feed = OpcuaFeed(mapping, server, codec, outbox, progress, bookmarks)
    asyncio.run(feed.run(stopped, give_up_s))


class _Watch:
    """Raises where the source did not come up at the start. Later it may come and go."""

    def __init__(self, broker: Broker, progress: Progress, give_up_s: float) -> None:
        self._broker = broker
        self._progress = progress
        self._give_up_s = give_up_s
        self._deadline_s: float | None = time.monotonic() + give_up_s

    def __call__(self) -> None:
        """Look once."""
        if self._deadline_s is None:
            return
        verdict = self._progress.ready()
        if verdict.good:
            self._deadline_s = None
        elif self._broker.refusal is not None:
            raise ServiceUnavailable(
                f"{self._broker.refusal}: see endpoint, user and password of the mapping"
            )
        elif time.monotonic() >= self._deadline_s:
            why = verdict.detail["source"]
            raise ServiceUnavailable(f"{why}: nothing came up in {self._give_up_s:.0f} s")
