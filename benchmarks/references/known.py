"""What was known of a plant at a time: its interval means and its weather, each with when it was known.

Nothing here decides what is peeked at: every look-up takes the time of the issue.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.windows import commonest_step_s, interval_means
from producers.folder import Folder

F8 = NDArray[np.float64]
I8 = NDArray[np.int64]

MINUTE_MS: Final = 60_000
HOUR_MS: Final = 3_600_000
DAY_MS: Final = 86_400_000
_STRIDE: Final = 1 << 32  # minutes since 1970 stay far under it


@dataclass(frozen=True)
class Power:
    """Interval means of one plant on a grid without holes, as shares of capacity.

    `end_ms` i8[n] evenly apart by `step_ms`; `known_ms` i8[n] when the last scan of each was known; `share`
    f8[n], NaN where under half of the scans came.
    """

    end_ms: I8
    known_ms: I8
    share: F8
    step_ms: int

    def at(self, end_ms: I8, issued_ms: I8 | int) -> F8:
        """The means of the intervals that end at `end_ms`, NaN where they were not known at the issue."""
        if not len(self.end_ms):
            return np.full(np.shape(end_ms), np.nan)
        place = (end_ms - self.end_ms[0]) // self.step_ms
        inside = np.clip(place, 0, len(self.end_ms) - 1)
        good = (self.end_ms[inside] == end_ms) & (self.known_ms[inside] <= issued_ms)
        return np.where(good, self.share[inside], np.nan)

    def last(self, issued_ms: I8) -> I8:
        """End of the newest interval that was over at each issue."""
        return issued_ms // self.step_ms * self.step_ms


@dataclass(frozen=True)
class Weather:
    """All rows of one plant's runs in the order of (valid time, published).

    `key` i8[n] holds both in minutes, `published_ms` i8[n], `values` f8[n, C] in the order of `columns`. Most
    valid times lie `step_ms` apart, `phase_ms` after a whole number of steps.
    """

    columns: tuple[str, ...]
    key: I8
    published_ms: I8
    values: F8
    step_ms: int
    phase_ms: int

    def newest(self, valid_ms: I8, issued_ms: I8, interval_ms: int) -> tuple[F8, F8]:
        """Values (n, C) of the newest runs published by each issue, means over the intervals that end at
        `valid_ms`, and the hours (n,) since the run was published; NaN where there is none.
        """
        end_ms = -((self.phase_ms - valid_ms) // self.step_ms) * self.step_ms + self.phase_ms
        values, age = self._at(end_ms, issued_ms)
        parts = [values]
        for back_ms in range(self.step_ms, interval_ms, self.step_ms):
            parts.append(self._at(end_ms - back_ms, issued_ms)[0])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # the mean of nothing is NaN, as it should be
            return np.nanmean(np.stack(parts), axis=0), age

    def _at(self, valid_ms: I8, issued_ms: I8) -> tuple[F8, F8]:
        count = len(valid_ms)
        if not len(self.key):
            return np.full((count, len(self.columns)), np.nan), np.full(count, np.nan)
        wanted = valid_ms // MINUTE_MS * _STRIDE + issued_ms // MINUTE_MS
        place = np.searchsorted(self.key, wanted, side="right") - 1
        found = (place >= 0) & (self.key[place] // _STRIDE == wanted // _STRIDE)
        values = np.where(found[:, None], self.values[place], np.nan)
        return values, np.where(found, (valid_ms - self.published_ms[place]) / HOUR_MS, np.nan)


@dataclass(frozen=True)
class Known:
    """One plant: its power and its weather."""

    plant_id: str
    kind: str
    capacity_kw: float
    power: Power
    weather: Weather


def known_plants(folder: Folder, step_s: int) -> dict[str, Known]:
    """Every plant of a folder, its power averaged over intervals of `step_s` seconds."""
    newest = {plant.plant_id: plant for plant in folder.plants}
    made = {}
    for number, plant_id in enumerate(folder.plant_ids):
        plant = newest[plant_id]
        power = _power(folder, number, step_s, plant.capacity_kw)
        made[plant_id] = Known(
            plant_id,
            plant.kind.value,
            plant.capacity_kw,
            power,
            _weather(folder, plant_id),
        )
    return made


def _power(folder: Folder, number: int, step_s: int, capacity_kw: float) -> Power:
    rows = folder.telemetry
    own = (rows.plant == number) & np.isfinite(rows.numbers["power_kw"])
    stamps, known = rows.event_time_ms[own], rows.known_at_ms[own]
    scan_s = min(commonest_step_s(np.unique(stamps)), step_s)
    ends, power_kw = interval_means(stamps, rows.numbers["power_kw"][own], step_s, scan_s)
    step_ms = step_s * 1000
    known_ms = ends.copy()
    if len(ends):
        np.maximum.at(known_ms, (-(-stamps // step_ms) * step_ms - ends[0]) // step_ms, known)
    return Power(ends, known_ms, power_kw / capacity_kw, step_ms)


def _weather(folder: Folder, plant_id: str) -> Weather:
    runs = [run for run in folder.runs if run.plant_id == plant_id]
    columns = tuple(sorted({name for run in runs for name in run.columns}))
    if not runs:
        nothing = np.empty(0, np.int64)
        return Weather(columns, nothing, nothing, np.empty((0, 0)), HOUR_MS, 0)
    valid = np.concatenate([run.valid_at_ms for run in runs])
    # No run counts before it was known, whatever it says of itself.
    published = np.concatenate(
        [np.full(len(r.valid_at_ms), max(r.published_at_ms, r.known_at_ms)) for r in runs]
    )
    values = np.concatenate([_values(run.columns, columns, len(run.valid_at_ms)) for run in runs])
    # Published rounds up: a run of 00:00:30 must not count at 00:00.
    key = valid // MINUTE_MS * _STRIDE + -(-published // MINUTE_MS)
    order = np.argsort(key, kind="stable")
    step_ms = commonest_step_s(np.unique(valid)) * 1000
    phases, counts = np.unique(valid % step_ms, return_counts=True)
    return Weather(
        columns, key[order], published[order], values[order], step_ms, int(phases[counts.argmax()])
    )


def _values(have: dict[str, F8], columns: tuple[str, ...], rows: int) -> F8:
    missing = np.full(rows, np.nan)
    return np.stack([have.get(name, missing) for name in columns], axis=1)
