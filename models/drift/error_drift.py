"""Forecast errors have grown, or have taken a side: Page-Hinkley over a window of errors.

The window is replayed at each look, so the test's state is the window and nothing else. Hourly errors of
one plant are correlated and of very different size by day and by weather; six-hour means, measured against
the median and the spread of the older half of the window, are near enough to what the test assumes.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.drift.finding import Finding
from models.drift.page_hinkley import last_change

F8 = NDArray[np.float64]

BLOCK_H: Final = 6
LEAST_BLOCKS: Final = 40
FRESH_BLOCKS: Final = 16
NEWEST_H: Final = 72
LARGEST_STEP: Final = 4.0
LEAST_SPREAD: Final = 0.003
TOLERATED: Final = 1.0
THRESHOLD: Final = 14.0
GROWTH: Final = 1.3
LEAST_CHANGE: Final = 0.01


def look(errors: F8) -> Finding | None:
    """Test the newest days of a plant's errors against the days before.

    :param errors: actual minus median of the 1 h forecast as a share of capacity, one value an hour, newest
        last, NaN where there is none, shape (n,); 10 to 30 days
    """
    return _grown(errors) or _one_sided(errors)


def _grown(errors: F8) -> Finding | None:
    before, after = _before_and_after(np.abs(errors))
    statistic = _noticed(np.abs(errors), "up")
    if statistic is None or not (after >= GROWTH * before and after - before >= LEAST_CHANGE):
        return None
    sentence = f"forecast errors have grown from {before:.1%} to {after:.1%} of capacity; consider to retrain"
    return Finding("page_hinkley", "error", statistic, None, before, after, sentence)


def _one_sided(errors: F8) -> Finding | None:
    before, after = _before_and_after(errors)
    statistic = _noticed(errors, "both")
    if statistic is None or not (abs(after - before) >= LEAST_CHANGE and abs(after) >= abs(before)):
        return None
    side = "more" if after > 0 else "less"
    sentence = f"the plant makes {abs(after):.1%} of capacity {side} than forecast ({before:+.1%} before)"
    return Finding("page_hinkley_bias", "error", statistic, None, before, after, sentence)


def _before_and_after(values: F8) -> tuple[float, float]:
    """Means over all but the newest three days, and over these; nights that are exactly right don't count.

    NaN where either has nothing: no comparison with it is true.
    """
    use = np.isfinite(values) & (values != 0)
    old, new = values[:-NEWEST_H][use[:-NEWEST_H]], values[-NEWEST_H:][use[-NEWEST_H:]]
    if not old.size or not new.size:
        return float("nan"), float("nan")
    return float(old.mean()), float(new.mean())


def _noticed(values: F8, mode: str) -> float | None:
    """Departure of the newest days [spreads] where the test notices a change in them."""
    blocks = _blocks(values)
    if blocks.size < LEAST_BLOCKS:
        return None
    older = blocks[: blocks.size // 2 + 1]
    usual = float(np.median(older))
    spread = max(1.4826 * float(np.median(np.abs(older - usual))), LEAST_SPREAD)
    steps = np.clip((blocks - usual) / spread, -LARGEST_STEP, LARGEST_STEP)
    noticed = last_change(steps.tolist(), TOLERATED, THRESHOLD, both_ways=mode == "both")
    if noticed < steps.size - FRESH_BLOCKS:
        return None
    return float(steps[-FRESH_BLOCKS:].mean())


def _blocks(values: F8) -> F8:
    """Means of six hours, counted from the newest; blocks with under a quarter of their hours fall out."""
    whole = values[values.size % BLOCK_H :].reshape(-1, BLOCK_H)
    use = np.isfinite(whole) & (whole != 0)
    count = use.sum(axis=1)
    means: F8 = np.where(use, whole, 0.0).sum(axis=1) / np.maximum(count, 1)
    known: NDArray[np.bool_] = 4 * count >= BLOCK_H
    return means[known]
