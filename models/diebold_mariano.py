"""Are the losses of one forecast larger than those of another? The test of Diebold and Mariano, by day.

Losses of one day hang together and those of neighbouring days do too, so each pair is a whole day and the
variance of the mean is that of Newey and West (Bartlett weights), with the small-sample factor and Student's
distribution of Harvey, Leybourne and Newbold.

Sources: Diebold and Mariano (1995), doi:10.1080/07350015.1995.10524599; Newey and West (1987),
doi:10.2307/1913610; Harvey, Leybourne and Newbold (1997), doi:10.1016/S0169-2070(96)00719-4.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

F8 = NDArray[np.float64]
I8 = NDArray[np.int64]

LEAST_DAYS: Final = 5  # fewer pairs say nothing of a variance
SIGNIFICANT: Final = 0.05


@dataclass(frozen=True)
class Comparison:
    """Of `days` pairs: the mean of first minus second (in the losses' unit), Student's statistic of it, and
    how likely such a difference is by chance where the first is not worse, or not better.
    """

    days: int
    difference: float
    statistic: float
    p_worse: float
    p_better: float

    def worse(self, level: float = SIGNIFICANT) -> bool:
        """Whether the first loses more than the second, at this level (one-sided)."""
        return self.p_worse < level

    def to_json(self) -> dict[str, float | int]:
        """For a manifest; the statistic of equal losses is 0, of a difference without any scatter 1e9."""
        bounded = float(np.clip(self.statistic, -1e9, 1e9))
        return {
            "days": self.days,
            "difference": round(self.difference, 8),
            "statistic": round(bounded, 4),
            "p_worse": round(self.p_worse, 6),
            "p_better": round(self.p_better, 6),
        }


def compare(first: F8, second: F8, day: I8 | None = None) -> Comparison | None:
    """Compare daily losses (n,) of two forecasts of the same things; None with under `LEAST_DAYS` pairs.

    NaN is a day without a loss. `day` (n,), rising, numbers the days where some are left out: days far apart
    must not pass for neighbours.
    """
    from scipy import stats

    gap = np.asarray(first - second, np.float64)
    place = np.arange(len(gap)) if day is None else np.asarray(day) - (day[0] if len(day) else 0)
    good = np.isfinite(gap)
    count = int(good.sum())
    if count < LEAST_DAYS:
        return None
    line = np.full(int(place[-1]) + 1, np.nan)
    line[place] = gap
    mean = float(gap[good].mean())
    lags = bandwidth(count)
    spread = _variance_of_mean(line, mean, lags)
    if spread <= np.finfo(float).tiny:
        statistic = float(np.sign(mean) * np.inf) if mean else 0.0
    else:
        statistic = mean / float(np.sqrt(spread)) * _small_sample(count, lags)
    p_worse, p_better = (float(stats.t.sf(s, count - 1)) for s in (statistic, -statistic))
    return Comparison(count, mean, statistic, p_worse, p_better)


def bandwidth(days: int) -> int:
    """How many days back the variance looks: 4 (n / 100)^(2/9), as Newey and West have it."""
    return min(int(4.0 * (days / 100.0) ** (2.0 / 9.0)), days - 1)


def _variance_of_mean(line: F8, mean: float, lags: int) -> float:
    """Newey and West's variance of the mean of a line with holes (NaN), which count as nothing."""
    known = np.isfinite(line)
    away = np.where(known, line - mean, 0.0)
    count = int(known.sum())
    total = float(away @ away)
    for lag in range(1, min(lags, len(line) - 1) + 1):
        total += 2.0 * (1.0 - lag / (lags + 1.0)) * float(away[lag:] @ away[:-lag])
    return max(total, 0.0) / count**2


def _small_sample(count: int, lags: int) -> float:
    """Harvey's factor for forecasts `lags + 1` days ahead; under 1, so it asks for more."""
    ahead = lags + 1
    return float(np.sqrt(max(count + 1 - 2 * ahead + ahead * (ahead - 1) / count, 1.0) / count))
