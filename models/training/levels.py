"""Stretches of a daily series that lie on one level: where a plant's yield changed, and by how much."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from models.forecast.base import Floats

PENALTY = 7.0
LEAST_NOISE = 0.05
WORST_JUMPS = 6.0  # standard deviations that a single day counts at most


@dataclass(frozen=True)
class Stretch:
    """Days start..end - 1 of the series and their median."""

    start: int
    end: int
    level: float

    @property
    def days(self) -> int:
        return self.end - self.start


def stretches(values: Floats) -> list[Stretch]:
    """The series (n,), without NaN, cut where its level changes.

    The cut is the best one of all for squared deviations with a price for each change (optimal partitioning:
    Jackson et al. 2005, doi:10.1109/LSP.2001.838216), with the price of the Bayesian information criterion.
    Days far off their neighbours count little, so that one of them is no level of its own.
    """
    if not len(values):
        return []
    noise = max(float(np.median(np.abs(np.diff(values)))) / 0.954 if len(values) > 1 else 0.0, LEAST_NOISE)
    cuts = _best_cuts(_tamed(values, noise), PENALTY * noise**2 * np.log(max(len(values), 3)))
    return [Stretch(start, end, float(np.median(values[start:end]))) for start, end in pairwise(cuts)]


def _tamed(values: Floats, noise: float) -> Floats:
    """Each day at most so far from the median of itself and its two neighbours on either side."""
    padded = np.pad(values, 2, mode="edge")
    near = np.median(np.lib.stride_tricks.sliding_window_view(padded, 5), axis=1)
    return np.clip(values, near - WORST_JUMPS * noise, near + WORST_JUMPS * noise)


def _best_cuts(values: Floats, price: float) -> list[int]:
    """Starts of the stretches and the end of the last, by dynamic programming over all cuts."""
    count = len(values)
    sums = np.concatenate([[0.0], np.cumsum(values)])
    squares = np.concatenate([[0.0], np.cumsum(values**2)])
    best = np.full(count + 1, np.inf)
    best[0], before = -price, np.zeros(count + 1, np.int64)
    for end in range(1, count + 1):
        length = end - np.arange(end)
        cost = squares[end] - squares[:end] - (sums[end] - sums[:end]) ** 2 / length
        total = best[:end] + cost + price
        before[end] = int(total.argmin())
        best[end] = total[before[end]]
    cuts = [count]
    while cuts[-1] > 0:
        cuts.append(int(before[cuts[-1]]))
    return cuts[::-1]
