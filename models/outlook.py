"""What is known about the hours ahead of one plant: base quantiles from its weather runs, and its
climatology.

A run counts from the first issue at T >= its `published_at`. For each hour the newest run that covers it
holds; a run that arrives after its successor fills only the hours that the successor leaves open.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.forecast.base import HOUR_MS, KNOTS
from models.release import Base, Release
from schemas.records import PlantVersion, WeatherRun

I8 = NDArray[np.int64]
Flags = NDArray[np.bool_]
F8 = NDArray[np.float64]

PAST_H: Final = 26  # hours behind the clock whose base the correction and the detectors look at
RUNS_KEPT: Final = 8
#: A forecast by a trained model is worth one by the physical start of a run that is so much newer.
START_BEHIND_MS: Final = 48 * HOUR_MS
FAR_MS: Final = int(np.iinfo(np.int64).max)


@dataclass
class Span:
    """Values of consecutive whole hours: row i is the hour that ends at ``(first + i) * 1 h``.

    `worth_ms` is when the run was published that the hour is of, less `START_BEHIND_MS` where `physical`.
    """

    first: int = 0
    knots: NDArray[np.float32] = field(default_factory=lambda: np.empty((0, len(KNOTS)), np.float32))
    worth_ms: I8 = field(default_factory=lambda: np.empty(0, np.int64))
    physical: Flags = field(default_factory=lambda: np.empty(0, np.bool_))

    @property
    def end(self) -> int:
        return self.first + len(self.knots)

    def write(self, hours: I8, base: Base, published_ms: int) -> None:
        """Take the hours that nothing of more worth is known of; rows with NaN are passed over."""
        good = np.isfinite(base.q).all(axis=1)
        if not good.any():
            return
        hours, knots, physical = hours[good], base.q[good], base.physical[good]
        self._cover(int(hours.min()), int(hours.max()) + 1)
        place = hours - self.first
        worth_ms = published_ms - START_BEHIND_MS * physical
        better = self.worth_ms[place] <= worth_ms
        self.knots[place[better]] = knots[better]
        self.worth_ms[place[better]] = worth_ms[better]
        self.physical[place[better]] = physical[better]

    def _cover(self, first: int, end: int) -> None:
        if not len(self.knots):
            self.first = first
        before, after = max(self.first - first, 0), max(end - self.end, 0)
        if before or after:
            self.first -= before
            self.knots = np.pad(self.knots, ((before, after), (0, 0)), constant_values=np.nan)
            self.worth_ms = np.pad(self.worth_ms, (before, after), constant_values=-FAR_MS)
            self.physical = np.pad(self.physical, (before, after), constant_values=False)

    def forget_before(self, hour: int) -> None:
        """Let go of the hours before this one."""
        gone = min(max(hour - self.first, 0), len(self.knots))
        if gone > 24:
            self.first += gone
            self.knots, self.worth_ms = self.knots[gone:].copy(), self.worth_ms[gone:].copy()
            self.physical = self.physical[gone:].copy()

    def knows(self, hour: int) -> bool:
        """Whether anything is known of an hour."""
        return self.first <= hour < self.end and bool(np.isfinite(self.knots[hour - self.first, 0]))

    def copy_into(self, block: NDArray[np.floating], first: int) -> None:
        """Fill the rows of ``block`` (hours from ``first`` on) that are known."""
        there, here = self._common(first, len(block))
        block[there] = self.knots[here]

    def mark(self, flags: Flags, first: int) -> None:
        """Set those of ``flags`` (hours from ``first`` on) that are of the physical start."""
        there, here = self._common(first, len(flags))
        flags[there] = self.physical[here]

    def _common(self, first: int, count: int) -> tuple[slice, slice]:
        """The hours that a stretch and the span have in common, as places in each."""
        low = max(first, self.first)
        high = max(min(first + count, self.end), low)
        return slice(low - first, high - first), slice(low - self.first, high - self.first)


@dataclass
class Outlook:
    """One plant's runs and the base quantiles made of them. The clock is always an argument."""

    plant: PlantVersion
    release: Release
    versions: list[PlantVersion] = field(default_factory=list)
    pending: list[WeatherRun] = field(default_factory=list)
    runs: list[WeatherRun] = field(default_factory=list)
    weather: Span = field(default_factory=Span)
    climatology: Span = field(default_factory=Span)
    wakes_ms: int = FAR_MS
    usual_s: float = float("nan")  # from run to run
    missing_share: float = float("nan")  # of the newest run's values

    def arrive(self, run: WeatherRun) -> bool:
        """Take a run that stands in the journal; False when the same run was already there."""
        same = any(_identity(run) == _identity(other) for other in (*self.pending, *self.runs))
        if not same:
            self.pending.append(run)
            self.wakes_ms = min(self.wakes_ms, run.published_at_ms)
        return not same

    def register(self, plant: PlantVersion) -> None:
        """Take a version of the plant; another one of the same `valid_from` gives way."""
        kept = [v for v in self.versions if v.valid_from_ms != plant.valid_from_ms]
        self.versions = sorted((*kept, plant), key=lambda v: v.valid_from_ms)

    def amend_at(self, clock_ms: int) -> bool:
        """Let the version count that holds at a time (the first one before any holds); True when it is
        another one.
        """
        held = [v for v in self.versions if v.valid_from_ms <= clock_ms] or self.versions[:1]
        self._set_alarm(clock_ms)
        if held[-1] == self.plant:
            return False
        self.plant = held[-1]
        self.adopt(self.release, clock_ms)
        return True

    def _set_alarm(self, clock_ms: int) -> None:
        """When a waiting run or version will count."""
        versions = (v.valid_from_ms for v in self.versions if v.valid_from_ms > clock_ms)
        self.wakes_ms = min((*(r.published_at_ms for r in self.pending), *versions), default=FAR_MS)

    def settle(self, clock_ms: int, issued_at_ms: int) -> None:
        """After a restore: the version that held, without making anything again."""
        held = [v for v in self.versions if v.valid_from_ms <= clock_ms] or self.versions[:1]
        self.plant = held[-1]
        self._set_alarm(issued_at_ms)
        self._judge_runs()

    def activate(self, issued_at_ms: int) -> None:
        """Let the runs count that were published by T."""
        due = sorted((r for r in self.pending if r.published_at_ms <= issued_at_ms), key=_order)
        self.pending = [r for r in self.pending if r.published_at_ms > issued_at_ms]
        oldest = issued_at_ms // HOUR_MS - PAST_H
        self.weather.forget_before(oldest)
        for run in due:
            self._write(run, oldest)
        kept = [r for r in (*self.runs, *due) if r.valid_at_ms.size and r.valid_at_ms[-1] >= oldest * HOUR_MS]
        self.runs = sorted(kept, key=_order)[-RUNS_KEPT:]
        self.weather.forget_before(oldest)
        self._judge_runs()

    def waits_at(self, now_ms: int) -> bool:
        """Whether a run could count by now that brings weather to a plant without any for the next hour."""
        hour = now_ms // HOUR_MS + 1
        return not self.weather.knows(hour) and any(
            run.published_at_ms <= now_ms and run.valid_at_ms.size and run.valid_at_ms[-1] >= hour * HOUR_MS
            for run in self.pending
        )

    def _judge_runs(self) -> None:
        """How regular the runs are, and how whole the newest is."""
        if not self.runs:
            return
        steps_s = np.diff([run.published_at_ms for run in self.runs]) / 1000.0
        self.usual_s = float(np.median(steps_s)) if steps_s.size else float("nan")
        columns = list(self.runs[-1].columns.values())
        self.missing_share = float(np.mean([np.isnan(c).mean() for c in columns])) if columns else 1.0

    def adopt(self, release: Release, clock_ms: int) -> None:
        """Serve from another release: what is known of the hours ahead is made again."""
        self.release = release
        self.weather, self.climatology = Span(), Span()
        oldest = clock_ms // HOUR_MS - PAST_H if clock_ms >= 0 else 0
        for run in self.runs:
            self._write(run, oldest)

    def _write(self, run: WeatherRun, oldest: int) -> None:
        if not run.valid_at_ms.size:
            return
        first = max(-(-int(run.valid_at_ms.min()) // HOUR_MS), oldest)
        hours = np.arange(first, int(run.valid_at_ms.max()) // HOUR_MS + 1)
        if hours.size:
            self.weather.write(
                hours, self.release.base(self.plant, run, hours * HOUR_MS), run.published_at_ms
            )

    def climatology_to(self, first: int, end: int) -> Span:
        """Climatology that covers the hours first..end - 1; made a day at a time."""
        if not self.climatology.first <= first <= self.climatology.end:
            self.climatology = Span()  # a plant may be silent for years: nothing is made of those
        known = self.climatology
        if known.end < end or not len(known.knots):
            hours = np.arange(known.end if len(known.knots) else first, max(end, first + 24 * 7))
            usual = self.release.climatology.base(self.plant, hours * HOUR_MS)
            known.write(hours, Base(usual, np.zeros(len(hours), np.bool_)), 0)
            known.forget_before(first)
        return known

    def newest_run(self) -> WeatherRun | None:
        """The newest run that counts."""
        return self.runs[-1] if self.runs else None


def _identity(run: WeatherRun) -> tuple[str, int]:
    return run.source, run.published_at_ms


def _order(run: WeatherRun) -> tuple[int, str]:
    return run.published_at_ms, run.source


def block_of(spans: list[Span], first: I8, hours: int) -> F8:
    """Knots of N plants over a stretch of hours each, NaN where unknown: shape (N, hours, 13)."""
    block = np.full((len(spans), hours, len(KNOTS)), np.nan)
    for row, span in enumerate(spans):
        span.copy_into(block[row], int(first[row]))
    return block


def starts_of(spans: list[Span], first: I8, hours: int) -> Flags:
    """Which hours of N plants over a stretch each are of the physical start: shape (N, hours)."""
    flags = np.zeros((len(spans), hours), np.bool_)
    for row, span in enumerate(spans):
        if span.physical.any():
            span.mark(flags[row], int(first[row]))
    return flags


def hour_of(end_ms: I8) -> I8:
    """Number of the hour that an interval lies in, or ends in."""
    return -(-end_ms // HOUR_MS)


def at_intervals(block: F8, first: I8, end_ms: I8, interval_s: I8, shape: F8 | None) -> F8:
    """Knots of intervals inside or across the hours of a block, by the time of the interval's middle.

    A whole UTC hour is that hour. Another interval lies on the line between the middles of two hours; an
    interval whose own hour is unknown is unknown.

    :param block: (N, hours, 13); ``first`` (N,) the number of the first hour
    :param end_ms, interval_s: (N, M)
    :param shape: (N, M, 3) for solar plants the clear-sky power of the interval, of its own hour and of the
        other hour: the line is drawn through shares of the clear sky; None to draw it through power
    """
    middle = end_ms - interval_s * 500
    own = -(-end_ms // HOUR_MS)
    centre = own * HOUR_MS - HOUR_MS // 2
    other = own + np.sign(middle - centre)
    weight = np.abs(middle - centre) / HOUR_MS
    here = _pick(block, own - first[:, None])
    there = _pick(block, other - first[:, None])
    if shape is not None:
        clear = np.maximum(shape, 1e-3)
        here = here * (clear[..., :1] / clear[..., 1:2])
        there = there * (clear[..., :1] / clear[..., 2:3])
    there = np.where(np.isnan(there), here, there)
    return np.asarray(here + weight[..., None] * (there - here))


def _pick(block: F8, place: I8) -> F8:
    inside = (place >= 0) & (place < block.shape[1])
    rows = np.arange(len(block))[:, None]
    return np.where(inside[..., None], block[rows, np.clip(place, 0, block.shape[1] - 1)], np.nan)
