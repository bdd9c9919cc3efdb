"""What pictures show, out of PostgreSQL: forecasts, their steps at the scored lead times, and actuals."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, timedelta, timezone, tzinfo
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
from numpy.typing import NDArray

from consumers.actuals import Measured
from consumers.digest import TimeRange
from consumers.skill import LeadSteps
from consumers.stored import read_plants
from models.steps import LEADS_S
from schemas.errors import InputError
from schemas.records import PlantVersion

if TYPE_CHECKING:
    from psycopg2.extensions import cursor as Cursor

F8 = NDArray[np.float64]
I8 = NDArray[np.int64]

_QUARTER_DAY_MS: Final = 21_600_000
_FIRST_MS: Final = 0
_LAST_MS: Final = 253_402_300_799_000  # the year 9999
_MS: Final = "(extract(epoch from {}) * 1000)::bigint"
_TIME: Final = "timestamptz 'epoch' + %({})s * interval '1 millisecond'"


@dataclass(frozen=True, eq=False)
class Fan:
    """One forecast: ends [ms] and lengths [s] of its S steps, quantiles f8[S,K] [kW] at `levels` f8[K]."""

    issued_ms: int
    valid_ms: I8
    interval_s: I8
    rung: I8
    levels: F8
    power_kw: F8
    release: str

    def at(self, level: float) -> F8:
        """One quantile [kW], shape (S,)."""
        return self.power_kw[:, int(np.argmin(np.abs(self.levels - level)))]


@dataclass(frozen=True, eq=False)
class PlantChart:
    """All that the pictures show of one plant; `fan` is the forecast shown in full, where there is one."""

    plant: PlantVersion
    measured: Measured
    steps: LeadSteps
    fan: Fan | None

    @property
    def zone(self) -> tzinfo:
        """Local time: the registry's time zone, else that of the longitude, else UTC."""
        if self.plant.timezone:
            try:
                return ZoneInfo(self.plant.timezone)
            except (ZoneInfoNotFoundError, ValueError, OSError):
                return UTC
        if self.plant.longitude is None:
            return UTC
        return timezone(timedelta(hours=round(self.plant.longitude / 15)))

    @property
    def zone_name(self) -> str:
        """What to write on the axis."""
        if self.zone is UTC:
            return "UTC"
        named = self.plant.timezone
        return f"local time, {named}" if named else f"local time by longitude, {self.zone}"


def read_charts(
    cursor: Cursor, plants: Collection[str], within: TimeRange, issued_ms: int | None = None
) -> list[PlantChart]:
    """The charts' data of some plants (of every plant with forecasts where none is named).

    Args:
        within: of issue times.
        issued_ms: which forecast to show in full; else the newest whose first day has been measured.

    Raises:
        InputError: there are no forecasts of these plants in this range.
    """
    steps = read_steps(cursor, plants, within)
    missing = sorted(set(plants) - set(steps))
    if missing or not steps:
        raise InputError(
            f"PostgreSQL holds no forecasts of {', '.join(missing) or 'any plant'} in this range"
        )
    versions = {version.plant_id: version for version in read_plants(cursor)}
    made = []
    for plant_id, own in steps.items():
        measured = read_measured(cursor, versions[plant_id], own)
        shown = issued_ms if issued_ms is not None else _worth_showing(own, measured)
        made.append(PlantChart(versions[plant_id], measured, own, _fan(cursor, plant_id, shown)))
    return made


_STEPS: Final = f"""
select
    f.plant_id,
    {_MS.format("f.issued_at")},
    extract(epoch from s.valid_at - f.issued_at)::bigint,
    f.interval_s[s.step],
    f.rung[s.step],
    f.capacity_kw,
    f.levels,
    f.power_kw[(s.step - 1) * cardinality(f.levels) + 1 : s.step * cardinality(f.levels)]
from forecasts f
cross join lateral unnest(f.valid_at) with ordinality as s (valid_at, step)
where
    (cardinality(%(plants)s::text[]) = 0 or f.plant_id = any(%(plants)s))
    and f.issued_at >= {_TIME.format("from_ms")}
    and f.issued_at < {_TIME.format("to_ms")}
    and extract(epoch from s.valid_at - f.issued_at)::bigint = any(%(leads)s)
order by f.plant_id, f.issued_at, s.valid_at
"""


def read_steps(cursor: Cursor, plants: Collection[str], within: TimeRange) -> dict[str, LeadSteps]:
    """By plant (every plant where none is named) the steps at the scored lead times, issued in a range."""
    bounds = {
        "from_ms": _FIRST_MS if within.from_ms is None else within.from_ms,
        "to_ms": _LAST_MS if within.to_ms is None else within.to_ms,
    }
    cursor.execute(_STEPS, {"plants": list(plants), "leads": list(LEADS_S), **bounds})
    rows: dict[str, list[tuple[Any, ...]]] = {}
    for plant_id, *row in cursor:
        rows.setdefault(plant_id, []).append(tuple(row))
    return {plant_id: _columns(own) for plant_id, own in rows.items()}


def _columns(rows: list[tuple[Any, ...]]) -> LeadSteps:
    """The rows with the newest levels; a change of the levels leaves the older ones out."""
    levels = rows[-1][5]
    issued, lead, interval, rung, capacity, _, quantiles = zip(
        *(row for row in rows if row[5] == levels), strict=True
    )
    return LeadSteps(
        issued_ms=np.array(issued, np.int64),
        lead_s=np.array(lead, np.int64),
        interval_s=np.array(interval, np.int64),
        rung=np.array(rung, np.int64),
        capacity_kw=np.array(capacity, np.float64),
        quantiles=np.array(quantiles, np.float64),
        levels=np.array(levels, np.float64),
    )


_ACTUALS: Final = f"""
select {_MS.format("event_time")}, power_kw from actuals
where plant_id = %(plant)s
    and event_time > {_TIME.format("from_ms")}
    and event_time <= {_TIME.format("to_ms")}
order by event_time
"""


def read_measured(cursor: Cursor, plant: PlantVersion, steps: LeadSteps) -> Measured:
    """What was measured from three days before the first issue (for naive forecasts) to the last step."""
    bounds = {"from_ms": int(steps.issued_ms[0]) - 3 * 86_400_000, "to_ms": int(steps.valid_ms.max())}
    cursor.execute(_ACTUALS, {"plant": plant.plant_id, **bounds})
    rows = cursor.fetchall()
    stamps = np.array([stamp for stamp, _ in rows], np.int64)
    power = np.array([np.nan if kw is None else kw for _, kw in rows], np.float64)
    return Measured.of(stamps, power, plant)


def _worth_showing(steps: LeadSteps, measured: Measured) -> int:
    """The newest issue whose first day (or less, if it says less) has been measured, else the newest.

    Issues on the quarters of a day in UTC come first: they are the ones that people compare.
    """
    issues = np.unique(steps.issued_ms)
    newest = measured.event_time_ms.max(initial=-1)
    done = issues[issues + min(int(steps.lead_s.max()), 86_400) * 1000 <= newest]
    even = done[done % _QUARTER_DAY_MS == 0]
    return int(even[-1] if even.size else done[-1] if done.size else issues[-1])


_FAN: Final = f"""
select
    {_MS.format("issued_at")},
    array(select {_MS.format("v")} from unnest(valid_at) with ordinality as u (v, n) order by n),
    interval_s, rung, levels, power_kw, model || ' ' || version
from forecasts
where plant_id = %(plant)s and issued_at <= {_TIME.format("issued_ms")}
order by issued_at desc, known_at desc
limit 1
"""


def _fan(cursor: Cursor, plant_id: str, issued_ms: int) -> Fan | None:
    cursor.execute(_FAN, {"plant": plant_id, "issued_ms": issued_ms})
    row = cursor.fetchone()
    if row is None:
        return None
    issued, valid, interval, rung, levels, power, release = row
    return Fan(
        issued_ms=int(issued),
        valid_ms=np.array(valid, np.int64),
        interval_s=np.array(interval, np.int64),
        rung=np.array(rung, np.int64),
        levels=np.array(levels, np.float64),
        power_kw=np.array(power, np.float64).reshape(len(valid), len(levels)),
        release=str(release),
    )
