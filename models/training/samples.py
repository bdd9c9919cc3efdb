"""Training samples of the second stage: random issue times and lead times, seen as the worker would see
them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from models import sun
from models.forecast.base import HOUR_MS, KNOTS, TRAILING_HOURS, CorrectionInput, Flags, Floats, Ints
from models.forecast.climatology import Climatology
from models.forecast.limits import DARK_SHARE
from models.spans import PAST_H, at_intervals, clear_shape, hour_of, in_block
from models.training.dataset import PlantHistory, at

CHUNK = 2048  # issues at a time; bounds memory
RUNS_BACK = 8
FINE_UNTIL_S = 21_600
LONGEST_H = 48


@dataclass(frozen=True)
class Samples:
    """N issues of S steps each with what came: `x`, and the share `y` (N, S), NaN where unknown or not
    clean.
    """

    x: CorrectionInput
    y: Floats
    issued_ms: Ints  # (N,)


@dataclass(frozen=True)
class BaseTable:
    """Base quantiles of all runs of a plant: rows (n, 13) in the order of the runs, each run on consecutive
    hours.
    """

    published_ms: Ints  # (runs,), rising
    start: Ints  # (runs + 1,) first row of each run
    first_hour: Ints  # (runs,) number of the hour of that row
    knots: NDArray[np.float32]
    physical: Flags  # (n,)

    def block(self, issued_ms: Ints, first: Ints, hours: int) -> tuple[Floats, Flags]:
        """Knots (N, hours, 13) of the hours from `first` (N,) on, of the newest run known that covers each,
        else NaN, and which of them (N, hours) are of the physical start.
        """
        made = np.full((len(issued_ms), hours, len(KNOTS)), np.nan)
        physical = np.zeros((len(issued_ms), hours), np.bool_)
        newest = np.searchsorted(self.published_ms, issued_ms, side="right") - 1
        wanted = first[:, None] + np.arange(hours)
        for back in range(RUNS_BACK):
            run = np.clip(newest - back, 0, None)
            if not len(self.published_ms):
                break
            row = self.start[run][:, None] + wanted - self.first_hour[run][:, None]
            inside = (row >= self.start[run][:, None]) & (row < self.start[run + 1][:, None])
            fill = inside & (newest >= back)[:, None] & np.isnan(made[..., 0])
            made[fill] = self.knots[row[fill]]
            physical[fill] = self.physical[row[fill]]
        return made, physical


def table_of(
    published_ms: Ints, run: Ints, hours_ms: Ints, q: Floats, physical: Flags | None = None
) -> BaseTable:
    """The table of rows (n,) that stand run by run in the order of publication, with their quantiles (n, 13)
    and whether these are of the physical start (None: none is).
    """
    physical = np.zeros(len(run), np.bool_) if physical is None else physical
    start = np.searchsorted(run, np.arange(len(published_ms) + 1))
    occupied = start[:-1] < start[1:]
    first = np.where(occupied, (hours_ms // HOUR_MS)[np.minimum(start[:-1], max(len(run) - 1, 0))], 0)
    return BaseTable(published_ms, start, first, q.astype(np.float32), physical)


@dataclass(frozen=True)
class Teller:
    """Makes samples of one plant: its history, its base out of fold (None: climatology alone) and its
    climatology.
    """

    history: PlantHistory
    climatology: Climatology
    table: BaseTable | None

    def issues(self, every_ms: int) -> Ints:
        """Possible issue times: whole multiples of a step from a day into the history to its end."""
        ends = self.history.end_ms
        if not len(ends):
            return np.empty(0, np.int64)
        first = -(-(int(ends[0]) + TRAILING_HOURS * HOUR_MS) // every_ms)
        return np.arange(first, int(ends[-1]) // every_ms + 1, dtype=np.int64) * every_ms

    def tell(self, issued_ms: Ints, valid_ms: Ints, interval_s: Ints, delay: Ints) -> Samples:
        """The samples of issues (N,) and steps (N, S); telemetry is known up to `delay` (N,) intervals
        before the issue.

        Issues without a recent value are kept; see `heard`.
        """
        parts = [
            self._tell(*(a[i : i + CHUNK] for a in (issued_ms, valid_ms, interval_s, delay)))
            for i in range(0, len(issued_ms), CHUNK)
        ]
        return concat(parts)

    def _tell(self, issued_ms: Ints, valid_ms: Ints, interval_s: Ints, delay: Ints) -> Samples:
        plant, steps = self.history.plant, valid_ms.shape[1]
        last, last_end = self._last(issued_ms, delay)
        back = issued_ms[:, None] - np.arange(TRAILING_HOURS) * HOUR_MS
        ends = np.concatenate([valid_ms, back, last_end[:, None]], axis=1)
        lengths = np.full(ends.shape, 3600, np.int64)
        lengths[:, :steps] = interval_s
        lengths[:, -1] = plant.resolution_s
        base, usual, weather_based, physical = self._base(issued_ms, ends, lengths)
        x = CorrectionInput(
            plant_ids=[plant.plant_id] * len(issued_ms),
            is_solar=np.full(len(issued_ms), plant.kind == "solar"),
            last=last,
            last_age_s=(issued_ms - last_end) / 1000.0,
            base_last=base[:, -1],
            trailing=self._trailing(back, last_end),
            base_trailing=base[:, steps:-1],
            usual_last=usual[:, -1],
            usual_trailing=usual[:, steps:-1],
            base=base[:, :steps],
            lead_s=(valid_ms - issued_ms[:, None]) / 1000.0,
            interval_s=interval_s.astype(np.float64),
            daylight=self._daylight(valid_ms, interval_s, usual[:, :steps, -1]),
            hour_of_day=valid_ms / HOUR_MS % 24,
            issue_hour=issued_ms / HOUR_MS % 24,
            weather_based=weather_based[:, :steps],
            physical=physical[:, :steps],
        )
        return Samples(x, self._actual(valid_ms, interval_s), issued_ms)

    def _last(self, issued_ms: Ints, delay: Ints) -> tuple[Floats, Ints]:
        """The newest known interval of the last hour (or the last two intervals) and its end."""
        step = self.history.plant.resolution_s * 1000
        newest = (issued_ms // step - delay) * step
        value, end = np.full(len(issued_ms), np.nan), newest.copy()
        share, fresh_ms = self.history.share, max(HOUR_MS, 2 * step)
        for i in range(fresh_ms // step + 1):
            there = at(self.history.end_ms, share, step, newest - i * step)
            better = np.isnan(value) & np.isfinite(there) & (issued_ms - newest + i * step <= fresh_ms)
            value = np.where(better, there, value)
            end = np.where(better, newest - i * step, end)
        return value, end

    def _trailing(self, back: Ints, last_end: Ints) -> Floats:
        """Hourly means (N, 24) that end at `back`, from intervals; NaN where under half of them had come by
        then.
        """
        resolution_s = self.history.plant.resolution_s
        step, parts = resolution_s * 1000, max(3600 // resolution_s, 1)
        share = self.history.share
        total, count = np.zeros(back.shape), np.zeros(back.shape)
        for i in range(parts):
            end = back // step * step - i * step
            value = np.where(end <= last_end[:, None], at(self.history.end_ms, share, step, end), np.nan)
            total += np.where(np.isfinite(value), value, 0.0)
            count += np.isfinite(value)
        return np.where(count * 2 >= parts, total / np.maximum(count, 1.0), np.nan)

    def _base(self, issued_ms: Ints, ends: Ints, lengths: Ints) -> tuple[Floats, Floats, Flags, Flags]:
        """Base and climatology (N, M, 13) of intervals, where (N, M) the base is weather, and where it is
        that through the physical start.
        """
        hours = PAST_H + LONGEST_H + 3
        first = issued_ms // HOUR_MS - PAST_H
        shape = self._shape(ends, lengths)
        usual = at_intervals(in_block(self._usual(first, hours), first), ends, lengths, shape)
        if self.table is None:
            none = np.zeros(ends.shape, np.bool_)
            return usual, usual, none, none
        block, starts = self.table.block(issued_ms, first, hours)
        weather = at_intervals(in_block(block, first), ends, lengths, shape)
        known = np.isfinite(weather[..., 0])
        at_hour = np.clip(hour_of(ends) - first[:, None], 0, hours - 1)
        physical = known & np.take_along_axis(starts, at_hour, axis=1)
        base = np.where(known[..., None], weather, usual)
        usual[np.flatnonzero(known.all(axis=1))] = np.nan  # as the engine leaves it
        return base, usual, known, physical

    def _shape(self, end_ms: Ints, interval_s: Ints) -> Floats | None:
        """The clear sky over intervals; None for what has no sun."""
        position = sun.position(self.history.plant)
        if position is None:
            return None

        def clear(end_ms: Ints, interval_s: Ints) -> Floats:
            return sun.means(*position, end_ms.ravel(), interval_s.ravel()).clear.reshape(end_ms.shape)

        return clear_shape(clear, end_ms, interval_s)

    def _usual(self, first: Ints, hours: int) -> Floats:
        start, end = int(first.min()), int(first.max()) + hours
        table = self.climatology.base(self.history.plant, np.arange(start, end, dtype=np.int64) * HOUR_MS)
        return np.asarray(table[first[:, None] - start + np.arange(hours)])

    def _daylight(self, valid_ms: Ints, interval_s: Ints, highest: Floats) -> Flags:
        plant = self.history.plant
        if plant.kind != "solar":
            return np.ones(valid_ms.shape, np.bool_)
        if plant.latitude is None or plant.longitude is None:
            return highest >= DARK_SHARE
        return sun.daylight(plant.latitude, plant.longitude, valid_ms, interval_s)

    def _actual(self, valid_ms: Ints, interval_s: Ints) -> Floats:
        history = self.history
        share = np.where(history.clean, history.share, np.nan)
        fine = at(history.end_ms, share, history.plant.resolution_s * 1000, valid_ms)
        return np.where(
            interval_s == history.plant.resolution_s, fine, history.hourly_at(valid_ms, clean_only=True)
        )


def heard(samples: Samples) -> Flags:
    """Issues (N,) with a telemetry value recent enough for a correction."""
    return np.isfinite(samples.x.last)


def draw(teller: Teller, issues: int, steps: int, rng: np.random.Generator) -> Samples:
    """Random issues with random steps: half of the steps at the plant's resolution up to 6 h, half hourly
    up to 48 h, short lead times more often; in one issue of seven the telemetry is late.
    """
    resolution_s = teller.history.plant.resolution_s
    possible = teller.issues(min(resolution_s, 3600) * 1000)
    issued = np.sort(rng.choice(possible, size=min(issues, len(possible)), replace=False))
    shape = (len(issued), steps)
    hourly = np.ceil(np.exp(rng.uniform(0.0, np.log(LONGEST_H), shape)) - rng.random(shape)).astype(np.int64)
    hourly_ms = (issued[:, None] // HOUR_MS + np.clip(hourly, 1, LONGEST_H)) * HOUR_MS
    fine = rng.integers(1, FINE_UNTIL_S // resolution_s + 1, shape)
    step_ms = resolution_s * 1000
    fine_ms = (issued[:, None] // step_ms + fine) * step_ms
    use_fine = rng.random(shape) < (0.5 if resolution_s < 3600 else 0.0)
    valid = np.where(use_fine, fine_ms, hourly_ms)
    interval = np.where(use_fine, resolution_s, max(resolution_s, 3600))
    late = np.where(
        rng.random(len(issued)) < 1 / 7, rng.integers(1, max(7200 // resolution_s, 2), len(issued)), 0
    )
    return teller.tell(issued, valid, interval, late)


def with_gaps(x: CorrectionInput, rng: np.random.Generator) -> CorrectionInput:
    """The input with trailing hours taken away here and there: in a fifth of the issues all beyond some
    hour, or a hole.
    """
    count = len(x.last)
    start = rng.integers(1, TRAILING_HOURS, count)
    length = np.where(rng.random(count) < 0.5, TRAILING_HOURS, rng.integers(1, 7, count))
    hours = np.arange(TRAILING_HOURS)
    hole = (
        (hours >= start[:, None]) & (hours < (start + length)[:, None]) & (rng.random(count) < 0.2)[:, None]
    )
    changed = {f.name: getattr(x, f.name) for f in fields(x)}
    return CorrectionInput(**(changed | {"trailing": np.where(hole, np.nan, x.trailing)}))


def concat(parts: Sequence[Samples]) -> Samples:
    """All issues of the parts, one after another; the parts have the same number of steps."""
    joined = {
        f.name: np.concatenate([getattr(p.x, f.name) for p in parts])
        for f in fields(CorrectionInput)
        if f.name != "plant_ids"
    }
    ids = [plant_id for p in parts for plant_id in p.x.plant_ids]
    x = CorrectionInput(plant_ids=ids, **joined)
    return Samples(x, np.concatenate([p.y for p in parts]), np.concatenate([p.issued_ms for p in parts]))
