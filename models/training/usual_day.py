"""What a solar plant usually makes at each time of day, from its own record alone."""

from __future__ import annotations

import numpy as np

from models.forecast.base import Floats, Ints

DAY_MS = 86_400_000
HALF_WIDTH_DAYS = 20
QUANTILE = 0.75
LEAST_DAYS = 7


def usual_day(end_ms: Ints, share: Floats, resolution_s: int) -> Floats:
    """The upper quartile (n,) of the share at each interval's time of day over the 20 days around, NaN where
    fewer than 7 of them are known. Rows stand on a grid without holes.
    """
    slots = DAY_MS // (resolution_s * 1000)
    if not len(end_ms):
        return np.empty(0)
    place = end_ms // (resolution_s * 1000)
    first = int(place[0]) // slots
    days = int(place[-1]) // slots - first + 1
    table = np.full((days, slots), np.nan)
    table[place // slots - first, place % slots] = share
    usual = np.full((days, slots), np.nan)
    for day in range(days):
        near = table[max(day - HALF_WIDTH_DAYS, 0) : day + HALF_WIDTH_DAYS + 1]
        enough = np.isfinite(near).sum(axis=0) >= LEAST_DAYS
        if enough.any():
            usual[day, enough] = np.nanquantile(near[:, enough], QUANTILE, axis=0)
    return np.asarray(usual[place // slots - first, place % slots])
