"""When each plant's weather is collected next. The clock is an argument."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from producers.weather.answers import Place
from producers.weather.runs import place_of
from schemas.records import PlantVersion

#: A plant this share of a period before its time comes along when others are due: one batch, not two.
_ALONG = 0.1
#: The jitter shortens a period by up to this share.
_JITTER = 0.05


@dataclass
class Schedule:
    """Plants and when they are due. `jitter` 0 to 1, always the same for a deployment. Seconds.

    `at_once`: with the points of their areas, that many plants are one call of the first source.
    """

    every_s: float
    again_s: float
    jitter: float = 0.0
    at_once: int = 10
    _due_s: dict[str, tuple[Place, float]] = field(default_factory=dict)

    def due(self, plants: Iterable[PlantVersion], now_s: float) -> list[PlantVersion]:
        """The plants whose time has come, the longest waiting first: new ones and moved ones wait for nobody.

        Only so many at once: a new plant must not wait for a thousand others. None without a position.
        """
        there = {plant.plant_id: plant for plant in plants if place_of(plant) is not None}
        for gone in self._due_s.keys() - there.keys():
            del self._due_s[gone]
        wait_s = {name: self._wait(plant, now_s) for name, plant in there.items()}
        if not any(left_s <= 0 for left_s in wait_s.values()):
            return []
        ready = [name for name, left_s in wait_s.items() if left_s <= _ALONG * self.every_s]
        first = sorted(ready, key=lambda name: wait_s[name])[: self.at_once]
        return [there[name] for name in first]

    def moved(self, plants: Iterable[PlantVersion]) -> set[Place]:
        """The new places of plants that had another one."""
        known = {name: place for name, (place, _due_s) in self._due_s.items()}
        places = {plant.plant_id: place_of(plant) for plant in plants}
        return {
            place for name, place in places.items() if place is not None and known.get(name, place) != place
        }

    def came(self, plant: PlantVersion, published_at_ms: int) -> None:
        """A run was sent: the next one is due a period after this one was fetched."""
        self._set(plant, published_at_ms / 1000 + self.every_s * (1.0 - _JITTER * self.jitter))

    def failed(self, plant: PlantVersion, now_s: float) -> None:
        """There was none: another try comes sooner than a period."""
        self._set(plant, now_s + min(self.again_s, self.every_s))

    def _wait(self, plant: PlantVersion, now_s: float) -> float:
        known = self._due_s.get(plant.plant_id)
        if known is None or known[0] != place_of(plant):
            return float("-inf")
        left_s = known[1] - now_s
        # A clock that was set back must not put a collection off for years.
        return left_s if left_s <= self.every_s else 0.0

    def _set(self, plant: PlantVersion, due_s: float) -> None:
        place = place_of(plant)
        if place is not None:
            self._due_s[plant.plant_id] = (place, due_s)
