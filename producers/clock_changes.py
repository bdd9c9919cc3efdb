"""The marks that a change of the clock leaves in stamps: an hour that is missing, one that stands twice."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np

from producers.convert.zone import Changes, changes
from producers.table import Longs

#: One zone of each rule by which clocks have changed since 2000, the commonest first.
ZONES: Final = (
    "Europe/Berlin", "Europe/London", "Europe/Athens", "America/New_York", "America/Chicago",
    "America/Denver", "America/Los_Angeles", "America/Halifax", "America/St_Johns",
    "America/Anchorage", "America/Sao_Paulo", "America/Santiago", "America/Asuncion",
    "America/Mexico_City", "America/Havana", "Atlantic/Azores", "Australia/Sydney",
    "Australia/Adelaide", "Australia/Lord_Howe", "Pacific/Auckland", "Asia/Jerusalem",
    "Asia/Beirut", "Asia/Amman", "Asia/Tehran", "Africa/Cairo", "Africa/Windhoek",
    "America/Montevideo", "Europe/Moscow", "Europe/Istanbul", "Europe/Chisinau",
)  # fmt: skip
_DAY_MS: Final = 86_400_000
_HOUR_MS: Final = 3_600_000


@dataclass(frozen=True)
class Marks:
    """What a zone's changes explain: walls at which an hour is missing or begins to stand twice, and how many
    changes within the data left no mark.
    """

    zone: str
    missing_ms: tuple[int, ...]
    doubled_ms: tuple[int, ...]
    unmarked: int

    @property
    def found(self) -> int:
        return len(self.missing_ms) + len(self.doubled_ms)


class Readings:
    """The readings of a clock in order of time, to look for marks in."""

    def __init__(self, wall_ms: Longs, step_ms: int) -> None:
        self._sorted = np.sort(wall_ms)
        self._step_ms = step_ms

    def marks_of(self, zone: str) -> Marks:
        """The marks that a local clock of this zone would leave."""
        clock = self._changes(zone)
        forward = [(at + before, at + after) for at, before, after in _triples(clock) if after > before]
        back = [(at + after, at + before) for at, before, after in _triples(clock) if after < before]
        return self._marks(zone, missing=forward, doubled=back)

    def marks_of_wrong_offsets(self, zone: str, later: bool) -> Marks:
        """The marks in UTC of a clock that never changed and was given this zone's changing offsets.

        `later`: the readings that come twice in the zone were given the second of their two offsets.
        """
        clock = self._changes(zone)
        forward = [(at, at + after - before) for at, before, after in _triples(clock) if after > before]
        back = [
            (at - later * (before - after), at + (not later) * (before - after))
            for at, before, after in _triples(clock)
            if after < before
        ]
        return self._marks(zone, missing=back, doubled=forward)

    def stands_twice(self, start_ms: int, end_ms: int) -> bool:
        """Whether a span has twice its rows, and the day around it has not."""
        full = (end_ms - start_ms) // self._step_ms
        if full < 1 or self._count(start_ms, end_ms) < 1.5 * full:
            return False
        around = self._again(start_ms - _DAY_MS, end_ms + _DAY_MS)
        return self._again(start_ms, end_ms) > 0.8 * around

    def is_missing(self, start_ms: int, end_ms: int) -> bool:
        """Whether a span is a hole that begins and ends exactly with it."""
        if self._count(start_ms, end_ms) or end_ms - start_ms < self._step_ms:
            return False
        next_to = self._count(start_ms - self._step_ms, start_ms), self._count(end_ms, end_ms + self._step_ms)
        return min(next_to) > 0

    def _marks(self, zone: str, missing: list[tuple[int, int]], doubled: list[tuple[int, int]]) -> Marks:
        holes = [span for span in missing if self._is_covered(*span)]
        twice = [span for span in doubled if self._is_covered(*span)]
        seen = tuple(start for start, end in holes if self.is_missing(start, end))
        again = tuple(start for start, end in twice if self.stands_twice(start, end))
        return Marks(zone, seen, again, len(holes) + len(twice) - len(seen) - len(again))

    def _changes(self, zone: str) -> Changes:
        first, last = int(self._sorted[0]), int(self._sorted[-1])
        return changes(ZoneInfo(zone), first // _DAY_MS * _DAY_MS, last // _DAY_MS * _DAY_MS)

    def _is_covered(self, start_ms: int, end_ms: int) -> bool:
        """Whether there are rows in the hours on both sides, so that a mark would be seen."""
        before = self._count(start_ms - 3 * _HOUR_MS, start_ms)
        return min(before, self._count(end_ms, end_ms + 3 * _HOUR_MS)) > 0

    def _count(self, start_ms: int, end_ms: int) -> int:
        return int(np.diff(np.searchsorted(self._sorted, [start_ms, end_ms]))[0])

    def _again(self, start_ms: int, end_ms: int) -> int:
        """How many stamps in a span stood before."""
        low, high = np.searchsorted(self._sorted, [start_ms, end_ms])
        return int((np.diff(self._sorted[low:high]) == 0).sum())


def zones_near(longitude: float | None) -> list[str]:
    """The zones, those first whose winter time is nearest to the sun's at a longitude."""
    if longitude is None:
        return list(ZONES)
    return sorted(ZONES, key=lambda zone: abs(_winter_hours(zone) - longitude / 15))


def _winter_hours(zone: str) -> float:
    """Hours that a zone is ahead of UTC without summer time."""
    moments = [datetime(2015, month, 15, tzinfo=UTC).astimezone(ZoneInfo(zone)) for month in (1, 7)]
    return min((moment.utcoffset() or timedelta()).total_seconds() / 3600 for moment in moments)


def best(found: list[Marks]) -> Marks | None:
    """The first zone of those that explain the most marks and leave no change without one; None for none."""
    fitting = [marks for marks in found if marks.found and not marks.unmarked]
    return max(fitting, key=lambda marks: marks.found, default=None)


def told(marks: Marks) -> str:
    """The marks in words, the first of each kind."""
    parts = []
    if marks.missing_ms:
        parts.append(f"a missing hour on {_day(marks.missing_ms[0])}")
    if marks.doubled_ms:
        parts.append(f"a doubled hour on {_day(marks.doubled_ms[0])}")
    return " and ".join(parts)


def _day(wall_ms: int) -> str:
    return str(np.datetime64(wall_ms, "ms").astype("datetime64[D]"))


def _triples(clock: Changes) -> list[tuple[int, int, int]]:
    return list(zip(clock.at_ms.tolist(), clock.before_ms.tolist(), clock.after_ms.tolist(), strict=True))
