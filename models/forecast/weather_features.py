"""The features of the weather stage: whatever columns a run has, on whole hours, with their neighbours in
time.

A feature's name says what it is made of: `wind_speed_100m_ms@+2` is the value two hours later, `...~7` the
mean over the 7 hours around, `...~day` that over the sunlit hours of the local day, `point/column` that of
another grid point of the area. A model asks for the names that it was trained with; a column that a run
lacks is NaN.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from models import sun
from models.forecast import physical
from models.forecast.base import HOUR_MS, Floats, Ints
from models.forecast.climatology import day_of_year, hour_of_day
from models.forecast.run_hours import Around, Columns, hour_grid, hourly

if TYPE_CHECKING:
    from schemas.records import PlantVersion, WeatherRun

NEIGHBOURS = (-3, -2, -1, 1, 2, 3)
NEAR = (-2, -1, 1, 2)
WINDOWS = (3, 5, 7, 13, 25)
SUNNY_WINDOWS = (3, 5)
LOW_SUN = 0.02  # clear-sky kW/m2
DAWN_DEG = -5.0  # mean elevation over which an hour counts for the mean of a day
CLEAR_PANEL = "panel_clear_kw_m2"


@dataclass(frozen=True)
class RunFeatures:
    """Features (n,) by name of the whole UTC hours that end at `hours_ms` (n,), without gaps in time."""

    hours_ms: Ints
    columns: Columns

    def matrix(self, names: Sequence[str], hours_ms: Ints) -> NDArray[np.float32]:
        """The named features (m, len(names)) at the wanted hours; NaN where the run has no such column or
        hour.
        """
        table = np.full((len(self.hours_ms) + 1, len(names)), np.nan, np.float32)
        for i, name in enumerate(names):
            if name in self.columns:
                table[:-1, i] = self.columns[name]
        return table[self._rows(hours_ms)]

    def covers(self, hours_ms: Ints) -> np.ndarray:
        """Whether the run says anything about each hour (m,)."""
        return self._rows(hours_ms) >= 0

    def _rows(self, hours_ms: Ints) -> Ints:
        if len(self.hours_ms) == 0:
            return np.full(np.shape(hours_ms), -1, np.int64)
        row = (np.asarray(hours_ms, np.int64) - self.hours_ms[0]) // HOUR_MS
        return np.where((row >= 0) & (row < len(self.hours_ms)), row, -1)


@dataclass(frozen=True)
class RunShape:
    """What of a run a model learned from: columns of the plant's own place, points of its area.

    Features are made between the columns that are there (shear between neighbouring heights), so a run with
    more columns would have other ones.
    """

    columns: tuple[str, ...] = ()
    points: tuple[str, ...] = ()

    def cut(self, run: WeatherRun) -> WeatherRun:
        """The run without all else."""
        columns = {name: run.columns[name] for name in self.columns if name in run.columns}
        points = tuple(point for point in run.points if point.point_id in self.points)
        return replace(run, columns=columns, points=points)


def common_shape(runs: Sequence[WeatherRun]) -> RunShape:
    """The columns and points that at least half of the runs have."""
    columns = Counter(name for run in runs for name in run.columns)
    points = Counter(point.point_id for run in runs for point in run.points)
    half = len(runs) / 2
    return RunShape(
        tuple(sorted(name for name, count in columns.items() if count >= half)),
        tuple(sorted(point for point, count in points.items() if count >= half)),
    )


def features(plant: PlantVersion, run: WeatherRun) -> RunFeatures:
    """Every feature that can be made of this run for this plant."""
    hours_ms = hour_grid(run.valid_at_ms)
    own = hourly(run.valid_at_ms, run.columns, hours_ms)
    made = dict(_calendar(hours_ms, run.published_at_ms))
    if plant.kind == "solar":
        made |= dict(_of_sun(plant, hours_ms, own))
        made |= dict(_in_sun(own))
        made |= dict(_over_days(plant, hours_ms, own, made))
    else:
        made |= dict(_in_wind(own))
    made |= dict(_between_heights(own))
    made |= dict(_of_area(run, hours_ms, own, plant.kind == "solar"))
    return RunFeatures(hours_ms, made)


def _calendar(hours_ms: Ints, published_at_ms: int) -> Iterator[tuple[str, Floats]]:
    yield "lead_h", (hours_ms - published_at_ms) / HOUR_MS
    yield "hour_utc", hour_of_day(hours_ms).astype(float)
    yield "day_of_year", np.floor(day_of_year(hours_ms))


def _of_sun(plant: PlantVersion, hours_ms: Ints, own: Columns) -> Iterator[tuple[str, Floats]]:
    """Sun geometry and clear-sky indices; fills `own` with physical columns, so that these get neighbours
    too.
    """
    if plant.latitude is None or plant.longitude is None:
        return
    at = sun.means(plant.latitude, plant.longitude, hours_ms, HOUR_MS // 1000)
    yield "sun_elevation_deg", at.elevation_deg
    yield "sun_azimuth_deg", np.degrees(np.arctan2(at.east, at.north)) % 360.0
    yield "solar_hour", (hours_ms / HOUR_MS + plant.longitude / 15.0 - 0.5) % 24.0
    yield "clear_sky_kw_m2", at.clear
    yield "extraterrestrial", at.extra
    tilt, facing = physical.panel_of(plant)
    clear = physical.on_panel(at.clear, at, tilt, facing)
    yield CLEAR_PANEL, clear
    yield "panel_incidence", physical.incidence(at, tilt, facing)
    yield "panel_tilt_deg", np.full(len(hours_ms), tilt)
    yield "panel_azimuth_deg", np.full(len(hours_ms), facing)
    for name in [n for n in own if "radiation" in n or "_ghi" in n]:
        yield f"{name}/clear", _index(own[name] / 1000.0, at.clear)
    own |= physical.columns(plant, at, own)
    if "panel_kw_m2" in own:
        yield "panel_kw_m2/clear", _index(own["panel_kw_m2"], clear)


def _index(power: Floats, clear: Floats) -> Floats:
    """Parts (n,) of the clear sky; NaN in the dark."""
    return np.where(clear > LOW_SUN, power / np.maximum(clear, LOW_SUN), np.nan)


def primary(name: str, solar: bool) -> bool:
    """Whether a column of a run is of the kind that matters most for this kind of plant."""
    if solar:
        return any(part in name for part in ("shortwave", "radiation", "_ghi", "cloud", "poa", "panel"))
    return name.startswith("wind_")


def _in_sun(own: Columns) -> Iterator[tuple[str, Floats]]:
    """Each column; what tells of light and moisture with its neighbours in time, and light as means."""
    for name, values in own.items():
        yield name, values
        around = Around(values)
        moist = "humidity" in name or "precipitation" in name
        for hours in NEIGHBOURS if primary(name, solar=True) else NEAR if moist else ():
            yield f"{name}@{hours:+d}", around.at(hours)
        if "pressure" in name:
            yield f"{name}~3change", values - around.at(-3)
        if primary(name, solar=True):
            for window in SUNNY_WINDOWS:
                yield f"{name}~{window}", around.mean(window)
            yield f"{name}~slope", around.at(1) - around.at(-1)
        if "cloud_cover" in name:
            yield f"{name}~5spread", _spread(values, around, 5)


def _over_days(
    plant: PlantVersion, hours_ms: Ints, own: Columns, made: Columns
) -> Iterator[tuple[str, Floats]]:
    """What tells of light and moisture as means over the sunlit hours of the local solar day."""
    if plant.longitude is None:
        return
    day = ((hours_ms - HOUR_MS // 2) / HOUR_MS + plant.longitude / 15.0) // 24
    place = (day - day.min()).astype(np.int64) if len(day) else np.empty(0, np.int64)
    sunlit = made["sun_elevation_deg"] > DAWN_DEG
    wanted = {n: v for n, v in own.items() if primary(n, solar=True) or "humidity" in n}
    for name, values in (wanted | {n: v for n, v in made.items() if n == "panel_kw_m2/clear"}).items():
        known = sunlit & np.isfinite(values)
        total = np.bincount(place[known], weights=values[known], minlength=int(place.max(initial=0)) + 1)
        count = np.bincount(place[known], minlength=len(total))
        yield f"{name}~day", np.where(count > 0, total / np.maximum(count, 1), np.nan)[place]


def _in_wind(own: Columns) -> Iterator[tuple[str, Floats]]:
    """Each column with its neighbours in time; wind also as means, spreads, slopes, extremes."""
    for name, values in own.items():
        yield name, values
        around = Around(values)
        for hours in NEIGHBOURS if primary(name, solar=False) else NEAR:
            yield f"{name}@{hours:+d}", around.at(hours)
        if primary(name, solar=False):
            yield from _of_wind(name, values, around)


def _of_wind(name: str, values: Floats, around: Around) -> Iterator[tuple[str, Floats]]:
    for window in WINDOWS:
        yield f"{name}~{window}", around.mean(window)
    yield f"{name}~5spread", _spread(values, around, 5)
    yield f"{name}~slope", around.at(1) - around.at(-1)
    if name.startswith("wind_speed"):
        near = np.stack([around.at(h) for h in (-3, -2, -1, 0, 1, 2, 3)])
        yield f"{name}~7max", np.fmax.reduce(near, axis=0)
        yield f"{name}~7min", np.fmin.reduce(near, axis=0)
        yield f"{name}~3cube", Around(values**3).mean(3)


def _spread(values: Floats, around: Around, window: int) -> Floats:
    mean = around.mean(window)
    return np.sqrt(np.maximum(Around(values * values).mean(window) - mean * mean, 0.0))


def _between_heights(own: Columns) -> Iterator[tuple[str, Floats]]:
    """Logarithm of the ratio of speeds between each height and the next one up; where the wind blows to."""
    heights = [n.removeprefix("wind_speed").removesuffix("_ms") for n in own if n.startswith("wind_speed_")]
    heights.sort(key=lambda height: (len(height), height))
    for low, high in pairwise(heights):
        ratio = np.maximum(own[f"wind_speed{high}_ms"], 0.1) / np.maximum(own[f"wind_speed{low}_ms"], 0.1)
        yield f"shear{low}{high}", np.log(ratio)
    for height in heights:
        if f"wind_east{height}_ms" in own:
            blowing = np.arctan2(own[f"wind_east{height}_ms"], own[f"wind_north{height}_ms"])
            yield f"wind_towards{height}_deg", np.degrees(blowing) % 360.0


def _of_area(run: WeatherRun, hours_ms: Ints, own: Columns, solar: bool) -> Iterator[tuple[str, Floats]]:
    """The other grid points' columns, wind with neighbours in time, and mean and spread over the area."""
    points = {p.point_id: hourly(run.valid_at_ms, p.columns, hours_ms) for p in run.points}
    for point_id, columns in points.items():
        for name, values in columns.items():
            yield f"{point_id}/{name}", values
            if name.startswith("wind_speed") and not solar:
                around = Around(values)
                for hours in NEIGHBOURS:
                    yield f"{point_id}/{name}@{hours:+d}", around.at(hours)
    for name in own if points else ():
        everywhere = [own[name], *(c[name] for c in points.values() if name in c)]
        known = np.stack(everywhere)
        count = np.isfinite(known).sum(axis=0)
        mean = np.where(count > 0, np.nansum(known, axis=0) / np.maximum(count, 1), np.nan)
        square = np.nansum((known - mean) ** 2, axis=0) / np.maximum(count, 1)
        yield f"area/{name}", mean
        if solar and not primary(name, solar):
            continue
        yield f"area/{name}~spread", np.where(count > 1, np.sqrt(square), np.nan)
