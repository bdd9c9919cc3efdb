"""Scores of probabilistic forecasts: pure functions of actuals and quantiles, of any shape.

Powers may be kW or shares of capacity; a score has the unit of what it was given. NaN in, NaN out: what
must not count is for the caller to leave out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

F8 = NDArray[np.float64]

VISIBLE_SHARE: Final = 0.005
LOW_LEVEL: Final = 0.1
HIGH_LEVEL: Final = 0.9


def pinball(actual: F8, quantiles: F8, levels: F8) -> F8:
    """Loss of each quantile; the smaller the better, zero where the actual is hit.

    :param actual: shape (..., 1), or anything that broadcasts against the quantiles
    :param quantiles: shape (..., K)
    :param levels: between 0 and 1, shape (K,)
    :returns: shape (..., K), in the unit of the actual
    """
    short = actual - quantiles
    return np.maximum(levels * short, (levels - 1.0) * short)


def crps(actual: F8, quantiles: F8, levels: F8) -> F8:
    """Continuous ranked probability score from quantiles: twice the pinball loss, integrated over the level.

    Each level stands for the levels that are nearest to it, the outermost ones up to 0 and 1, so levels may
    be unevenly spaced. See Gneiting and Raftery (2007), doi:10.1198/016214506000001437.

    :param actual: shape (...,)
    :param quantiles: shape (..., K), levels increasing
    """
    edges = np.concatenate([[0.0], (levels[1:] + levels[:-1]) / 2, [1.0]])
    loss: F8 = (pinball(actual[..., None], quantiles, levels) * (2 * np.diff(edges))).sum(axis=-1)
    return loss


@dataclass(frozen=True)
class Coverage:
    """Shares of the actuals under and over a band, each where that edge is visible; `inside` is the rest."""

    below: float
    above: float

    @property
    def inside(self) -> float:
        return 1.0 - self.below - self.above


def coverage(actual: F8, low: F8, high: F8, visible: float) -> Coverage:
    """How often the actual leaves the band from the 10 % to the 90 % level.

    An edge counts only where it is higher than `visible` (half a per cent of capacity, `VISIBLE_SHARE`, in
    the unit of the arguments): a night or a calm, which no band can miss, would flatter. Where an edge is
    never visible it is given its nominal tenth. All of shape (n,).
    """
    seen_low, seen_high = low > visible, high > visible
    below = float((actual[seen_low] < low[seen_low]).mean()) if seen_low.any() else LOW_LEVEL
    above = float((actual[seen_high] > high[seen_high]).mean()) if seen_high.any() else 1.0 - HIGH_LEVEL
    return Coverage(below, above)


def mae(actual: F8, forecast: F8) -> float:
    """Mean absolute error; divided by capacity it is the nMAE. NaN of nothing."""
    return float(np.abs(actual - forecast).mean()) if actual.size else float("nan")


def rmse(actual: F8, forecast: F8) -> float:
    """Root of the mean squared error; divided by capacity it is the nRMSE. NaN of nothing."""
    return float(np.sqrt(np.square(actual - forecast).mean())) if actual.size else float("nan")


def mape(actual: F8, forecast: F8) -> float:
    """Sum of the absolute errors over the sum of the actuals, a share; NaN where nothing was produced."""
    produced = float(actual.sum()) if actual.size else 0.0
    return float(np.abs(actual - forecast).sum() / produced) if produced > 0 else float("nan")


def r2(actual: F8, forecast: F8) -> float:
    """Share of the actual's variance that the forecast explains; 1 is perfect, 0 no better than the mean,
    NaN where the actual does not vary.
    """
    spread = float(np.square(actual - actual.mean()).sum()) if actual.size else 0.0
    return 1.0 - float(np.square(actual - forecast).sum()) / spread if spread > 0 else float("nan")


def skill(error: float, reference: float) -> float:
    """Gain over a reference: 1 is perfect, 0 is no better; NaN where the reference has no error."""
    return 1.0 - error / reference if reference > 0 else float("nan")


def flawed(quantiles: F8, lowest: float, highest: float) -> NDArray[np.bool_]:
    """Forecasts that should not exist: not finite, crossing, or out of the limits; shape (n,) of (n, K)."""
    crossing = np.diff(quantiles, axis=-1) < -1e-6
    outside = (quantiles < lowest) | (quantiles > highest)
    return np.asarray((~np.isfinite(quantiles) | outside).any(axis=-1) | crossing.any(axis=-1))
