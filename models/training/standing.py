"""Outages in a plant's past: no power although there was wind or sun."""

from __future__ import annotations

import numpy as np

from models import sun
from models.forecast.base import HOUR_MS, Flags, Floats, Ints
from models.training.nearby import Nearby
from models.training.runs_of import around, in_long_run, spans
from models.training.usual_day import usual_day
from schemas.records import PlantVersion

STILL_SHARE = 0.003
# Wind
STILL_WIND_MS, BLOWING_WIND = 12 * HOUR_MS, (6.0, 22.0)  # m/s; over it turbines shut down by themselves
BLOWING_SHARE = 0.15
BLOWING_LEAST_MS, BLOWING_PART = 6 * HOUR_MS, 0.25
MEASURED_MS, MEASURED_WIND = 2 * HOUR_MS, 5.5
ENDLESS_MS = 120 * HOUR_MS  # no calm lasts five days to the last 0.3 %
# Sun
STILL_SUN_MS = 3 * HOUR_MS
SHINING, DIM = 0.3, 0.02  # clear-sky kW/m2
SUNNY_W_M2, DIM_W_M2 = 150.0, 10.0
USUAL_BRIGHT, USUAL_DIM = 0.15, 0.01  # what the plant usually makes at this time of day, share


def out(
    plant: PlantVersion, end_ms: Ints, share: Floats, near: Nearby, expected: Floats | None = None
) -> Flags:
    """Intervals (n,) in which the plant was out of service; missing power is not judged.

    Solar: 3 h at nothing under the sun: by radiation where it is known, else by a high sun, else by what the
    plant itself usually makes at that time of day; with the dim hours around, not the night.
    Wind: 12 h at nothing with 6 h of wind among them (2 h where the plant's own sensor measured it
    throughout), or five days. `expected` (n,): what the plant makes in such wind, for a wind that is given
    near the ground.
    """
    if plant.kind == "solar":
        return _dark_under_the_sun(plant, end_ms, share, near, still(share))
    return _still_in_the_wind(near, still(share), expected, plant.resolution_s * 1000)


def still(share: Floats) -> Flags:
    """Intervals (n,) at nothing; missing power is not still."""
    with np.errstate(invalid="ignore"):
        return np.asarray(share <= STILL_SHARE)


def _dark_under_the_sun(
    plant: PlantVersion, end_ms: Ints, share: Floats, near: Nearby, at_nothing: Flags
) -> Flags:
    shining, light = _sunlight(plant, end_ms, share, near.sun_w_m2)
    least = max(-(-STILL_SUN_MS // (plant.resolution_s * 1000)), 3)
    return around(in_long_run(at_nothing & shining, least), at_nothing & light)


def _sunlight(plant: PlantVersion, end_ms: Ints, share: Floats, sun_w_m2: Floats) -> tuple[Flags, Flags]:
    """Where (n,) the sun shines enough for power, and where there is any light."""
    told = np.isfinite(sun_w_m2)
    if plant.latitude is not None and plant.longitude is not None and len(end_ms):
        clear = sun.means(plant.latitude, plant.longitude, end_ms, plant.resolution_s).clear
        shining, light = clear > SHINING, clear > DIM
    elif told.all():
        shining = light = np.zeros(len(end_ms), np.bool_)  # radiation says it all
    else:
        usual = usual_day(end_ms, share, plant.resolution_s)
        shining, light = usual > USUAL_BRIGHT, usual > USUAL_DIM
    with np.errstate(invalid="ignore"):
        by_sun, dim = sun_w_m2 > SUNNY_W_M2, sun_w_m2 > DIM_W_M2
    return np.where(told, by_sun, shining), np.where(told, dim | by_sun, light)


def _still_in_the_wind(near: Nearby, at_nothing: Flags, expected: Floats | None, step_ms: int) -> Flags:
    with np.errstate(invalid="ignore"):
        blowing = (near.wind_ms > BLOWING_WIND[0]) & (near.wind_ms < BLOWING_WIND[1])
        if expected is not None:
            blowing |= (expected > BLOWING_SHARE) & (near.wind_ms < BLOWING_WIND[1])
        felt = near.measured & (near.wind_ms > MEASURED_WIND) & (near.wind_ms < BLOWING_WIND[1])
    found = in_long_run(at_nothing & felt, max(-(-MEASURED_MS // step_ms), 2))
    for start, end in spans(at_nothing):
        length, blown = (end - start) * step_ms, int(blowing[start:end].sum())
        enough = blown * step_ms >= BLOWING_LEAST_MS and blown >= BLOWING_PART * (end - start)
        if length >= ENDLESS_MS or (length >= STILL_WIND_MS and enough):
            found[start:end] = True
    return found
