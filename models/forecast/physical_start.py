"""The physical start: base quantiles for a plant, or a source of weather, that no release was trained on.

Wind: what wind farms gave at a forecast speed at hub height. Solar: textbook physics for the clear sky on the
panel, times the part of it that parks gave at a forecast part. The tables were measured over several sites
(`models/training/fit_physical_start.py`, docs/decisions/physical-start.md), so their width holds what
differs from site to site beside the error of the weather.

Cloud cover without radiation: Kasten and Czeplak (1980, doi:10.1016/0038-092X(80)90391-6).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from models import sun
from models.forecast import physical
from models.forecast.base import HOUR_MS, KNOTS, MEDIAN, Floats, Ints, single
from models.forecast.run_hours import Columns, hour_grid, hourly
from models.forecast.start_tables import TABLES, Table

if TYPE_CHECKING:
    from schemas.records import PlantVersion, WeatherRun

HUB_HEIGHT_M = 100.0  # where the registry does not say
CUT_OUT_M_S = (22.0, 28.0)  # m/s between which most turbines shut down
SHEAR = 0.19  # exponent of wind speed over height where a run has one height alone
CLOUD = ("cloud_cover_pct", "total_cloud_cover_pct")
DIM_KW_M2 = 0.02  # of clear sky on the panel; under it a part of it says nothing


@dataclass(frozen=True)
class Signal:
    """What the start goes by, hour by hour (n,): the place `at` in the table `name`, whose quantiles times
    `scale` are shares of capacity. NaN where nothing is known.
    """

    name: str
    hours_ms: Ints
    at: Floats
    scale: Floats


def base(plant: PlantVersion, run: WeatherRun, hours_ms: Ints) -> Floats:
    """Quantiles (n, 13) of the mean power of the hours that end at `hours_ms`, in shares of capacity.

    NaN where the run does not reach or has nothing to start from: wind speed, or radiation or cloud.
    """
    q = np.full((len(hours_ms), len(KNOTS)), np.nan)
    told = signal(plant, run)
    if told is None or not len(told.hours_ms):
        return q
    row = (np.asarray(hours_ms, np.int64) - told.hours_ms[0]) // HOUR_MS
    inside = (row >= 0) & (row < len(told.hours_ms))
    q[inside] = quantiles(TABLES[told.name], told)[row[inside]]
    return single(q)


def quantiles(table: Table, told: Signal) -> Floats:
    """Quantiles (n, 13) of a signal, on the line between the places of the table."""
    columns = [np.interp(told.at, table.at, table.quantiles[:, k]) for k in range(len(KNOTS))]
    q = np.stack(columns, axis=1) * told.scale[:, None]
    if told.name == "wind":
        q[:, : MEDIAN + 1] *= np.interp(told.at, CUT_OUT_M_S, (1.0, 0.0))[:, None]
    return q


def signal(plant: PlantVersion, run: WeatherRun) -> Signal | None:
    """What a run says to the start of this plant, on whole hours; None where it has nothing for its kind."""
    hours_ms = hour_grid(run.valid_at_ms)
    own = hourly(run.valid_at_ms, run.columns, hours_ms)
    if plant.kind == "solar":
        return _sunlight(plant, hours_ms, own)
    speed = hub_speed(plant.hub_height_m or HUB_HEIGHT_M, own)
    return None if speed is None else Signal("wind", hours_ms, speed, np.ones(len(hours_ms)))


def hub_speed(hub_height_m: float, own: Columns) -> Floats | None:
    """Wind speed (n,) at a height in m/s, by the power law through the two heights around it, or through the
    two nearest; with one height alone by the usual exponent. None without wind speed.
    """
    heights = {height: own[name] for name in own if (height := _height_m(name)) is not None}
    if not heights:
        return None
    near = sorted(heights, key=lambda h: abs(np.log(h / hub_height_m)))
    first = near[0]
    exponent: Floats | float = SHEAR
    second = next((h for h in near[1:] if (h - hub_height_m) * (first - hub_height_m) <= 0), None)
    if second is None and len(near) > 1:
        second = near[1]
    if second is not None:
        ratio = np.maximum(heights[second], 0.5) / np.maximum(heights[first], 0.5)
        exponent = np.clip(np.log(ratio) / np.log(second / first), -0.1, 0.6)
        exponent = np.where(np.isnan(exponent), SHEAR, exponent)
    return np.asarray(heights[first] * (hub_height_m / first) ** exponent)


def _height_m(name: str) -> float | None:
    text = name.removeprefix("wind_speed_").removesuffix("m_ms")
    return float(text) if name.startswith("wind_speed_") and text.isdigit() and int(text) else None


def _sunlight(plant: PlantVersion, hours_ms: Ints, own: Columns) -> Signal | None:
    ghi = next((own[n] / 1000.0 for n in physical.SHORTWAVE if n in own), None)
    cloud = next((own[n] for n in CLOUD if n in own), None)
    if plant.latitude is None or plant.longitude is None:
        return None if ghi is None else Signal("no_position", hours_ms, ghi, np.ones(len(ghi)))
    at = sun.means(plant.latitude, plant.longitude, hours_ms, HOUR_MS // 1000)
    clear = panel_power(plant, at, at.clear, own)
    if ghi is not None:
        return Signal("sun", hours_ms, _part(panel_power(plant, at, ghi, own), clear), clear)
    if cloud is None:
        return None
    through = 1.0 - 0.75 * np.clip(cloud / 100.0, 0.0, 1.0) ** 3.4
    return Signal("cloud", hours_ms, through, clear)


def panel_power(plant: PlantVersion, at: sun.SunMeans, ghi_kw_m2: Floats, own: Columns) -> Floats:
    """Ideal power (n,) of the plant's panels in shares of nominal, from global horizontal irradiance."""
    made = physical.columns(plant, at, {**own, physical.SHORTWAVE[0]: ghi_kw_m2 * 1000.0})
    return made.get("panel_power", made["panel_kw_m2"])


def _part(power: Floats, clear: Floats) -> Floats:
    return np.where(
        clear > DIM_KW_M2, power / np.maximum(clear, DIM_KW_M2), np.where(np.isnan(power), np.nan, 0.5)
    )
