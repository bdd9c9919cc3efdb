"""Smart persistence of a solar plant: the clear-sky index of the newest daylight is kept.

The index is power over what a clear sky would give. Where the plant stands is known, that is the clear-sky
irradiance (`models.sun`); else it is the plant's own best day: its highest power at the same time of day in
the fortnight before, after Bacher, Madsen and Nielsen (2009), doi:10.1016/j.solener.2009.05.016.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models import sun

F8 = NDArray[np.float64]
I8 = NDArray[np.int64]
#: Power of the intervals that end at some times (n,), NaN where unknown.
PowerAt = Callable[[I8], F8]
Position = tuple[float, float]

DAY_MS: Final = 86_400_000
#: Under this share of a high sun (1 kW/m2), or of the best day's highest power, an index says nothing.
LOW_SHARE: Final = 0.1
#: Over the night the evening's index is kept; after a longer time there is none.
LONGEST_BACK_MS: Final = 18 * 3_600_000
BEST_OF_DAYS: Final = 14


def keep_index(
    power_at: PowerAt, issued_ms: I8, valid_ms: I8, step_ms: int, position: Position | None, limit: float
) -> F8:
    """Forecasts (n,) for `valid_ms` made at `issued_ms`, in the unit of `power_at`; NaN where no index is
    known. It asks for no power of an interval that ends after its issue.

    Args:
        step_ms: length of the intervals, the forecast ones too.
        position: latitude and longitude [deg], None where unknown.
        limit: no forecast is over it (the capacity).
    """
    issues, place = np.unique(issued_ms, return_inverse=True)
    index = _newest_index(power_at, issues, step_ms, position)[place.ravel()]
    return np.minimum(index * _clear(power_at, valid_ms, issued_ms, step_ms, position), limit)


def is_day(
    power_at: PowerAt, end_ms: I8, step_ms: int, position: Position | None, dark: float
) -> NDArray[np.bool_]:
    """Whether the sun was up in each interval (n,): by the plant's position, else where its power at this
    time of day was over `dark` on any day within a week. For scores; it looks at what came later too.
    """
    if position is not None:
        return sun.daylight(*position, end_ms, np.full(end_ms.shape, step_ms // 1000))
    around = np.stack([power_at(end_ms + day * DAY_MS) for day in range(-7, 8)])
    with np.errstate(invalid="ignore"):
        return np.asarray((around > dark).any(axis=0))


def _newest_index(power_at: PowerAt, issued_ms: I8, step_ms: int, position: Position | None) -> F8:
    """Power over clear sky in the newest interval of each issue in which the sun was high enough."""
    last_ms = issued_ms // step_ms * step_ms
    back = range(0, LONGEST_BACK_MS, step_ms)
    clear = np.stack([_clear(power_at, last_ms - ms, issued_ms, step_ms, position) for ms in back])
    power = np.stack([power_at(last_ms - ms) for ms in back])
    highest = 1.0 if position is not None else np.where(np.isfinite(clear), clear, 0.0).max(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        high = (clear > LOW_SHARE * highest) & np.isfinite(power)
        index = power / clear
    newest = np.argmax(high, axis=0)
    return np.where(high.any(axis=0), index[newest, np.arange(len(last_ms))], np.nan)


def _clear(power_at: PowerAt, end_ms: I8, issued_ms: I8, step_ms: int, position: Position | None) -> F8:
    """What a clear sky gives in each interval: irradiance [kW/m2], or the best day's power."""
    if position is not None:
        return sun.means(*position, end_ms, step_ms // 1000).clear
    first = np.maximum(-(-(end_ms - issued_ms) // DAY_MS), 1)
    days = np.stack([power_at(end_ms - (first + k) * DAY_MS) for k in range(BEST_OF_DAYS)])
    known = np.isfinite(days)
    return np.where(known.any(axis=0), np.where(known, days, -np.inf).max(axis=0), np.nan)
