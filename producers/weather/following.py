"""The registry of plants as it stands and as it changes, for a process that stays."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from infra.kafka import consumer
from infra.topic_reader import spans
from infra.topics import PLANTS
from models.validate_control import fault_of_plant
from producers.registry import held
from schemas.codec import Codec
from schemas.errors import DecodeError
from schemas.records import PlantVersion

if TYPE_CHECKING:
    from infra.settings import Settings

_log = logging.getLogger(__name__)

_AT_ONCE = 1000


class Following:
    """Follows the `plants` topic from its beginning, outside of any group.

    Raises:
        ServiceUnavailable: Kafka does not answer at the start; later its silence is waited out.
    """

    def __init__(self, settings: Settings, codec: Codec) -> None:
        from confluent_kafka import TopicPartition

        self._codec = codec
        self._versions: dict[bytes, PlantVersion] = {}
        # What compaction has eaten stands further on under the same key: the beginning is always right.
        self._reader = consumer(settings, None, enable_partition_eof=True, auto_offset_reset="earliest")
        found = spans(settings, PLANTS, self._reader)
        self._unread = {partition for partition, span in found.items() if span.first < span.end}
        self._reader.assign(
            [TopicPartition(PLANTS, partition, span.first) for partition, span in found.items()]
        )

    @property
    def whole(self) -> bool:
        """Whether what stood on the topic at the start has been read."""
        return not self._unread

    def poll(self, wait_s: float) -> None:
        """Take what has come, waiting up to `wait_s` for it."""
        for message in self._reader.consume(_AT_ONCE, timeout=wait_s):
            self._take(message)

    def plants(self, now_ms: int) -> list[PlantVersion]:
        """Each plant as it holds at a time, by name."""
        versions = sorted(self._versions.values(), key=lambda plant: (plant.plant_id, plant.valid_from_ms))
        return plants_at(versions, now_ms)

    def close(self) -> None:
        """Let go of the connection."""
        self._reader.close()

    def _take(self, message: Any) -> None:
        from confluent_kafka import KafkaError

        error = message.error()
        if error is not None:
            if error.code() == KafkaError._PARTITION_EOF:
                self._unread.discard(message.partition())
            else:
                _log.info("reading %s: %s", PLANTS, error.str())
            return
        key = message.key() or b""
        if message.value() is None:
            self._versions.pop(key, None)
            return
        decoded = self._codec.decode_many([message.value()])[0]
        if isinstance(decoded, DecodeError) or decoded[0] != "PlantVersion":
            return  # a worker has put it on `records.rejected`
        version = PlantVersion.from_avro(decoded[1])
        if fault_of_plant(version) is None:
            self._versions[key] = version


def plants_at(versions: list[PlantVersion], now_ms: int) -> list[PlantVersion]:
    """Each plant as it holds at a time. `versions`: by plant and time, as the registry gives them."""
    by_name: dict[str, list[PlantVersion]] = {}
    for version in versions:
        by_name.setdefault(version.plant_id, []).append(version)
    found = (held(own, name, now_ms) for name, own in by_name.items())
    return [plant for plant in found if plant is not None]
