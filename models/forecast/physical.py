"""Power of a solar plant from irradiance by textbook physics, as features for the weather model.

Split into beam and diffuse after Erbs, Klein and Duffie (1982, doi:10.1016/0038-092X(82)90302-4), onto the
panel after Hay and Davies (1980), cell temperature after Faiman (2008, doi:10.1002/pip.813).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from models.forecast.base import Floats
from models.sun import SOLAR_CONSTANT, SunMeans

if TYPE_CHECKING:
    from schemas.records import PlantVersion

LOW_SUN = 0.03  # mean of the sine of elevation under which the split says nothing
ASSUMED_TILT_DEG = 25.0
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
    panel = on_panel(own[name] / 1000.0, at, *panel_of(plant))
    air = next((own[n] for n in AIR_TEMPERATURE if n in own), None)
    made = {"panel_kw_m2": panel}
    if air is not None:
        wind = own.get("wind_speed_10m_ms", np.full(len(panel), 1.0))
        cell = air + panel * 1000.0 / (U0 + U1 * wind)
        made["panel_power"] = panel * (1.0 + PER_DEGREE * (cell - 25.0))
    return made


def panel_of(plant: PlantVersion) -> tuple[float, float]:
    """Tilt and azimuth in degrees: the plant's, else what is usual."""
    tilt = plant.tilt_deg if plant.tilt_deg is not None else ASSUMED_TILT_DEG
    if plant.azimuth_deg is not None:
        return tilt, plant.azimuth_deg
    return tilt, 180.0 if plant.latitude is None or plant.latitude >= 0 else 0.0


def incidence(at: SunMeans, tilt_deg: float, azimuth_deg: float) -> Floats:
    """Cosine (n,) of the angle between the sun and the panel's normal; negative behind the panel."""
    tilt, facing = np.radians(tilt_deg), np.radians(azimuth_deg)
    turned = np.sin(facing) * at.east + np.cos(facing) * at.north
    return np.asarray(np.sin(tilt) * turned + np.cos(tilt) * at.up)


def on_panel(horizontal: Floats, at: SunMeans, tilt_deg: float, azimuth_deg: float) -> Floats:
    """Irradiance (n,) on the panel from the global horizontal one, in the same unit (kW/m2)."""
    toward = np.maximum(incidence(at, tilt_deg, azimuth_deg), 0.0)
    tilt = np.radians(tilt_deg)
    extra = at.extra * SOLAR_CONSTANT / 1000.0
    high = at.up > LOW_SUN
    up = np.where(high, at.up, 1.0)
    clearness = np.where(high, np.clip(horizontal / np.where(high, extra, 1.0), 0.0, 1.0), 0.0)
    diffuse = np.where(high, horizontal * diffuse_share(clearness), horizontal)
    beam = np.where(high, (horizontal - diffuse) / up, 0.0)
    circumsolar = beam * up / np.where(high, extra, 1.0)
    sky = diffuse * (circumsolar * toward / up + (1.0 - circumsolar) * (1.0 + np.cos(tilt)) / 2.0)
    ground = horizontal * ALBEDO * (1.0 - np.cos(tilt)) / 2.0
    return np.asarray(beam * toward + sky + ground)


def diffuse_share(clearness: Floats) -> Floats:
    """Diffuse part (n,) of global irradiance at a clearness index (n,) from 0 to 1."""
    k = clearness
    middle = 0.9511 - 0.1604 * k + 4.388 * k**2 - 16.638 * k**3 + 12.336 * k**4
    return np.where(k <= 0.22, 1.0 - 0.09 * k, np.where(k <= 0.8, middle, 0.165))
