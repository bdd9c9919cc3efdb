"""The plants of an OPC UA mapping: their scans, and up to where each is in the journal."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from typing import Final

from models.validate import MAX_AHEAD_MS
from producers.live.bookmarks import LiveBookmark
from producers.live.mapping import OpcuaMapping
from producers.live.opcua import Reading, Target
from producers.live.opcua_values import fault_of, is_nothing_yet, ran_over, scaled, source_ms
from producers.live.progress import Progress
from producers.live.scan import Scan
from producers.live.scans import Scans, places

_log = logging.getLogger(__name__)

#: Scans that wait for Kafka at most; later ones are read from the history.
_MOST_OPEN: Final = 20_000

#: (plant, stamp [ms], scan)
Due = tuple[str, int, Scan]


class Park:
    """Takes what nodes say, gives what is due to Kafka, and remembers what Kafka has."""

    def __init__(
        self,
        mapping: OpcuaMapping,
        progress: Progress,
        bookmarks: dict[str, LiveBookmark],
        now_ms: Callable[[], int],
    ) -> None:
        link = mapping.opcua
        first_ms = now_ms() - round(link.first_history_s * 1000)
        self.slack_ms = round(link.straggler_s * 1000)
        self._progress = progress
        self._bookmarks = bookmarks
        self._now_ms = now_ms
        self._acknowledged_ms = {
            plant_id: first_ms if (known := bookmark.read()) is None else known
            for plant_id, bookmark in bookmarks.items()
        }
        self._scans = {
            plant.plant_id: Scans(plant, link.straggler_s, self._acknowledged_ms[plant.plant_id])
            for plant in mapping.plants
        }

    @property
    def plant_ids(self) -> list[str]:
        """The plants, in the order of the mapping."""
        return list(self._scans)

    def targets(self, plant_id: str) -> list[Target]:
        """Every place of a plant's scan."""
        return [(plant_id, place) for place in places(self._scans[plant_id].plant)]

    def from_ms(self, plant_id: str) -> int:
        """From when on a plant's history is wanted [ms]: stragglers of the newest scan included."""
        return self._acknowledged_ms[plant_id] - self.slack_ms

    def take(self, readings: Sequence[Reading], from_history: bool) -> bool:
        """Take what nodes said; whether some of it is missing and must be read from the history."""
        now_s, known_at_ms, gap = time.monotonic(), self._now_ms(), False
        for (plant_id, place), value in readings:
            at_ms = source_ms(value)
            if ran_over(value):
                self._progress.count("overflow")
                gap = True
            if at_ms is None or is_nothing_yet(value):
                continue
            scans = self._scans[plant_id]
            fault = fault_of(value, place)
            if fault is not None:
                self._progress.count(fault)
            held = None if fault is not None else scaled(scans.plant, place, value)
            scans.add(place, at_ms, held, now_s, known_at_ms, from_history)
        return (not from_history and self._forgets()) or gap

    def take_history(self, plant_id: str, readings: Sequence[Reading], from_ms: int, to_ms: int) -> None:
        """Take what the history holds of a plant in [from, to]; what is whole by now need not wait."""
        kept = [one for one in readings if _within(one, from_ms, to_ms)]
        self._progress.count("from_history", len(kept))
        self.take(kept, from_history=True)
        self._scans[plant_id].settle(min(to_ms, self._now_ms() - self.slack_ms) - self.slack_ms)

    def due(self, plant_id: str | None = None, until_ms: int | None = None) -> list[Due]:
        """What may go out, of one plant or of all, by plant and oldest first; see `Scans.due`."""
        now_s = time.monotonic()
        found: list[Due] = []
        for scans in [self._scans[plant_id]] if plant_id is not None else self._scans.values():
            powerless = scans.powerless
            found += [(scans.plant.plant_id, at_ms, scan) for at_ms, scan in scans.due(now_s, until_ms)]
            if scans.powerless > powerless:
                self._progress.count("powerless", scans.powerless - powerless)
        return found

    def acknowledged(self, part: Sequence[Due]) -> None:
        """Kafka has these: the bookmarks move."""
        # A clock that runs wild must not carry the bookmark past what is still to come.
        latest_ms = self._now_ms() + MAX_AHEAD_MS
        for plant_id, stamp_ms, scan in part:
            if stamp_ms <= latest_ms:
                self._acknowledged_ms[plant_id] = max(self._acknowledged_ms[plant_id], stamp_ms)
            self._progress.acknowledged(plant_id, scan.event_time_ms)
        for plant_id in {plant_id for plant_id, _, _ in part}:
            self._bookmarks[plant_id].write(self._acknowledged_ms[plant_id])

    def _forgets(self) -> bool:
        """Where Kafka is away for long: drops what waits, to be read again from the server's history."""
        if sum(len(scans) for scans in self._scans.values()) <= _MOST_OPEN:
            return False
        self._progress.count("overflow")
        _log.warning("more than %d scans wait for Kafka: they are read from the history later", _MOST_OPEN)
        for scans in self._scans.values():
            scans.forget_open()
        return True


def _within(reading: Reading, from_ms: int, to_ms: int) -> bool:
    """Servers add a value beyond the bounds where there is none at them."""
    at_ms = source_ms(reading[1])
    return at_ms is not None and from_ms <= at_ms <= to_ms
