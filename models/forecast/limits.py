"""From quantiles to what is published: inside the plant's limits, rising, dark at night, on a fixed grid of
shares.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from models.forecast.base import Flags, Floats, Reals, as_planes, of_planes

GRID = 20_000  # published shares are whole multiples of 1 / GRID of capacity
DARK_SHARE = 0.002  # a solar plant without position is dark where its climatology never passes this
LOWEST_SHARE = -0.05  # own consumption deeper than this is no measurement


def publish(q: Reals, min_share: Floats, daylight: Flags) -> NDArray[np.int16]:
    """Quantiles q (N, S, K) as whole multiples of 1 / GRID of capacity.

    `min_share` (N,) is the plant's lower limit; `daylight` (N, S) is False where a solar plant stands in
    the dark (always True for wind), where every level is the night level min(0, min_share).
    """
    if not np.isfinite(q).all():
        raise ValueError("a quantile that is not finite cannot be published")
    floor = np.clip(np.where(np.isfinite(min_share), min_share, 0.0), LOWEST_SHARE, 1.0)[:, None]
    planes = np.clip(as_planes(q), floor.astype(q.dtype), q.dtype.type(1.0))
    issue, step = np.nonzero(~daylight)
    planes[:, issue, step] = np.minimum(floor, 0.0)[issue, 0]
    planes *= GRID
    grid = np.rint(planes, out=planes).astype(np.int16)
    for lower, upper in pairwise(grid):  # `np.maximum.accumulate` goes across planes, 20 times slower
        np.maximum(lower, upper, out=upper)
    return of_planes(grid)


def shares(published: NDArray[np.int16]) -> Floats:
    """Published grid values as shares of capacity."""
    return published.astype(np.float64) / GRID
