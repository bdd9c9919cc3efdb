"""Power of a solar plant from irradiance by textbook physics, as features for the weather model.

Split into beam and diffuse after Erbs, Klein and Duffie (1982, doi:10.1016/0038-092X(82)90302-4), onto the
panel after Hay and Davies (1980), cell temperature after Faiman (2008, doi:10.1002/pip.813).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from models.forecast.base import Floats
from models.sun import SOLAR_CONSTANT, SunMeans

if TYPE_CHECKING:
    from schemas.records import PlantVersion

LOW_SUN = 0.03  # mean of the sine of elevation under which the split says nothing
ASSUMED_TILT_DEG = 25.0
TILTS_DEG = range(0, 65, 5)
TURNS_DEG = range(-90, 95, 15)  # from the equator's side, east negative in the north
LEAST_HOURS = 200
ALBEDO = 0.2
U0, U1 = 25.0, 6.84  # W/m2/K, and W/m2/K per m/s
PER_DEGREE = -0.004  # loss of power per K over 25 degrees C
SHORTWAVE = ("shortwave_radiation_w_m2", "ghi_w_m2", "global_horizontal_irradiance_w_m2")
AIR_TEMPERATURE = ("temperature_2m_c", "temperature_c")


def columns(plant: PlantVersion, at: SunMeans, own: dict[str, Floats]) -> dict[str, Floats]:
    """`panel_kw_m2` and `panel_power` (share of nominal), (n,), where the run has shortwave radiation."""
    name = next((n for n in SHORTWAVE if n in own), None)
    if name is None:
        return {}
    latitude = plant.latitude if plant.latitude is not None else 0.0
    tilt = plant.tilt_deg if plant.tilt_deg is not None else ASSUMED_TILT_DEG
    facing = plant.azimuth_deg if plant.azimuth_deg is not None else (180.0 if latitude >= 0 else 0.0)
    panel = on_panel(own[name] / 1000.0, at, tilt, facing)
    air = next((own[n] for n in AIR_TEMPERATURE if n in own), None)
    made = {"panel_kw_m2": panel}
    if air is not None:
        wind = own.get("wind_speed_10m_ms", np.full(len(panel), 1.0))
        cell = air + panel * 1000.0 / (U0 + U1 * wind)
        made["panel_power"] = panel * (1.0 + PER_DEGREE * (cell - 25.0))
    return made


def fit_panel(
    plant: PlantVersion, at: SunMeans, own: dict[str, Floats], power: Floats
) -> tuple[float, float] | None:
    """Tilt and azimuth (degrees) whose panel power follows the measured one (n,) best; None with too few
    sunny hours.

    Least absolute error of the best share of the panel's power, over a grid of 5 by 15 degrees.
    """
    best: tuple[float, tuple[float, float]] | None = None
    facing = 180.0 if (plant.latitude or 0.0) >= 0 else 0.0
    for tilt in TILTS_DEG:
        for turn in TURNS_DEG if tilt else (0,):
            azimuth = (facing + turn) % 360.0
            made = columns(replace(plant, tilt_deg=float(tilt), azimuth_deg=azimuth), at, own)
            ideal = made.get("panel_power", made.get("panel_kw_m2"))
            if ideal is None:
                return None
            sunny = np.isfinite(power) & np.isfinite(ideal) & (at.up > LOW_SUN) & (ideal > LOW_SUN)
            if sunny.sum() < LEAST_HOURS:
                return None
            share = np.median(power[sunny] / ideal[sunny])
            miss = float(np.abs(power[sunny] - share * ideal[sunny]).mean())
            if best is None or miss < best[0]:
                best = miss, (float(tilt), azimuth)
    return None if best is None else best[1]


def on_panel(horizontal: Floats, at: SunMeans, tilt_deg: float, azimuth_deg: float) -> Floats:
    """Irradiance (n,) on the panel from the global horizontal one, in the same unit (kW/m2)."""
    tilt, facing = np.radians(tilt_deg), np.radians(azimuth_deg)
    toward = np.sin(tilt) * (np.sin(facing) * at.east + np.cos(facing) * at.north) + np.cos(tilt) * at.up
    incidence = np.maximum(toward, 0.0)
    extra = at.extra * SOLAR_CONSTANT / 1000.0
    high = at.up > LOW_SUN
    up = np.where(high, at.up, 1.0)
    clearness = np.where(high, np.clip(horizontal / np.where(high, extra, 1.0), 0.0, 1.0), 0.0)
    diffuse = np.where(high, horizontal * diffuse_share(clearness), horizontal)
    beam = np.where(high, (horizontal - diffuse) / up, 0.0)
    circumsolar = beam * up / np.where(high, extra, 1.0)
    sky = diffuse * (circumsolar * incidence / up + (1.0 - circumsolar) * (1.0 + np.cos(tilt)) / 2.0)
    ground = horizontal * ALBEDO * (1.0 - np.cos(tilt)) / 2.0
    return np.asarray(beam * incidence + sky + ground)


def diffuse_share(clearness: Floats) -> Floats:
    """Diffuse part (n,) of global irradiance at a clearness index (n,) from 0 to 1."""
    k = clearness
    middle = 0.9511 - 0.1604 * k + 4.388 * k**2 - 16.638 * k**3 + 12.336 * k**4
    return np.where(k <= 0.22, 1.0 - 0.09 * k, np.where(k <= 0.8, middle, 0.165))
