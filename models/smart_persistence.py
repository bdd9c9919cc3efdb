"""Smart persistence of a solar plant: the clear-sky index of the newest daylight is kept.

The index is power over what a clear sky would give. Where the plant stands is known, that is the clear-sky
irradiance (`models.sun`); else it is the plant's own best day: its highest power at the same time of day in
the fortnight before, as in Bacher, Madsen and Nielsen (2009), doi:10.1016/j.solener.2009.05.016.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models import sun

F8 = NDArray[np.float64]
I8 = NDArray[np.int64]
#: Power of the intervals that end at some times, any shape and unit, NaN where unknown.
PowerAt = Callable[[I8], F8]

DAY_MS: Final = 86_400_000
#: The sun is too low for an index under this share of a high sun (1 kW/m2), or of the best day's highest.
LOW_SHARE: Final = 0.1
#: Over the night the evening's index is kept; after a longer time there is none.
LONGEST_BACK_MS: Final = 18 * 3_600_000
BEST_OF_DAYS: Final = 14


def keep_index(
    power_at: PowerAt,
    issued_ms: I8,
    valid_ms: I8,
    step_ms: int,
    position: tuple[float, float] | None,
    limit: float,
) -> F8:
    """Forecasts (n,) for `valid_ms` made at `issued_ms`, in the unit of `power_at`; NaN where no index is
    known. It asks for no power that ends after its issue.

    Args:
        step_ms: length of the intervals, the forecast ones too.
        position: latitude and longitude [deg], None where unknown.
        limit: no forecast is over it (the capacity).
    """

    def clear_at(end_ms: I8) -> F8:
        if position is not None:
            return _irradiance(position, end_ms, step_ms)
        return _best_day(power_at, end_ms, issued_ms)

    index = _newest_index(power_at, clear_at, issued_ms // step_ms * step_ms, step_ms, position is not None)
    # A low sun that is left out of the index is forecast all the same: little over a wide sky is little.
    return np.clip(index * clear_at(valid_ms), None, limit)


def _newest_index(
    power_at: PowerAt, clear_at: Callable[[I8], F8], last_ms: I8, step_ms: int, known_scale: bool
) -> F8:
    """Power over clear sky in the newest interval of each issue in which the sun was high enough."""
    back = range(0, LONGEST_BACK_MS, step_ms)
    clear = np.stack([clear_at(last_ms - ms) for ms in back])
    power = np.stack([power_at(last_ms - ms) for ms in back])
    highest = 1.0 if known_scale else np.nanmax(np.where(np.isfinite(clear), clear, 0.0), axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        high = (clear > LOW_SHARE * highest) & np.isfinite(power)
        index = power / clear
    newest = np.argmax(high, axis=0)
    columns = np.arange(len(last_ms))
    return np.where(high.any(axis=0), index[newest, columns], np.nan)


def _irradiance(position: tuple[float, float], end_ms: I8, step_ms: int) -> F8:
    """Clear-sky global horizontal irradiance [kW/m2], a mean over each interval."""
    return sun.means(*position, end_ms, step_ms // 1000).clear


def _best_day(power_at: PowerAt, end_ms: I8, issued_ms: I8) -> F8:
    """The highest power at the same time of day in the newest days that were over at the issue."""
    first = np.maximum(-(-(end_ms - issued_ms) // DAY_MS), 1)
    days = np.stack([power_at(end_ms - (first + k) * DAY_MS) for k in range(BEST_OF_DAYS)])
    known = np.isfinite(days)
    return np.where(known.any(axis=0), np.where(known, days, -np.inf).max(axis=0), np.nan)
