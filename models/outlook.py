"""What is known about the hours ahead of one plant: base quantiles from its weather runs, and its
climatology.

A run counts from the first issue at T >= its `published_at`. For each hour the newest run that covers it
holds; a run that arrives after its successor fills only the hours that the successor leaves open.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models import sun
from models.forecast.base import HOUR_MS
from models.release import Base, Release
from models.skies import Skies, Sky, days_around, sky
from models.spans import FAR_MS, PAST_H, Span
from schemas.records import PlantVersion, WeatherRun

I8 = NDArray[np.int64]

RUNS_KEPT: Final = 8
RUNS_APART_MS: Final = 12 * HOUR_MS
RUNS_BACK_MS: Final = 48 * HOUR_MS
HEARD_KEPT: Final = 16
#: Runs that wait for their time: few, unless a clock is wrong. Of more the last ones to arrive are kept.
PENDING_KEPT: Final = 64
PENDING_VALUES: Final = 480_000

#: (published_at_ms, source) of a run.
Heard = tuple[int, str]


@dataclass
class Outlook:
    """One plant's runs and the base quantiles made of them. The clock is always an argument."""

    plant: PlantVersion
    release: Release
    versions: list[PlantVersion] = field(default_factory=list)
    pending: list[WeatherRun] = field(default_factory=list)
    runs: list[WeatherRun] = field(default_factory=list)
    heard: list[Heard] = field(default_factory=list)  # of the newest runs that counted, kept or not
    weather: Span = field(default_factory=Span)
    climatology: Span = field(default_factory=Span)
    sky: Sky | None = None
    wakes_ms: int = FAR_MS
    usual_s: float = float("nan")  # from run to run
    missing_share: float = float("nan")  # of the newest run's values
    _completed: tuple[Release | None, PlantVersion | None, PlantVersion] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._completed = None, None, self.plant

    @property
    def site(self) -> PlantVersion:
        """The plant with what training found of it where the registry has nothing."""
        release, plant, site = self._completed
        if release is not self.release or plant is not self.plant:
            site = self.release.completed(self.plant)
            self._completed = self.release, self.plant, site
            self.sky = None
        return site

    def arrive(self, run: WeatherRun) -> bool:
        """Take a run that stands in the journal; False when the same run was already there."""
        same = _order(run) in (*self.heard, *map(_order, self.pending))
        if not same:
            self.pending = _newest([*self.pending, run])
            self.wakes_ms = min(self.wakes_ms, run.published_at_ms)
        return not same

    def differs(self, run: WeatherRun) -> bool:
        """Whether a run of the same source and publication is at hand that says something else."""
        return any(_order(one) == _order(run) and not _alike(one, run) for one in (*self.runs, *self.pending))

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
        self._write(due, oldest)
        kept = [r for r in (*self.runs, *due) if r.valid_at_ms.size and r.valid_at_ms[-1] >= oldest * HOUR_MS]
        self.runs = _thinned(sorted(kept, key=_order))
        self.heard = sorted({*self.heard, *map(_order, due)})[-HEARD_KEPT:]
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
        steps_s = np.diff([published_ms for published_ms, _ in self.heard[-RUNS_KEPT:]]) / 1000.0
        self.usual_s = float(np.median(steps_s)) if steps_s.size else float("nan")
        columns = list(self.runs[-1].columns.values())
        self.missing_share = float(np.mean([np.isnan(c).mean() for c in columns])) if columns else 1.0

    def adopt(self, release: Release, clock_ms: int) -> None:
        """Serve from another release: what is known of the hours ahead is made again."""
        self.release = release
        self.weather, self.climatology = Span(), Span()
        oldest = clock_ms // HOUR_MS - PAST_H if clock_ms >= 0 else 0
        self._write(self.runs, oldest)

    def _write(self, runs: Sequence[WeatherRun], oldest: int) -> None:
        """Take what runs in their order say. The last one speaks first: an older one is asked only for the
        hours that are left to it.
        """
        made = Span()
        for run in reversed(runs):
            if not run.valid_at_ms.size:
                continue
            first = max(-(-int(run.valid_at_ms.min()) // HOUR_MS), oldest)
            hours = np.arange(first, int(run.valid_at_ms.max()) // HOUR_MS + 1)
            hours = hours[made.worth_at(hours) < run.published_at_ms]
            if hours.size:
                base = self.release.base(self.plant, run, hours * HOUR_MS)
                made.write(hours, base, run.published_at_ms)
        self.weather.take_over(made)

    def climatology_to(self, first: int, end: int) -> Span:
        """Climatology that covers the hours first..end - 1; made a day at a time."""
        if not self.climatology.first <= first <= self.climatology.end:
            self.climatology = Span()  # a plant may be silent for years: nothing is made of those
        known = self.climatology
        if known.end < end or not len(known.knots):
            hours = np.arange(known.end if len(known.knots) else first, max(end, first + 24 * 7))
            usual = self.release.climatology.base(self.site, hours * HOUR_MS)
            known.write(hours, Base(usual, np.zeros(len(hours), np.bool_)), 0)
            known.forget_before(first)
        return known

    def sky_to(self, first: int, end: int) -> Sky | None:
        """The sun over the days first..end - 1 at least; None for what has none: a wind farm, a plant without
        position.
        """
        position = sun.position(self.site)
        if position is None:
            return None
        if self.sky is None or not self.sky.covers(first, end):
            self.sky = sky(*position, first, end, self.sky)
        return self.sky

    def newest_run(self) -> WeatherRun | None:
        """The newest run that counts."""
        return self.runs[-1] if self.runs else None


def skies_of(outlooks: Sequence[Outlook], ends_ms: I8) -> tuple[I8, Skies | None]:
    """The places of the plants that have a sun, and it over intervals that end at ``ends_ms`` (N, M)."""
    found = [o.sky_to(*reach) for o, reach in zip(outlooks, days_around(ends_ms), strict=True)]
    skies = [one for one in found if one is not None]
    rows = np.array([row for row, one in enumerate(found) if one is not None], np.int64)
    return rows, Skies.of(skies) if skies else None


def _order(run: WeatherRun) -> Heard:
    return run.published_at_ms, run.source


def _newest(pending: list[WeatherRun]) -> list[WeatherRun]:
    """The last runs to arrive, as many as may wait."""
    kept: list[WeatherRun] = []
    values = 0
    for run in reversed(pending[-PENDING_KEPT:]):
        columns = [run.columns, *(point.columns for point in run.points)]
        values += run.valid_at_ms.size * sum(map(len, columns))
        if kept and values > PENDING_VALUES:
            break
        kept.append(run)
    return kept[::-1]


def _alike(one: WeatherRun, other: WeatherRun) -> bool:
    """Whether two runs say the same, to the bit."""
    if not np.array_equal(one.valid_at_ms, other.valid_at_ms) or len(one.points) != len(other.points):
        return False
    parts = [(one.columns, other.columns)]
    for a, b in zip(one.points, other.points, strict=True):
        if (a.point_id, a.latitude, a.longitude) != (b.point_id, b.latitude, b.longitude):
            return False
        parts.append((a.columns, b.columns))
    return all(
        a.keys() == b.keys() and all(np.array_equal(a[name], b[name], equal_nan=True) for name in a)
        for a, b in parts
    )


def _thinned(runs: list[WeatherRun]) -> list[WeatherRun]:
    """Of runs in their order the newest two of each family, and the first one in each stretch of some hours:
    a source that is asked each hour would fill a state with what is hardly different.
    """
    kept: dict[Heard, WeatherRun] = {}
    for family in {run.family for run in runs}:
        own = [run for run in runs if run.family == family]
        first: dict[int, WeatherRun] = {}
        for run in own:
            if run.published_at_ms > own[-1].published_at_ms - RUNS_BACK_MS:
                first.setdefault(run.published_at_ms // RUNS_APART_MS, run)
        kept |= {_order(run): run for run in (*first.values(), *own[-2:])}
    return [kept[place] for place in sorted(kept)][-RUNS_KEPT:]
