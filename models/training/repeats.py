"""Power that no weather makes: a value that repeats to the bit, and a straight line drawn over a gap."""

from __future__ import annotations

import numpy as np

from models.forecast.base import HOUR_MS, Flags, Floats
from models.training.runs_of import in_long_run

LEAST_INTERVALS, LEAST_MS = 6, 3 * HOUR_MS
AT_THE_TOP_MS = 24 * HOUR_MS
OVER, UNDER = 0.01, 0.98  # shares between which a machine never stands still by itself
TOP_QUANTILE, TOP_PART = 0.999, 0.98  # of the plant's own power: there a plant runs level in strong wind
COARSE_LEVELS = 200  # distinct values under which a repeated one is less of a surprise
LINE_MS, LINE_LEAST = 2 * HOUR_MS, 6
LINE_TOLERANCE = 2e-5  # share; a clear morning bends more within half an hour


def stuck(share: Floats, step_ms: int) -> Flags:
    """Intervals (n,) whose share repeats the one before for 3 h and 6 intervals at least, its first included.

    Zero, full power and missing values may repeat. Near the plant's own top it takes a day; where the meter
    knows few values, twice as long.
    """
    with np.errstate(invalid="ignore"):
        moving = (share > OVER) & (share < UNDER)
    same = np.append(False, share[1:] == share[:-1]) & moving
    if not same.any():
        return same
    known = share[np.isfinite(share)]
    near_top = share >= TOP_PART * np.quantile(known, TOP_QUANTILE)
    factor = 2 if len(np.unique(known)) < min(COARSE_LEVELS, len(known) // 4) else 1
    least = factor * max(LEAST_INTERVALS, -(-LEAST_MS // step_ms)) - 1
    at_top = max(factor * -(-AT_THE_TOP_MS // step_ms) - 1, least)
    return in_long_run(same & ~near_top, least, lead_in=1) | in_long_run(same & near_top, at_top, lead_in=1)


def interpolated(share: Floats, step_ms: int) -> Flags:
    """Intervals (n,) on a straight slope for 2 h and 6 intervals at least: a gap that was drawn over.

    A slope of nothing is not meant: see `stuck`.
    """
    found = np.zeros(len(share), np.bool_)
    if len(share) < 3:
        return found
    slope = np.diff(share)
    with np.errstate(invalid="ignore"):
        straight = (np.abs(np.diff(slope)) <= LINE_TOLERANCE) & (np.abs(slope[1:]) > LINE_TOLERANCE)
        straight &= share[2:] > OVER
    least = max(LINE_LEAST, -(-LINE_MS // step_ms)) - 2
    found[2:] = in_long_run(straight, least)
    # A slope is straight from its first two points on, which the second difference cannot tell.
    return np.asarray(found | np.append(found[1:], False) | np.append(found[2:], [False, False]))
