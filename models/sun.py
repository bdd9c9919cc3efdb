"""Where the sun stands, as means over intervals, computed once for each site and UTC day.

A day is always computed as one block of 288 samples (the middles of its 5 minutes), so that the numbers do
not depend on what else is asked for. Position by NREL's solar position algorithm (Reda and Andreas 2004,
doi:10.1016/j.solener.2003.12.003) from pvlib, clear sky at sea level by Ineichen and Perez (2002,
doi:10.1016/S0038-092X(02)00045-2) through the air mass of Kasten and Young (1989, doi:10.1364/AO.28.004735),
to the bit as pvlib has it. pvlib as a whole brings pandas, a fifth of a worker's memory; its file of the
algorithm needs NumPy alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from models.forecast.base import Flags, Floats, Ints

if TYPE_CHECKING:
    from schemas.records import PlantVersion

DAY_MS = 86_400_000
SAMPLE_S = 300
SAMPLES = 86_400 // SAMPLE_S
SAMPLES_AN_HOUR = 3_600 // SAMPLE_S
DARK_BELOW_DEG = -1.0  # apparent elevation under which no panel gives power
LINKE_TURBIDITY = 3.0
SOLAR_CONSTANT = 1361.0  # W/m2
MEAN_PRESSURE_HPA, MEAN_TEMPERATURE_C, DELTA_T_S, REFRACTION_DEG = 1013.25, 12.0, 67.0, 0.5667


@dataclass(frozen=True)
class SunMeans:
    """Means over intervals, each (n,).

    `elevation_deg` apparent; `clear` clear-sky global horizontal irradiance in kW/m2; `extra`
    extraterrestrial horizontal irradiance as a share of the solar constant; `east`, `north`, `up` the unit
    vector to the sun, 0 while it is under the horizon; `bright` whether the sun is up in any part of the
    interval.
    """

    elevation_deg: Floats
    clear: Floats
    extra: Floats
    east: Floats
    north: Floats
    up: Floats
    bright: Flags


def means(latitude: float, longitude: float, end_ms: Ints, interval_s: Ints | int) -> SunMeans:
    """The sun over the intervals that end at `end_ms`; lengths are rounded to whole 5 minutes, at least
    one, at most a day.
    """
    last = np.asarray(end_ms, np.int64) // (SAMPLE_S * 1000)
    count = np.clip(np.asarray(interval_s, np.int64) // SAMPLE_S, 1, SAMPLES)
    first = last - np.broadcast_to(count, last.shape)
    sums = _prefix(latitude, longitude, last) - _prefix(latitude, longitude, first)
    split = last // SAMPLES != first // SAMPLES
    if split.any():
        days = np.unique(first[split] // SAMPLES)
        whole = np.stack([_hours(latitude, longitude, int(day))[-1] for day in days])
        sums[split] += whole[np.searchsorted(days, first[split] // SAMPLES)]
    average = sums / (last - first)[:, None]
    return SunMeans(
        elevation_deg=average[:, 0],
        clear=average[:, 1],
        extra=average[:, 2],
        east=average[:, 3],
        north=average[:, 4],
        up=average[:, 5],
        bright=sums[:, 6] > 0.5,
    )


def daylight(latitude: float | None, longitude: float | None, end_ms: Ints, interval_s: Ints | int) -> Flags:
    """Whether the sun is up in any part of each interval; True throughout where the site's position is
    unknown.
    """
    if latitude is None or longitude is None:
        return np.ones(np.shape(end_ms), np.bool_)
    return means(latitude, longitude, np.ravel(end_ms), np.ravel(interval_s)).bright.reshape(np.shape(end_ms))


def _prefix(latitude: float, longitude: float, sample: Ints) -> Floats:
    """Sums (n, 7) from the start of each sample's UTC day up to the sample."""
    whole = not (sample % SAMPLES_AN_HOUR).any()
    day, slot = sample // SAMPLES, sample % SAMPLES
    days, place = np.unique(day, return_inverse=True)
    if not len(days):
        return np.empty((0, 7))
    of_day = _hours if whole else _day
    table = np.stack([of_day(latitude, longitude, int(d)) for d in days])
    return table[place, slot // SAMPLES_AN_HOUR if whole else slot]


def position(plant: PlantVersion) -> tuple[float, float] | None:
    """Where the sun of a solar plant shines; None for a wind farm, and where nobody knows."""
    if plant.kind != "solar" or plant.latitude is None or plant.longitude is None:
        return None
    return plant.latitude, plant.longitude


def running(latitude: float, longitude: float, day: int) -> tuple[Floats, NDArray[np.int16]]:
    """Running sums (289,) over the samples of a UTC day: of clear-sky irradiance in kW/m2, and of samples in
    which the sun is up.
    """
    table = _day(latitude, longitude, day)
    _hours(latitude, longitude, day)  # the weather models will ask for them
    return table[:, 1].copy(), table[:, 6].astype(np.int16)


@lru_cache(maxsize=16_384)
def _hours(latitude: float, longitude: float, day: int) -> NDArray[np.float64]:
    """Running sums (25, 7) up to the whole hours of one UTC day: all that weather models ask for."""
    return _day(latitude, longitude, day)[::SAMPLES_AN_HOUR].copy()


@lru_cache(maxsize=512)  # a year of one site for training; 8 MB
def _day(latitude: float, longitude: float, day: int) -> NDArray[np.float64]:
    """Running sums (289, 7) over the samples of one UTC day."""
    spa = position_algorithm()
    v, alpha, delta, radius = _heavens(day)
    hour_angle = spa.local_hour_angle(v, longitude, alpha)
    parallax = spa.equatorial_horizontal_parallax(radius)
    u = spa.uterm(latitude)
    x, y = spa.xterm(u, latitude, 0.0), spa.yterm(u, latitude, 0.0)
    shift = spa.parallax_sun_right_ascension(x, parallax, hour_angle, delta)
    declination = spa.topocentric_sun_declination(delta, x, y, parallax, shift, hour_angle)
    hour_angle = spa.topocentric_local_hour_angle(hour_angle, shift)
    plain = spa.topocentric_elevation_angle_without_atmosphere(latitude, declination, hour_angle)
    bent = spa.atmospheric_refraction_correction(MEAN_PRESSURE_HPA, MEAN_TEMPERATURE_C, plain, REFRACTION_DEG)
    elevation = spa.topocentric_elevation_angle(plain, bent)
    azimuth = spa.topocentric_azimuth_angle(
        spa.topocentric_astronomers_azimuth(hour_angle, declination, latitude)
    )
    return _running_sums(day, zenith=spa.topocentric_zenith_angle(elevation), azimuth_deg=azimuth)


@lru_cache(maxsize=512)
def _heavens(day: int) -> tuple[Floats, Floats, Floats, Floats]:
    """Of the samples of a UTC day what is the same all over the earth, and takes nine tenths of the time:
    sidereal time, right ascension and declination in degrees, and the distance in astronomical units.
    """
    spa = position_algorithm()
    middle_s = day * 86_400.0 + (np.arange(SAMPLES) + 0.5) * SAMPLE_S

    def told(**wanted: bool) -> tuple[Floats, ...]:
        # never numba's version: other last bits
        found: tuple[Floats, ...] = spa.solar_position_numpy(
            middle_s, 0.0, 0.0, 0.0, 0.0, 0.0, DELTA_T_S, 0.0, numthreads=1, **wanted
        )
        return found

    (radius,) = told(esd=True)
    v, alpha, delta = told(sst=True)
    return v, alpha, delta, radius


def _running_sums(day: int, zenith: Floats, azimuth_deg: Floats) -> NDArray[np.float64]:
    elevation = 90.0 - zenith
    up = np.maximum(np.sin(np.radians(elevation)), 0.0)
    flat = np.where(up > 0, np.cos(np.radians(elevation)), 0.0)
    azimuth = np.radians(azimuth_deg)
    columns = [
        elevation,
        _clear_sky(zenith) / 1000.0,
        up * _distance_factor(day),
        flat * np.sin(azimuth),
        flat * np.cos(azimuth),
        up,
        elevation > DARK_BELOW_DEG,
    ]
    return np.concatenate([np.zeros((1, 7)), np.cumsum(np.stack(columns, axis=1), axis=0)])


def _clear_sky(zenith: Floats) -> Floats:
    """Horizontal irradiance of a cloudless sky at sea level [W/m2], by apparent zenith [degrees]."""
    clear = np.zeros_like(zenith)
    up = zenith < 89.5
    height = np.cos(np.radians(zenith[up]))
    airmass = 1.0 / (height + 0.50572 * (6.07995 + (90 - zenith[up])) ** -1.6364)
    passing = np.exp(-0.0387 * airmass * LINKE_TURBIDITY)
    clear[up] = 0.868 * SOLAR_CONSTANT * height * LINKE_TURBIDITY / LINKE_TURBIDITY * passing
    return clear


@cache
def position_algorithm() -> Any:
    """pvlib's module of NREL's algorithm, without the rest of pvlib."""
    package = find_spec("pvlib")
    if package is None or package.origin is None:
        raise ModuleNotFoundError("pvlib is not installed", name="pvlib")
    spec = spec_from_file_location("gridcast_spa", Path(package.origin).with_name("spa.py"))
    if spec is None or spec.loader is None:
        raise ModuleNotFoundError("pvlib has no module spa", name="pvlib.spa")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _distance_factor(day: int) -> float:
    """Squared ratio of the mean to the day's distance to the sun (Spencer 1971), to 0.01 %."""
    angle = 2.0 * np.pi * (day % 365.2425) / 365.2425
    first = 1.00011 + 0.034221 * np.cos(angle) + 0.00128 * np.sin(angle)
    return float(first + 0.000719 * np.cos(2 * angle) + 0.000077 * np.sin(2 * angle))
