"""What the registry leaves out of a solar plant and its data tell: where it stands, how its panels face."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from models import sun
from models.forecast import physical
from models.forecast.base import HOUR_MS, Floats, Ints
from models.forecast.run_hours import Columns, hour_grid, hourly
from models.sun import SunMeans
from models.training import position
from models.training.dataset import PlantHistory
from schemas.records import PlantVersion

CLOUD = ("cloud_cover_pct", "total_cloud_cover_pct")
NIGHT_ENERGY = 0.002  # of all energy; a place in whose nights the plant gives more is not its place
LEAST_SUNNY_HOURS, MOST_SUNNY_HOURS = 200, 2000
LOW_IDEAL = 0.03  # kW/m2
COARSE = tuple((tilt, turn) for tilt in range(0, 65, 5) for turn in (range(-90, 95, 15) if tilt else (0,)))
FINER = ((3, 9), (1, 3))  # steps of tilt and of azimuth in degrees, after the coarse ones


def found(history: PlantHistory) -> dict[str, float]:
    """`latitude`, `longitude`, `tilt_deg`, `azimuth_deg` of a solar plant, as far as the registry does not
    give them and the history shows them.
    """
    plant = history.plant
    if plant.kind != "solar":
        return {}
    made: dict[str, float] = {}
    if plant.latitude is None or plant.longitude is None:
        place = _position(history)
        if place is None:
            return {}
        made["latitude"], made["longitude"] = place
    if plant.tilt_deg is None:
        panel = _panel(replace(history, plant=completed(plant, made)))
        if panel is not None:
            made["tilt_deg"], made["azimuth_deg"] = panel
    return made


def completed(plant: PlantVersion, known: Mapping[str, float]) -> PlantVersion:
    """The plant with what was found of it where the registry does not say."""
    open_fields: dict[str, Any] = {n: v for n, v in known.items() if getattr(plant, n) is None}
    return replace(plant, **open_fields)


def _position(history: PlantHistory) -> position.Position | None:
    hours, share = history.hourly(clean_only=True)
    weather_hours, own = _weather(history)
    radiation = next((own[n] for n in physical.SHORTWAVE if n in own), None)
    cloud = next((own[n] for n in CLOUD if n in own), None)
    places = []
    if radiation is not None:
        places.append(position.from_radiation(weather_hours, radiation, cloud))
    places.append(position.from_power(hours, share))
    return next((at for at in places if at is not None and _dark_at_night(at, hours, share)), None)


def _dark_at_night(at: position.Position, hours_ms: Ints, share: Floats) -> bool:
    """Whether the plant rests while the sun is down at a place."""
    known = np.isfinite(share) & (share > 0)
    night = ~sun.daylight(*at, hours_ms[known], HOUR_MS // 1000)
    return bool(share[known][night].sum() <= NIGHT_ENERGY * share[known].sum())


def _panel(history: PlantHistory) -> tuple[float, float] | None:
    """Tilt and azimuth (degrees) whose ideal power follows the measured one best; None with too few sunny
    hours, or without radiation.

    Least absolute error of the best share of the ideal power, over a coarse grid and finer ones around its
    best.
    """
    plant = history.plant
    hours, own = _weather(history)
    radiation = next((own[n] for n in physical.SHORTWAVE if n in own), None)
    if radiation is None or plant.latitude is None or plant.longitude is None:
        return None
    at = sun.means(plant.latitude, plant.longitude, hours, HOUR_MS // 1000)
    power = history.hourly_at(hours, clean_only=True)
    rows = np.flatnonzero(np.isfinite(power) & np.isfinite(radiation) & (at.up > physical.LOW_SUN))
    if len(rows) < LEAST_SUNNY_HOURS:
        return None
    rows = rows[:: -(-len(rows) // MOST_SUNNY_HOURS)]
    own, at, power = {n: values[rows] for n, values in own.items()}, _take(at, rows), power[rows]
    facing = 180.0 if plant.latitude >= 0 else 0.0

    def miss(panel: tuple[int, int]) -> float:
        tilted = replace(plant, tilt_deg=float(panel[0]), azimuth_deg=(facing + panel[1]) % 360.0)
        made = physical.columns(tilted, at, own)
        ideal = made.get("panel_power", made["panel_kw_m2"])
        sunny = ideal > LOW_IDEAL
        if sunny.sum() < LEAST_SUNNY_HOURS:
            return np.inf
        share = np.median(power[sunny] / ideal[sunny])
        return float(np.abs(power[sunny] - share * ideal[sunny]).mean())

    best = min(COARSE, key=miss)
    for steps in FINER:
        best = min(_around(best, *steps), key=miss)
    return None if not np.isfinite(miss(best)) else (float(best[0]), (facing + best[1]) % 360.0)


def _around(panel: tuple[int, int], tilt_step: int, turn_step: int) -> Iterator[tuple[int, int]]:
    yield panel
    for tilt in (-tilt_step, 0, tilt_step):
        for turn in (-turn_step, 0, turn_step):
            if 0 <= panel[0] + tilt <= 90:
                yield panel[0] + tilt, panel[1] + turn


def _take(at: SunMeans, rows: Ints) -> SunMeans:
    return SunMeans(**{name: values[rows] for name, values in vars(at).items()})


def _weather(history: PlantHistory) -> tuple[Ints, Columns]:
    """The columns that all runs have, run after run on whole hours."""
    runs = [run for run in history.runs if run.valid_at_ms.size]
    hours = [hour_grid(run.valid_at_ms) for run in runs]
    tables = [hourly(run.valid_at_ms, run.columns, h) for run, h in zip(runs, hours, strict=True)]
    names = set.intersection(*(set(t) for t in tables)) if tables else set()
    joined = {name: np.concatenate([t[name] for t in tables]) for name in sorted(names)}
    return (np.concatenate(hours) if hours else np.empty(0, np.int64)), joined
