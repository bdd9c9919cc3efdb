"""Where a solar plant stands, told by the sun in its data, for a plant whose registry does not say.

Radiation of clear hours follows a quadratic of the extraterrestrial horizontal irradiance; without radiation
the hours in which the plant gives any power at all are those of its days. Good to a degree or so: enough for
the sun's path, not for a map. Declination and equation of time after Spencer (1971).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.optimize import minimize

from models.forecast.base import HOUR_MS, Flags, Floats, Ints

LATITUDES_DEG = range(-65, 70, 10)
LONGITUDES_AROUND_DEG = range(-25, 30, 5)
SAMPLES = 6  # of an hour
CLEAR_CLOUD_PCT = 2.0
LEAST_HOURS = 150
LEAST_DAYS = 10
BLOCK_DAYS = 10
MOST_HOURS = 2500
LIT_SHARE = 0.005
HORIZON = 0.02, 0.06  # sine of elevation between which a panel begins to give power
WORST_CLEAR, WORST_LIT = 0.12, 0.04  # of the highest radiation; of the hours
FURTHEST_DEG = 70.0  # from the equator: beyond, a day is no sign of a place

Position = tuple[float, float]
Loss = Callable[[Floats], float]


def from_radiation(hours_ms: Ints, radiation: Floats, cloud_pct: Floats | None) -> Position | None:
    """Latitude and longitude in degrees from the mean global radiation (n,) of hours that end at `hours_ms`;
    None where it does not follow any sun. Without cloud cover the brightest hours count as clear.
    """
    clear = np.isfinite(radiation)
    if cloud_pct is not None and (clear & (cloud_pct < CLEAR_CLOUD_PCT)).sum() >= LEAST_HOURS:
        clear &= cloud_pct < CLEAR_CLOUD_PCT
    else:
        clear &= _brightest(hours_ms, radiation)
    if clear.sum() < LEAST_HOURS or _days(hours_ms[clear]) < LEAST_DAYS:
        return None
    hours, level = _thinned(hours_ms[clear], radiation[clear])
    highest = float(level.max())
    if highest <= 0:
        return None

    def loss(at: Floats) -> float:
        sun = irradiance(at[0], at[1], hours)
        columns = np.stack([sun, sun * sun], axis=1)
        miss = level - columns @ np.linalg.lstsq(columns, level, rcond=None)[0]
        return float(np.sqrt(np.mean(miss * miss))) / highest

    return _best(loss, hours, level, WORST_CLEAR)


def from_power(hours_ms: Ints, share: Floats) -> Position | None:
    """The same from the plant's power (n,) in shares of capacity: from when its days begin and end."""
    known = np.isfinite(share)
    if known.sum() < LEAST_HOURS or _days(hours_ms[known]) < LEAST_DAYS:
        return None
    best = known & _brightest(hours_ms, share)
    hours, level = _thinned(hours_ms[best], share[best])
    lit = (level > LIT_SHARE).astype(float)

    def loss(at: Floats) -> float:
        up = _sines(at[0], at[1], hours).max(axis=1)
        bright = np.clip((up - HORIZON[0]) / (HORIZON[1] - HORIZON[0]), 0.0, 1.0)
        return float(np.mean(np.abs(bright - lit)))

    return _best(loss, hours, lit, WORST_LIT)


def irradiance(latitude: float, longitude: float, hours_ms: Ints) -> Floats:
    """Mean extraterrestrial horizontal irradiance (n,) of hours, as a share of the solar constant."""
    near = 1.0 + 0.033 * np.cos(2.0 * np.pi * (hours_ms / HOUR_MS / 24.0 % 365.2425) / 365.2425)
    return np.asarray(np.maximum(_sines(latitude, longitude, hours_ms), 0.0).mean(axis=1) * near)


def _sines(latitude: float, longitude: float, hours_ms: Ints) -> Floats:
    """Sine of the sun's elevation (n, SAMPLES) in each hour."""
    middle_h = (np.arange(SAMPLES) + 0.5) / SAMPLES - 1.0
    hour = hours_ms[:, None] / HOUR_MS + middle_h
    angle = 2.0 * np.pi * (hour / 24.0 % 365.2425) / 365.2425
    declination = (
        0.006918 - 0.399912 * np.cos(angle) + 0.070257 * np.sin(angle) - 0.006758 * np.cos(2 * angle)
    ) + (0.000907 * np.sin(2 * angle) - 0.002697 * np.cos(3 * angle) + 0.00148 * np.sin(3 * angle))
    ahead_min = 229.18 * (
        (0.000075 + 0.001868 * np.cos(angle) - 0.032077 * np.sin(angle))
        - (0.014615 * np.cos(2 * angle) + 0.040849 * np.sin(2 * angle))
    )
    turn = np.radians((hour + ahead_min / 60.0) % 24.0 * 15.0 - 180.0 + longitude)
    high = np.radians(latitude)
    sine = np.sin(high) * np.sin(declination) + np.cos(high) * np.cos(declination) * np.cos(turn)
    return np.asarray(sine)


def _best(loss: Loss, hours_ms: Ints, level: Floats, worst: float) -> Position | None:
    """The place of least loss: a coarse grid around the meridian of the days' middle, then downhill."""
    turn = (hours_ms / HOUR_MS - 0.5) % 24.0 * (np.pi / 12.0)
    noon_h = np.arctan2((level * np.sin(turn)).sum(), (level * np.cos(turn)).sum()) * 12.0 / np.pi
    meridian = (12.0 - noon_h) * 15.0
    grid = [(float(lat), meridian + east) for lat in LATITUDES_DEG for east in LONGITUDES_AROUND_DEG]
    start = min(grid, key=lambda at: loss(np.array(at)))
    corners = np.array([start, (start[0] + 4.0, start[1]), (start[0], start[1] + 4.0)])
    found = minimize(
        loss, start, method="Nelder-Mead", options={"initial_simplex": corners, "xatol": 0.01, "fatol": 1e-6}
    )
    if found.fun > worst or abs(found.x[0]) > FURTHEST_DEG:
        return None
    return round(float(found.x[0]), 3), round(float((found.x[1] + 180.0) % 360.0 - 180.0), 3)


def _brightest(hours_ms: Ints, level: Floats) -> Flags:
    """The hours that are the brightest of their hour of day within some days; nights are among them."""
    hour = hours_ms // HOUR_MS
    group = (hour // (24 * BLOCK_DAYS)) * 24 + hour % 24
    order = np.lexsort((np.where(np.isfinite(level), level, -np.inf), group))
    last = np.append(group[order][1:] != group[order][:-1], True) if len(order) else np.empty(0, np.bool_)
    chosen = np.zeros(len(hours_ms), np.bool_)
    chosen[order[last]] = True
    return chosen


def _days(hours_ms: Ints) -> int:
    return len(np.unique(hours_ms // (24 * HOUR_MS)))


def _thinned(hours_ms: Ints, level: Floats) -> tuple[Ints, Floats]:
    every = -(-len(hours_ms) // MOST_HOURS)
    return hours_ms[::every], level[::every]
