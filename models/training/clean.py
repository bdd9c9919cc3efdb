"""Which intervals of a plant's past were the weather's doing; training learns from these alone."""

from __future__ import annotations

import numpy as np

from models import sun
from models.forecast.base import HOUR_MS, Flags, Floats, Ints
from schemas.records import PlantVersion

CURTAILED_UNDER = 0.98  # setpoint, share of capacity
STUCK_INTERVALS, STUCK_MS = 6, 3 * HOUR_MS
STUCK_OVER, STUCK_UNDER = 0.01, 0.98
STILL_SHARE = 0.003
STILL_WIND_MS, BLOWING_MS = 12 * HOUR_MS, 6.0
STILL_SUN_MS, SHINING = 3 * HOUR_MS, 0.3  # clear-sky kW/m2


def clean(plant: PlantVersion, end_ms: Ints, share: Floats, setpoint_kw: Floats, wind_ms: Floats) -> Flags:
    """Whether each interval (n,) is free of curtailment, a stuck meter and an outage; missing power is clean.

    An outage is 12 h without power in a wind over 6 m/s, or 3 h without power under a high sun. Where
    neither wind nor the sun's position is known, outages cannot be told.
    """
    step_ms = plant.resolution_s * 1000
    with np.errstate(invalid="ignore"):
        curtailed = setpoint_kw < CURTAILED_UNDER * plant.capacity_kw
        moving = (share > STUCK_OVER) & (share < STUCK_UNDER)
        still = share <= STILL_SHARE
        blowing = wind_ms > BLOWING_MS
    same = np.append(False, share[1:] == share[:-1]) & moving
    stuck = _in_long_run(same, max(STUCK_INTERVALS, -(-STUCK_MS // step_ms)) - 1, lead_in=1)
    if plant.kind == "solar":
        out = _in_long_run(still & _shining(plant, end_ms), max(STILL_SUN_MS // step_ms, 3))
    else:
        standing = _in_long_run(still, STILL_WIND_MS // step_ms)
        out = standing & blowing
    return ~(curtailed | stuck | out)


def _shining(plant: PlantVersion, end_ms: Ints) -> Flags:
    if plant.latitude is None or plant.longitude is None or not len(end_ms):
        return np.zeros(len(end_ms), np.bool_)
    return sun.means(plant.latitude, plant.longitude, end_ms, plant.resolution_s).clear > SHINING


def _in_long_run(flag: Flags, least: int, lead_in: int = 0) -> Flags:
    """Elements of runs of at least `least` true ones, with `lead_in` elements before each run."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flag, [False]]).astype(np.int8)))
    found = np.zeros(len(flag), np.bool_)
    for start, end in zip(edges[::2], edges[1::2], strict=True):
        if end - start >= least:
            found[max(start - lead_in, 0) : end] = True
    return found
