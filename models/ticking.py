"""Which plants the owner of a journal should write a tick for, and for what time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from models.fleet import Fleet
from models.spans import FAR_MS

LIVE_WITHIN_MS: Final = 14 * 86_400_000
AGAIN_MS: Final = (
    60_000  # how long an issue time waits for telemetry; also the least time between two asked for
)


@dataclass
class Ticker:
    """Remembers what was asked for, so that each T is asked for once. Not part of the state: a tick counts
    from its place in the journal on, whoever wrote it.
    """

    delay_ms: int = 60_000  # how long an issue time waits for telemetry
    asked_ms: dict[str, int] = field(default_factory=dict)
    changed_ms: dict[str, int] = field(default_factory=dict)

    def changed(self, plant_id: str, known_at_ms: int) -> None:
        """A plant is forecast otherwise since this was known: by another release, as another version."""
        self.changed_ms[plant_id] = known_at_ms

    def due(self, fleet: Fleet, slots: Mapping[str, int], now_ms: int) -> list[tuple[str, int]]:
        """(plant, T) of live plants, given with their rows, that have let T pass by more than a minute.

        T is now where waiting would be silly: weather has come to a plant that has none, or a release or a
        version of the plant was taken up less than a minute ago.
        """
        made = []
        for plant_id, slot in slots.items():
            known_ms, clock_ms = int(fleet.state["known_ms"][slot]), int(fleet.state["clock_ms"][slot])
            if known_ms < 0 or not 0 <= now_ms - known_ms <= LIVE_WITHIN_MS:
                continue
            every_ms = int(fleet.state["every_s"][slot]) * 1000
            asked_ms, t = (
                self.asked_ms.get(plant_id, -FAR_MS),
                (now_ms - self.delay_ms) // every_ms * every_ms,
            )
            if now_ms > asked_ms + AGAIN_MS and self._at_once(fleet, slot, now_ms):
                t = now_ms
            if t > max(clock_ms, asked_ms):
                self.asked_ms[plant_id] = t
                made.append((plant_id, t))
        return made

    def _at_once(self, fleet: Fleet, slot: int, now_ms: int) -> bool:
        changed_ms = self.changed_ms.get(fleet.ids[slot], -FAR_MS)
        return now_ms - AGAIN_MS < changed_ms <= now_ms or fleet.outlooks[slot].waits_at(now_ms)
