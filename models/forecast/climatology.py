"""What a plant does at this hour of the year when nothing newer is known: never missing, works untrained.

A table holds quantiles by season and hour of solar time at Greenwich, which runs beside the plant's own solar
time at a distance that never changes: no position is needed, and neither a clock change nor the equation of
time moves a plant's noon. For a solar plant whose position is known the table holds shares of the clear-sky
irradiance, so that it is right in seasons that were never seen.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from models import sun
from models.forecast.base import HOUR_MS, KNOTS, Floats, Ints, single

if TYPE_CHECKING:
    from schemas.records import PlantVersion

SEASONS = 24
SEASON_HALF_WIDTH_DAYS = 45
HOUR_HALF_WIDTH = 1
CLEAR_HALF_WIDTH = 2  # the ratio to a clear sky changes less over the day
GENERIC_HOURS = 1440.0  # of a plant's record that weigh as much as what is usual for its kind
TRUSTED_HOURS = 200.0  # local hours that weigh as much as the plant's whole record
TRUSTED_SOLAR_HOURS = 25.0  # of a solar plant without position, whose hours differ by season above all
WHOLE_YEAR_MS = 330 * 86_400_000
LOW_SUN = 0.05  # clear-sky kW/m2 under which the ratio to it says nothing
YEAR_DAYS = 365.2425

GENERIC_WIND = (0.0, 0.0, 0.01, 0.05, 0.10, 0.16, 0.23, 0.32, 0.43, 0.57, 0.76, 0.87, 0.96)
GENERIC_CLEAR = (0.02, 0.07, 0.13, 0.24, 0.37, 0.48, 0.58, 0.66, 0.73, 0.79, 0.86, 0.91, 1.00)
GENERIC_SOLAR = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.05, 0.20, 0.40, 0.60, 0.72, 0.85)


@dataclass(frozen=True)
class Table:
    """Quantiles (seasons, hours, 13); shares of capacity, or of clear-sky irradiance in kW/m2 where
    `of_clear_sky`.
    """

    quantiles: NDArray[np.floating]
    of_clear_sky: bool = False


@dataclass(frozen=True)
class Climatology:
    """Tables by plant, with a generic one by kind for plants that have none."""

    tables: Mapping[str, Table] = field(default_factory=dict)

    def base(self, plant: PlantVersion, hours_ms: Ints) -> Floats:
        """Quantiles (n, 13) of the mean power of the hours that end at `hours_ms`, in shares of capacity;
        never NaN.
        """
        located = plant.latitude is not None and plant.longitude is not None
        table = self.tables.get(plant.plant_id)
        if table is None or (table.of_clear_sky and not located):
            table = generic(plant.kind == "solar", located)
        seasons, hours, _ = table.quantiles.shape
        season = (day_of_year(hours_ms) * seasons / 366.0).astype(np.int64)
        at = solar_hour(hours_ms) - 0.5  # the table's hours are known at their middles
        before, part = np.floor(at).astype(np.int64), (at % 1.0)[:, None]
        q = (1.0 - part) * table.quantiles[season, before % hours] + part * table.quantiles[
            season, (before + 1) % hours
        ]
        return single(q * clear_sky(plant, hours_ms)[:, None] if table.of_clear_sky else q)


def generic(solar: bool, located: bool) -> Table:
    """The table of a plant that nothing is known of but its kind."""
    shape = (1, 1, len(KNOTS))
    if not solar:
        return Table(np.array(GENERIC_WIND).reshape(shape))
    return Table(np.array(GENERIC_CLEAR if located else GENERIC_SOLAR).reshape(shape), of_clear_sky=located)


def fit(plant: PlantVersion, hours_ms: Ints, power: Floats) -> Table | None:
    """The table of a plant from hourly shares (n,) of hours that end at `hours_ms`; None when too little is
    known.

    Quantiles of the hours around (45 days, 1 h or 2) are drawn towards those of the plant's whole record, the
    more the fewer hours there are; for solar, towards those of the
    same hour of day. The whole record is drawn towards what is usual for the kind, or a plant that was
    known for a calm season alone would never be expected to run at full power.
    """
    solar = plant.kind == "solar"
    of_clear_sky = solar and plant.latitude is not None and plant.longitude is not None
    known = np.isfinite(power)
    if of_clear_sky:
        clear = clear_sky(plant, hours_ms)
        known &= clear > LOW_SUN
        power = power / np.maximum(clear, LOW_SUN)
    if known.sum() < TRUSTED_HOURS:
        return None
    power = _on_solar_hours(hours_ms, np.where(known, power, np.nan))
    hours_ms, power = hours_ms[known], power[known]
    day, hour = day_of_year(hours_ms), np.rint(solar_hour(hours_ms) - 0.5)
    table = np.empty((SEASONS, 24, len(KNOTS)))
    usual = generic(solar, of_clear_sky).quantiles[0, 0]
    everything = _drawn(power, usual, 0.0 if solar and not of_clear_sky else GENERIC_HOURS)
    # Whoever has seen the whole year knows its nights.
    unseen = 0.0 if of_clear_sky or np.ptp(hours_ms) >= WHOLE_YEAR_MS else TRUSTED_HOURS
    trusted = TRUSTED_HOURS if of_clear_sky or not solar else TRUSTED_SOLAR_HOURS
    half_width = CLEAR_HALF_WIDTH if of_clear_sky else HOUR_HALF_WIDTH
    for h in range(24):
        near_hour = np.abs((hour - h + 12) % 24 - 12) <= half_width
        whole = _drawn(power[near_hour], everything, unseen) if solar else everything
        for s in range(SEASONS):
            distance = np.abs((day - (s + 0.5) * 366.0 / SEASONS + YEAR_DAYS / 2) % YEAR_DAYS - YEAR_DAYS / 2)
            table[s, h] = _drawn(power[near_hour & (distance <= SEASON_HALF_WIDTH_DAYS)], whole, trusted)
    return Table(single(table), of_clear_sky)


def _drawn(values: Floats, towards: Floats, weight: float) -> Floats:
    """Quantiles of the values, drawn towards others that weigh as `weight` values do."""
    if len(values) == 0:
        return towards
    share = len(values) / (len(values) + weight)
    return share * np.quantile(values, KNOTS) + (1.0 - share) * towards


def clear_sky(plant: PlantVersion, hours_ms: Ints) -> Floats:
    """Clear-sky irradiance (n,) in kW/m2 of the hours that end at `hours_ms`; NaN where the position is
    unknown.
    """
    if plant.latitude is None or plant.longitude is None:
        return np.full(len(hours_ms), np.nan)
    return sun.means(plant.latitude, plant.longitude, hours_ms, HOUR_MS // 1000).clear


def day_of_year(hours_ms: Ints) -> Floats:
    """Days (n,) since the start of the year, 0 to 365.24, of the middles of the hours."""
    return (np.asarray(hours_ms) - HOUR_MS // 2) / 86_400_000.0 % YEAR_DAYS


def hour_of_day(hours_ms: Ints) -> Ints:
    """UTC hour (n,) at which each hour ends, 0 to 23."""
    return np.asarray(hours_ms, np.int64) // HOUR_MS % 24


def _on_solar_hours(hours_ms: Ints, power: Floats) -> Floats:
    """Power (n,) at the nearest middle of an hour of solar time, on the line to the hour beside; as it is
    where that hour is unknown.
    """
    ahead = equation_of_time_h(hours_ms)
    step = np.where(ahead > 0, -1, 1)
    place = np.clip(np.searchsorted(hours_ms, hours_ms + step * HOUR_MS), 0, len(hours_ms) - 1)
    beside = np.where(hours_ms[place] == hours_ms + step * HOUR_MS, power[place], np.nan)
    beside = np.where(np.isfinite(beside), beside, power)
    part = np.abs(ahead)
    return np.asarray((1.0 - part) * power + part * beside)


def solar_hour(hours_ms: Ints) -> Floats:
    """Apparent solar time (n,) at Greenwich, 0 to 24, of the middles of the hours that end at `hours_ms`."""
    middle_ms = np.asarray(hours_ms, np.int64) - HOUR_MS // 2
    return np.asarray((middle_ms / HOUR_MS + equation_of_time_h(hours_ms)) % 24.0)


def equation_of_time_h(hours_ms: Ints) -> Floats:
    """How far (n,) the sun is ahead of the mean clock, -0.24 to 0.27 h (Spencer 1971), to half a minute."""
    angle = 2.0 * np.pi * day_of_year(hours_ms) / YEAR_DAYS
    yearly = 0.000075 + 0.001868 * np.cos(angle) - 0.032077 * np.sin(angle)
    halves = -0.014615 * np.cos(2 * angle) - 0.040849 * np.sin(2 * angle)
    return np.asarray((yearly + halves) * 12.0 / np.pi)
