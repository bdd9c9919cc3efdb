"""How much of the physical start a plant really gives: learned hour by hour, so that a site that is windier,
a park that is dirtier or a capacity that is entered wrong gets sane bands before anything is trained.

Sums of what was given and of what the start expected, forgotten with the energy that passes. The highest hour
and how much strong wind or sun there was tell whether the capacity can be right
(`models/detect/capacity_doubt.py`).
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.fleet import Fleet, means_at
from models.forecast.base import HIGH, HOUR_MS, LOW, MEDIAN
from models.state import Field, FleetState

I8 = NDArray[np.int64]
F8 = NDArray[np.float64]

GIVEN: Final = Field("start_given_kwh", "f8")  # in kWh, so that a corrected capacity counts at once
EXPECTED: Final = Field("start_expected_h", "f8")  # hours at full power
STRONG: Final = Field("start_strong_h", "f8")  # expected hours at full power, of strong wind or sun
HIGHEST: Final = Field("start_highest_kw", "f8")  # the best hour
FIELDS: Final = (GIVEN, EXPECTED, STRONG, HIGHEST)
MEMORY_H: Final = 72.0  # hours at full power after which an hour weighs 1/e
PRIOR_H: Final = 6.0  # hours at full power that the start itself weighs
LEAST, MOST = 0.25, 1.6
STRONG_SHARE: Final = 0.5


def scale(fleet: Fleet, slots: I8) -> F8:
    """What the quantiles of the start are multiplied by, shape (N,)."""
    expected = fleet.state[EXPECTED.name][slots]
    given = fleet.state[GIVEN.name][slots] / fleet.state["capacity_kw"][slots]
    return np.asarray(np.clip((given + PRIOR_H) / (expected + PRIOR_H), LEAST, MOST))


def learn(fleet: Fleet, slots: I8, issued_at_ms: I8) -> None:
    """Take in the hour that ended at T: where T is a whole hour, its base of the start, and all was clean."""
    state = fleet.state
    clean = state["unclean_ms"][slots] < issued_at_ms - HOUR_MS
    rows = np.flatnonzero(clean & (issued_at_ms % HOUR_MS == 0))
    hour = issued_at_ms[rows, None] // HOUR_MS
    runs = [fleet.outlooks[s].weather for s in slots[rows].tolist()]
    if not runs:
        return
    spans = fleet.weather.of(slots[rows], runs, (hour[:, 0], hour[:, 0] + 1))
    started = spans.starts(hour)[:, 0]
    if not started.any():
        return
    expected = spans(hour)[started, 0, LOW : HIGH + 1].astype(np.float64)
    slots, ends_ms = slots[rows[started]], issued_at_ms[rows[started]]
    given_kw = means_at(fleet, slots, ends_ms, np.full(slots.size, 3600))
    known = np.isfinite(given_kw)
    _note(state, slots[known], given_kw[known], expected[known])


def _note(state: FleetState, slots: I8, given_kw: F8, expected: F8) -> None:
    """One hour of N plants: what came, and the quantiles from 10 to 90 % that were expected, (N, 9)."""
    mean, middle = expected.mean(axis=1), expected[:, MEDIAN - LOW]
    kept = np.exp(-np.maximum(mean, 0.0) / MEMORY_H)
    for field, new in ((GIVEN, given_kw), (EXPECTED, mean)):
        state[field.name][slots] = state[field.name][slots] * kept + np.maximum(new, 0.0)
    state[STRONG.name][slots] += np.where(middle >= STRONG_SHARE, middle, 0.0)
    state[HIGHEST.name][slots] = np.maximum(state[HIGHEST.name][slots], given_kw)
