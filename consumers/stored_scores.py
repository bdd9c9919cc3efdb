"""Scores out of PostgreSQL: forecasts against actuals, and persistence as it was known at the issue."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from consumers.skill import horizon_name
from consumers.stored import time_of
from models import score
from models.steps import LEADS_S
from models.windows import interval_index, interval_means
from schemas.rungs import Rung

if TYPE_CHECKING:
    from psycopg2.extensions import cursor

F8 = NDArray[np.float64]
I8 = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class StoredSteps:
    """n steps of one plant's forecasts; times [ms], lengths [s], kW; shape (n,) each.

    `by_weather` is 1 where a weather run reached the step, else 0.
    """

    issued_ms: I8
    lead_s: I8
    interval_s: I8
    by_weather: F8
    capacity_kw: F8
    p10_kw: F8
    p50_kw: F8
    p90_kw: F8


@dataclass(frozen=True, eq=False)
class Scans:
    """One plant's telemetry: stamps and when each was known [ms], power [kW], shape (m,)."""

    event_time_ms: I8
    known_at_ms: I8
    power_kw: F8
    scan_s: int


@dataclass(frozen=True)
class HorizonScore:
    """Of n issues that had both an actual and a last value: errors in % of capacity, the rest as shares.

    `by_weather`: the part of the steps that a weather run reached.
    """

    lead_s: int
    n: int
    nmae: float
    nmae_persistence: float
    coverage80: float
    by_weather: float

    @property
    def horizon(self) -> str:
        return horizon_name(self.lead_s)

    @property
    def skill(self) -> float:
        """Gain over persistence."""
        return score.skill(self.nmae, self.nmae_persistence)


def read_scores(cursor: cursor, plant_id: str, from_ms: int, to_ms: int) -> list[HorizonScore]:
    """Scores of what was issued for a plant in [from, to), by lead time."""
    return scores(_steps(cursor, plant_id, from_ms, to_ms), _scans(cursor, plant_id))


def scores(steps: StoredSteps, scans: Scans) -> list[HorizonScore]:
    """By lead time; a lead time without a pair is left out.

    Persistence is the mean of the newest interval, as long as the step, that ended by the issue and whose
    scans were all known by then; what arrived late had not arrived.
    """
    actual, last = np.full(len(steps.lead_s), np.nan), np.full(len(steps.lead_s), np.nan)
    for length_s in np.unique(steps.interval_s).tolist():
        rows = np.flatnonzero(steps.interval_s == length_s)
        table = _Means.of(scans, int(length_s))
        actual[rows] = table.at(steps.issued_ms[rows] + steps.lead_s[rows] * 1000)
        last[rows] = table.last(steps.issued_ms[rows])
    percent = 100.0 / steps.capacity_kw
    made = []
    for lead_s in LEADS_S:
        rows = np.flatnonzero((steps.lead_s == lead_s) & np.isfinite(actual) & np.isfinite(last))
        if rows.size:
            columns = (actual, last, steps.p10_kw, steps.p50_kw, steps.p90_kw)
            percents = (values[rows] * percent[rows] for values in columns)
            made.append(_score(lead_s, float(steps.by_weather[rows].mean()), *percents))
    return made


def by_horizon(found: list[HorizonScore]) -> dict[str, dict[str, float]]:
    """{horizon: {n, nmae, nmae_persistence, coverage80}}, as summaries have it."""
    return {
        one.horizon: {
            "n": one.n,
            "nmae": round(one.nmae, 4),
            "nmae_persistence": round(one.nmae_persistence, 4),
            "coverage80": round(one.coverage80, 4),
        }
        for one in found
    }


def _score(
    lead_s: int, by_weather: float, actual: F8, last: F8, low: F8, median: F8, high: F8
) -> HorizonScore:
    inside = score.coverage(actual, low, high, visible=100 * score.VISIBLE_SHARE).inside
    errors = score.mae(actual, median), score.mae(actual, last)
    return HorizonScore(lead_s, actual.size, *errors, inside, by_weather)


@dataclass(frozen=True, eq=False)
class _Means:
    """Interval means of one length on a grid without holes: ends and when each was known [ms], kW."""

    ends_ms: I8
    known_ms: I8
    power_kw: F8

    @classmethod
    def of(cls, scans: Scans, interval_s: int) -> _Means:
        ends, power = interval_means(scans.event_time_ms, scans.power_kw, interval_s, scans.scan_s)
        known = ends.copy()
        if ends.size:
            first = ends[0] // (interval_s * 1000) - 1
            place = interval_index(scans.event_time_ms, interval_s * 1000) - first
            inside = (place >= 0) & (place < ends.size)
            np.maximum.at(known, place[inside], scans.known_at_ms[inside])
        return cls(ends, known, power)

    def at(self, end_ms: I8) -> F8:
        place, there = self._place(end_ms)
        found = np.full(end_ms.shape, np.nan)
        found[there] = self.power_kw[place[there]]
        return found

    def last(self, issued_ms: I8) -> F8:
        """The newest mean known at each issue; NaN before the first."""
        step = int(self.ends_ms[1] - self.ends_ms[0]) if self.ends_ms.size > 1 else 1
        place = (
            np.minimum((issued_ms - self.ends_ms[0]) // step, self.ends_ms.size - 1)
            if self.ends_ms.size
            else np.full(issued_ms.shape, -1)
        )
        found = np.full(issued_ms.shape, np.nan)
        looking = np.flatnonzero(place >= 0)
        while looking.size:
            here = place[looking]
            good = np.isfinite(self.power_kw[here]) & (self.known_ms[here] <= issued_ms[looking])
            found[looking[good]] = self.power_kw[here[good]]
            looking = looking[~good]
            place[looking] -= 1
            looking = looking[place[looking] >= 0]
        return found

    def _place(self, end_ms: I8) -> tuple[I8, NDArray[np.bool_]]:
        if self.ends_ms.size < 2:
            return np.zeros(end_ms.shape, np.int64), np.zeros(end_ms.shape, np.bool_)
        step = int(self.ends_ms[1] - self.ends_ms[0])
        place, odd = np.divmod(end_ms - self.ends_ms[0], step)
        return place, (odd == 0) & (place >= 0) & (place < self.ends_ms.size)


_STEPS: Final = f"""
select
    (extract(epoch from f.issued_at) * 1000)::bigint,
    extract(epoch from s.valid_at - f.issued_at)::integer,
    s.interval_s,
    (s.rung in ({Rung.BOTH:d}, {Rung.WEATHER_ONLY:d}, {Rung.PHYSICAL_START:d}))::integer,
    f.capacity_kw,
    s.p10_kw,
    s.p50_kw,
    s.p90_kw
from forecast_steps s
join forecasts f using (plant_id, issued_at, model, version)
where f.plant_id = %(plant)s
    and f.issued_at >= {time_of("since").string}
    and f.issued_at < {time_of("until").string}
    and extract(epoch from s.valid_at - f.issued_at)::integer = any(%(leads)s)
order by f.issued_at, 2
"""
_SCANS: Final = """
select
    (extract(epoch from event_time) * 1000)::bigint,
    (extract(epoch from coalesce(corrected_at, known_at)) * 1000)::bigint,
    coalesce(power_kw, 'NaN'),
    (select coalesce(max(scan_s), max(resolution_s)) from plants p where p.plant_id = a.plant_id)
from actuals a
where plant_id = %(plant)s
order by event_time
"""


def _steps(cursor: cursor, plant_id: str, from_ms: int, to_ms: int) -> StoredSteps:
    span = {"plant": plant_id, "since": from_ms, "until": to_ms}
    cursor.execute(_STEPS, {**span, "leads": list(LEADS_S)})
    columns = _columns(cursor.fetchall(), 8)
    issued, lead, interval = (column.astype(np.int64) for column in columns[:3])
    return StoredSteps(issued, lead, interval, *columns[3:])


def _scans(cursor: cursor, plant_id: str) -> Scans:
    cursor.execute(_SCANS, {"plant": plant_id})
    stamps, known, power, scan = _columns(cursor.fetchall(), 4)
    return Scans(stamps.astype(np.int64), known.astype(np.int64), power, int(scan[0]) if scan.size else 3600)


def _columns(rows: list[tuple[float, ...]], count: int) -> list[F8]:
    return list(np.array(rows, np.float64).reshape(-1, count).T)
