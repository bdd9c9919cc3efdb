"""Forecasts without a model: the last value, the same hour of the newest day, the kept clear-sky index."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from benchmarks.references.known import DAY_MS, Known
from models.smart_persistence import keep_index

F8 = NDArray[np.float64]
I8 = NDArray[np.int64]


def forecasts(plant: Known, issued_ms: I8, lead_ms: int) -> dict[str, F8]:
    """By name, what each says for `issued_ms + lead_ms`, as shares of capacity (n,); NaN where unknown."""
    return {
        "persistence": plant.power.at(plant.power.last(issued_ms), issued_ms),
        "yesterday": same_hour(plant, issued_ms, lead_ms),
        "smart": smart(plant, issued_ms, lead_ms),
    }


def same_hour(plant: Known, issued_ms: I8, lead_ms: int) -> F8:
    """The newest known day's value at the target's hour."""
    days = -(-lead_ms // DAY_MS)
    return plant.power.at(issued_ms + lead_ms - days * DAY_MS, issued_ms)


def smart(plant: Known, issued_ms: I8, lead_ms: int) -> F8:
    """The clear-sky index of the newest daylight, kept; NaN for wind."""
    if plant.kind != "solar":
        return np.full(len(issued_ms), np.nan)

    def power_at(end_ms: I8) -> F8:
        # The rule asks for nothing after an issue; what came late it may see, which only makes it harder.
        return plant.power.at(end_ms, np.iinfo(np.int64).max)

    return keep_index(power_at, issued_ms, issued_ms + lead_ms, plant.power.step_ms, limit=1.0)
