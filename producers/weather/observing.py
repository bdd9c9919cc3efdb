"""Observations: what is known of the recent past at each plant, once a day, each hour sent when it is new."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from infra.kafka import Outgoing
from infra.topics import WEATHER_OBSERVATIONS
from producers.kafka_out import Out
from producers.weather.answers import Place, Said
from producers.weather.asking import Asker
from producers.weather.runs import place_of
from schemas.codec import Codec
from schemas.errors import ServiceUnavailable
from schemas.records import PlantVersion

_log = logging.getLogger(__name__)

_EVERY_S: Final = 86_400.0
_AGAIN_S: Final = 3600.0
#: Plants of one turn: forecasts must not wait behind a slow archive.
_AT_ONCE: Final = 1

Values = dict[str, float]


@dataclass
class Observing:
    """Asks for a few plants a turn; an hour is sent again only when its values are others. `now_s`: the wall
    clock."""

    asker: Asker
    out: Out
    codec: Codec
    now_s: Callable[[], float]
    _due_s: dict[tuple[str, Place], float] = field(default_factory=dict)
    _sent: dict[str, dict[int, Values]] = field(default_factory=dict)
    _swept_s: float = float("-inf")

    def turn(self, plants: Iterable[PlantVersion]) -> int:
        """Collect for the plants that are due; returns how many records were sent."""
        there = [(plant.plant_id, place) for plant in plants if (place := place_of(plant)) is not None]
        self._due_s = {key: due_s for key, due_s in self._due_s.items() if key in set(there)}
        now_s = self.now_s()
        if not 0 <= now_s - self._swept_s < _EVERY_S:
            self._swept_s = now_s
            self.asker.cache.sweep()
        due = [key for key in there if not now_s < self._due_s.get(key, 0.0) <= now_s + _EVERY_S]
        return sum(self._observe(*key) for key in due[:_AT_ONCE])

    def _observe(self, plant_id: str, place: Place) -> int:
        known, problem = self.asker.ask([place])
        self._due_s[plant_id, place] = self.now_s() + _AGAIN_S
        if place not in known:
            _log.info("no observations for %s: %s", plant_id, problem)
            return 0
        hours = _by_hour(known[place])
        before = self._sent.get(plant_id, {})
        new = {hour: values for hour, values in hours.items() if before.get(hour) != values}
        try:
            self._send(plant_id, known[place].fetched_at_ms, new)
        except ServiceUnavailable as error:
            _log.warning("observations for %s wait for Kafka: %s", plant_id, error)
            return 0
        self._sent[plant_id] = hours
        self._due_s[plant_id, place] = known[place].fetched_at_ms / 1000 + _EVERY_S
        return len(new)

    def _send(self, plant_id: str, fetched_at_ms: int, hours: dict[int, Values]) -> None:
        records = [_record(plant_id, self.asker.source.name, at, fetched_at_ms, hours[at]) for at in hours]
        payloads = self.codec.encode("WeatherObservation", records)
        self.out.send(Outgoing(WEATHER_OBSERVATIONS, plant_id.encode(), payload) for payload in payloads)


def _by_hour(said: Said) -> dict[int, Values]:
    return {
        int(at): {
            name: float(values[row]) for name, values in said.columns.items() if not math.isnan(values[row])
        }
        for row, at in enumerate(said.valid_at_ms)
    }


def _record(plant_id: str, source: str, at_ms: int, known_at_ms: int, values: Values) -> dict[str, Any]:
    return {
        "plant_id": plant_id,
        "source": source,
        "event_time": at_ms,
        "known_at": known_at_ms,
        "columns": [{"name": name, "value": value} for name, value in values.items()],
    }
