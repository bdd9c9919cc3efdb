"""The sun over intervals of N plants at once, from day tables that each plant's outlook keeps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models import sun
from models.forecast.base import HOUR_MS
from models.sun import DAY_MS, SAMPLE_S, SAMPLES

I8 = NDArray[np.int64]
F8 = NDArray[np.float64]
Flags = NDArray[np.bool_]

WIDTH = SAMPLES + 1


@dataclass(frozen=True)
class Sky:
    """One site's sun on UTC days from ``first`` on: running sums of each day's samples, shape (days, WIDTH)
    each, of clear-sky irradiance in kW/m2 and of samples in which the sun is up.
    """

    first: int
    clear: F8
    bright: NDArray[np.int16]

    def covers(self, first: int, end: int) -> bool:
        return self.first <= first and end <= self.first + len(self.clear)


def sky(latitude: float, longitude: float, first: int, end: int, known: Sky | None) -> Sky:
    """The sky of a site on the days first..end - 1; what is ``known`` of them is not made again."""
    days = []
    for day in range(first, end):
        if known is not None and known.covers(day, day + 1):
            days.append((known.clear[day - known.first], known.bright[day - known.first]))
        else:
            days.append(sun.running(latitude, longitude, day))
    clear, bright = zip(*days, strict=True)
    return Sky(first, np.stack(clear), np.stack(bright))


def days_around(end_ms: I8) -> list[tuple[int, int]]:
    """By plant the first day, and the day after the last, that intervals which end at ``end_ms`` (N, M) and
    the hours beside them touch.
    """
    first, last = end_ms.min(axis=1) // DAY_MS - 1, (end_ms.max(axis=1) + 2 * HOUR_MS) // DAY_MS
    return list(zip(first.tolist(), (last + 1).tolist(), strict=True))


@dataclass(frozen=True)
class Skies:
    """The skies of N plants, one after another. What it says of an interval are the bits of `sun.means`."""

    clear: F8
    bright: NDArray[np.int16]
    first: I8  # (N,)
    start: I8  # (N,) place of each plant's first day

    @classmethod
    def of(cls, skies: Sequence[Sky]) -> Skies:
        """The skies in their order."""
        days = np.array([len(one.clear) for one in skies], np.int64)
        return cls(
            np.concatenate([one.clear for one in skies]).reshape(-1),
            np.concatenate([one.bright for one in skies]).reshape(-1),
            np.array([one.first for one in skies], np.int64),
            np.cumsum(days) - days,
        )

    def clear_of(self, end_ms: I8, interval_s: I8) -> F8:
        """Mean clear-sky irradiance in kW/m2 of intervals (N, M)."""
        sums, count = self._sums(self.clear, end_ms, interval_s)
        return np.asarray(sums / count)

    def daylight(self, end_ms: I8, interval_s: I8) -> Flags:
        """Whether the sun is up in any part of intervals (N, M)."""
        return np.asarray(self._sums(self.bright, end_ms, interval_s)[0] > 0)

    def _sums(self, table: NDArray[np.number], end_ms: I8, interval_s: I8) -> tuple[NDArray[np.number], I8]:
        last = end_ms // (SAMPLE_S * 1000)
        count = np.clip(interval_s // SAMPLE_S, 1, SAMPLES)
        (last_day, last_slot), (day, slot) = np.divmod(last, SAMPLES), np.divmod(last - count, SAMPLES)
        origin = ((self.start - self.first) * WIDTH)[:, None]
        begin = origin + day * WIDTH
        sums = table[origin + last_day * WIDTH + last_slot] - table[begin + slot]
        split = last_day != day
        sums[split] += table[begin[split] + SAMPLES]
        return sums, count
