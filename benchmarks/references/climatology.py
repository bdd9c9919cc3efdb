"""Climatology: what this time of day has given in this season, as far as it was known."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from benchmarks.references.direct_lightgbm import known_targets
from benchmarks.references.known import DAY_MS, Known

F8 = NDArray[np.float64]
I8 = NDArray[np.int64]

SEASON_DAYS: Final = 30
_FEWEST: Final = 20
_YEAR_DAYS: Final = 365.2425


def forecast(plant: Known, valid_ms: I8, until_ms: int, levels: Sequence[float]) -> F8:
    """Quantiles (n, K) as shares of capacity: of the values at the same time of day, 30 days around the same
    day of any year, known before `until_ms`; of the whole past where those are under 20. NaN without any.
    """
    end_ms, share = known_targets(plant, until_ms)
    made = np.full((len(valid_ms), len(levels)), np.nan)
    wanted, place = np.unique(np.stack([valid_ms % DAY_MS, valid_ms // DAY_MS]), axis=1, return_inverse=True)
    for number, (time_ms, day) in enumerate(wanted.T):
        own = end_ms % DAY_MS == time_ms
        near = own & (_days_apart(end_ms / DAY_MS, float(day)) <= SEASON_DAYS)
        values = share[near] if near.sum() >= _FEWEST else share[own]
        if len(values):
            made[place.ravel() == number] = np.quantile(values, levels)
    return made


def _days_apart(days: F8, day: float) -> F8:
    """Days between days of the year, over New Year too."""
    apart = np.abs(days - day) % _YEAR_DAYS
    return np.minimum(apart, _YEAR_DAYS - apart)
