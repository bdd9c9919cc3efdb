"""MQTT into the journal. The order, for each batch of messages, is what makes nothing get lost:

1. read each as a scan by its plant's mapping; what cannot be read becomes a rejected record;
2. produce all of them, and wait until Kafka has acknowledged every one (`outbox.py`);
3. only then acknowledge them to the broker, in the order in which they came (`mqtt.py`).

A kill between 2 and 3 lets the broker send them again: the same plant, time and
values, which the worker drops.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Final, Protocol

from infra.kafka import Outgoing
from infra.topics import JOURNAL
from producers.live.json_scan import read_scan, unmapped_members
from producers.live.mapping import MqttMapping, MqttPlant
from producers.live.mqtt import Taken
from producers.live.outbox import Outbox
from producers.live.progress import Progress
from producers.live.rejects import reject
from producers.live.scan import Scan
from schemas.codec import Codec
from schemas.errors import RecordRefused

_log = logging.getLogger(__name__)

_AT_ONCE: Final = 500
_LISTEN_S: Final = 0.2


class Inbox(Protocol):
    """Where messages come from, and where their acknowledgements go. `mqtt.Broker` is one."""

    def take(self, at_most: int, timeout_s: float) -> list[Taken]:
        """The messages that have come, oldest first."""

    def acknowledge(self, taken: Sequence[Taken]) -> None:
        """These are safe."""


class MqttFeed:
    """Carries messages from a broker to Kafka, one batch after the other."""

    def __init__(self, mapping: MqttMapping, codec: Codec, outbox: Outbox, progress: Progress) -> None:
        self._plants = {plant.topic: plant for plant in mapping.plants}
        self._codec = codec
        self._outbox = outbox
        self._progress = progress
        self._said: set[str] = set()
        self._looked_at: set[str] = set()

    def run(self, inbox: Inbox, stopped: Callable[[], bool], watch: Callable[[], None]) -> None:
        """Until `stopped`: what is in hand then is finished first, if Kafka takes it.

        `watch` is called between batches and may raise.
        """
        while not stopped():
            watch()
            self.carry(inbox, inbox.take(_AT_ONCE, _LISTEN_S))

    def carry(self, inbox: Inbox, taken: Sequence[Taken]) -> None:
        """Bring messages to Kafka and acknowledge them; without an answer of Kafka nothing is."""
        read = [self._read(message) for message in taken]
        records = [record for record, _ in read if record is not None]
        if records and not self._outbox.send(records):
            return
        inbox.acknowledge(taken)
        for _, scan in read:
            if scan is not None:
                self._progress.acknowledged(scan.plant_id, scan.event_time_ms)

    def _read(self, message: Taken) -> tuple[Outgoing | None, Scan | None]:
        plant = self._plants.get(message.topic)
        if plant is None:
            self._progress.count("unmapped")
            self._once(f"messages on {message.topic} belong to no plant of the mapping: they are passed over")
            return None, None
        if not message.qos:
            self._once(f"{plant.plant_id} publishes with QoS 0: what is under way at a loss is lost")
        try:
            scan = read_scan(plant, message.payload, message.known_at_ms)
        except RecordRefused as error:
            return self._refused(plant, message, error), None
        self._progress.count("scan")
        if plant.plant_id not in self._looked_at:
            self._looked_at.add(plant.plant_id)
            if unmapped := unmapped_members(plant, message.payload):
                _log.info("%s sends more than is mapped: %s", plant.plant_id, ", ".join(unmapped))
        (payload,) = self._codec.encode("Telemetry", [scan.to_avro()])
        return Outgoing(JOURNAL, plant.plant_id.encode(), payload), scan

    def _refused(self, plant: MqttPlant, message: Taken, error: RecordRefused) -> Outgoing:
        self._progress.count("rejected")
        self._once(f"{plant.plant_id} sends what cannot be read, the first of it: {error}")
        return reject(self._codec, f"mqtt:{message.topic}", message.payload, error, plant.plant_id)

    def _once(self, line: str) -> None:
        start = line.split(", the first of it", 1)[0]
        if start not in self._said:
            self._said.add(start)
            _log.warning("%s", line)
