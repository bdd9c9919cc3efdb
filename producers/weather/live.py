"""The collector: follows the registry, collects when plants are due, sends, and only then counts it as done.

A run is what its source had said at one time, kept in the cache from before it is sent. So a kill between
sending and its acknowledgement is followed by the same run with the same identity, which workers ignore.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from infra import metrics
from producers.kafka_out import Out
from producers.weather.asking import Asker
from producers.weather.observing import Observing
from producers.weather.progress import Progress
from producers.weather.runs import Collected, collect, place_of
from producers.weather.schedule import Schedule
from producers.weather.sending import send_runs
from schemas.codec import Codec
from schemas.errors import ServiceUnavailable
from schemas.records import PlantVersion, WeatherRun

_log = logging.getLogger(__name__)

_LOOK_S: Final = 0.5
_SHOWN: Final = 5


class Registry(Protocol):
    """What the collector needs of the registry; `Following` is one."""

    @property
    def whole(self) -> bool:
        """Whether all of it has been read once."""

    def poll(self, wait_s: float) -> None:
        """Take what has come, waiting up to `wait_s` for it."""

    def plants(self, now_ms: int) -> list[PlantVersion]:
        """Each plant as it holds at a time."""


@dataclass
class Live:
    """Collects until told to stop. `now_s`: the wall clock."""

    registry: Registry
    askers: Sequence[Asker]
    out: Out
    codec: Codec
    schedule: Schedule
    progress: Progress
    observing: Observing | None = None
    now_s: Callable[[], float] = time.time
    _unsent: Collected = field(default_factory=Collected)
    _sent: dict[str, tuple[str, int]] = field(default_factory=dict)
    _nowhere: set[str] = field(default_factory=set)
    _failing: set[str] = field(default_factory=set)

    def run(self, stopped: Callable[[], bool]) -> None:
        """Turn after turn."""
        busy = False
        while not stopped():
            busy = self.turn(0.0 if busy else _LOOK_S)

    def turn(self, wait_s: float) -> bool:
        """Look at the registry once, and collect for some plants that are due; whether there were any."""
        self.registry.poll(wait_s)
        self.progress.look()
        if not self.registry.whole:
            return False
        plants = self.registry.plants(int(self.now_s() * 1000))
        self._say_nowhere(plants)
        self._forget(plants)
        # What Kafka has not taken goes first: newer weather would only pile up behind it.
        if not self._unsent.runs:
            due = self.schedule.due(plants, self.now_s())
            if not due:
                self.progress.begun = True
                if self.observing is not None:
                    self.observing.turn(plants)
                return False
            self._unsent = collect(due, self.askers, self.schedule.moved(due))
        return self._send()

    def _send(self) -> bool:
        collected = self._unsent
        new = [run for run in collected.runs if self._sent.get(run.plant_id) != _identity(run)]
        try:
            send_runs(self.out, self.codec, new)
        except ServiceUnavailable as error:
            _log.warning("%d runs wait for Kafka: %s", len(new), error)
            return False
        self._unsent = Collected()
        self._settle(collected)
        self.progress.collected(collected.plants, collected.failed)
        self._say(collected)
        return True

    def _settle(self, collected: Collected) -> None:
        """Set when each plant is due next, and count."""
        for run in collected.runs:
            if self._sent.get(run.plant_id) == _identity(run):
                metrics.WEATHER_COLLECTIONS.labels(run.source, "unchanged").inc()
            self._sent[run.plant_id] = _identity(run)
            self.schedule.came(collected.plants[run.plant_id], run.published_at_ms)
        for plant_id in collected.failed:
            metrics.WEATHER_COLLECTIONS.labels("none", "failed").inc()
            self.schedule.failed(collected.plants[plant_id], self.now_s())

    def _say(self, collected: Collected) -> None:
        for source, count in Counter(run.source for run in collected.runs).items():
            _log.info("%d runs of %s", count, source)
        names = sorted(collected.failed)
        if names:
            more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
            shown = ", ".join(names[:_SHOWN]) + more
            level = logging.DEBUG if self._failing.issuperset(names) else logging.WARNING
            _log.log(level, "no weather for %s: %s", shown, collected.failed[names[0]])
        self._failing = (self._failing - collected.plants.keys()) | set(names)

    def _say_nowhere(self, plants: Sequence[PlantVersion]) -> None:
        """Once for each plant without a position."""
        nowhere = {plant.plant_id for plant in plants if place_of(plant) is None}
        for plant_id in sorted(nowhere - self._nowhere):
            _log.warning(
                "%s has no position, so no weather: `gridcast plants set %s --latitude N --longitude E`",
                plant_id,
                plant_id,
            )
        self._nowhere = nowhere

    def _forget(self, plants: Sequence[PlantVersion]) -> None:
        """A plant that is gone, or has lost its position, is none whose weather is late."""
        there = {plant.plant_id for plant in plants if place_of(plant) is not None}
        for plant_id in self._sent.keys() - there:
            del self._sent[plant_id]
            metrics.WEATHER_NEWEST_RUN.remove(plant_id)
        self.progress.keep(there)


def _identity(run: WeatherRun) -> tuple[str, int]:
    return run.source, run.published_at_ms
