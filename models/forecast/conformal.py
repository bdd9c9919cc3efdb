"""Online calibration of the bands: two log-factors for each plant and lead time, moved by what has matured.

The half-widths under and over the median are stretched by exp(log_low) and exp(log_high). When a target
matures outside the published band, the factor of that side grows, otherwise it shrinks a ninth as much, so
that in the long run a tenth of the actuals lies under the 0.1 level and a tenth over the 0.9 level,
whatever the model.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.special import ndtri

from models.forecast.base import Floats, Reals, as_planes, of_planes

OUTSIDE = 0.1  # share of actuals that should lie beyond each end of the band
STEP_FIRST, STEP_LAST, STEP_FADE = 0.08, 0.015, 80.0
LIMIT = 1.5  # of |log_low| and |log_high|
NARROWEST = 0.004  # half-width of the 80 % band, share of capacity
COUNTS_OVER = 0.005  # an end of the band that is no higher cannot be missed and teaches nothing


def widen(q: Reals, levels: Sequence[float], log_low: Floats, log_high: Floats) -> Reals:
    """Quantiles q (..., K) at `levels` with their distances to the median stretched.

    `log_low`, `log_high` have the shape of q without its last axis. The median stays; no band gets narrower
    than `NARROWEST`, in proportion to the normal score of the level. A `levels` without 0.5 uses its
    nearest level.
    """
    p = np.asarray(levels, dtype=float)
    planes = as_planes(q)
    middle = planes[int(np.abs(p - 0.5).argmin())]
    narrowest = np.abs(ndtri(p) / ndtri(OUTSIDE)) * NARROWEST
    low, high = (np.exp(log).astype(planes.dtype) for log in (log_low, log_high))
    made = np.empty_like(planes)
    for plane, own, level, least in zip(made, planes, p.tolist(), narrowest.tolist(), strict=True):
        if level == 0.5:
            plane[...] = middle
            continue
        np.abs(own - middle, out=plane)
        plane *= low if level < 0.5 else high
        np.maximum(plane, least, out=plane)
        (np.subtract if level < 0.5 else np.add)(middle, plane, out=plane)
    return of_planes(made)


def learn(
    log_low: Floats, log_high: Floats, matured: Floats, actual: Floats, low: Floats, high: Floats
) -> tuple[Floats, Floats, Floats]:
    """The factors and the count of matured targets after one more target each; all arrays of one shape.

    `low`, `high` are the published 0.1 and 0.9 levels and `actual` what came, in shares of capacity; NaN in
    any of them leaves that element as it was. A level at the lower edge of what the plant can do (night,
    calm) cannot be missed on that side, so that side is left alone.
    """
    known = np.isfinite(actual) & np.isfinite(low) & np.isfinite(high)
    step = np.maximum(STEP_LAST, STEP_FIRST / (1.0 + matured / STEP_FADE))
    under = np.where(known & (low > COUNTS_OVER), step * ((actual < low) - OUTSIDE), 0.0)
    over = np.where(known & (high > COUNTS_OVER), step * ((actual > high) - OUTSIDE), 0.0)
    counted = matured + (known & (high > COUNTS_OVER))
    return np.clip(log_low + under, -LIMIT, LIMIT), np.clip(log_high + over, -LIMIT, LIMIT), counted
