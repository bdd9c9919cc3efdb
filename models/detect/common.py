"""What several detectors ask of a view: recent intervals, medians without NaN, peers, binding setpoints.

Nothing here sums over plants or units: the bits of a floating-point sum depend on the shape of the
batch, those of a median or of a count do not.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np

from models.detect.view import F8, I8, WINDOW, Bools, PlantView, at_places

LEAST_S: Final = 2700
LEAST_INTERVALS: Final = 2


def recent(view: PlantView, least_s: int = LEAST_S, least_intervals: int = LEAST_INTERVALS) -> Bools:
    """The newest intervals that together last `least_s`, at least `least_intervals`, shape (N, W)."""
    count = np.maximum(-(-least_s // view.resolution_s), least_intervals)
    age = np.arange(WINDOW)[::-1]
    return age < np.minimum(count, WINDOW)[:, None]


def unseen(view: PlantView) -> Iterator[tuple[int, Bools]]:
    """Places of the window that some plant has not looked at yet, oldest first, and which plants."""
    new = view.new_intervals
    most = int(new.max(initial=0))
    for age in range(most - 1, -1, -1):
        yield WINDOW - 1 - age, new > age


def newest_share(view: PlantView) -> F8:
    """Plant power in the newest interval as a share of capacity, shape (N,)."""
    return view.power_kw[:, -1] / view.capacity_kw


def first_finite(*choices: F8) -> F8:
    """Place by place the first choice that is a number; all of the same shape."""
    result = choices[0]
    for choice in choices[1:]:
        result = np.where(np.isfinite(result), result, choice)
    return result


def median(values: F8) -> F8:
    """Median over the last axis without NaN; NaN where nothing is left."""
    if values.shape[-1] == 0:
        return np.full(values.shape[:-1], np.nan)
    ordered = np.sort(values, axis=-1)
    count = np.isfinite(values).sum(axis=-1, keepdims=True)
    low = at_places(ordered, np.maximum(count - 1, 0) // 2)
    high = at_places(ordered, np.minimum(count // 2, values.shape[-1] - 1))
    middle: F8 = np.where(count > 0, (low + high) / 2, np.nan)[..., 0]
    return middle


def median_of_others(values: F8) -> F8:
    """For each place of the last axis the median of the other finite places; NaN where there is none.

    :param values: shape (N, U), NaN where missing
    :returns: shape (N, U)
    """
    units = values.shape[-1]
    if units == 0:
        return values
    finite = np.isfinite(values)
    order = np.argsort(values, axis=-1, kind="stable")
    ordered = at_places(values, order)
    rank = np.empty_like(order)
    np.put_along_axis(rank, order, np.broadcast_to(np.arange(units), order.shape), axis=-1)
    others = finite.sum(axis=-1, keepdims=True) - finite
    low, high = np.maximum(others - 1, 0) // 2, others // 2
    low, high = low + (finite & (rank <= low)), high + (finite & (rank <= high))
    at_low = at_places(ordered, np.minimum(low, units - 1))
    at_high = at_places(ordered, np.minimum(high, units - 1))
    return np.where(others > 0, (at_low + at_high) / 2, np.nan)


def same_value_length(values: F8) -> I8:
    """Length of the run of identical values that ends the last axis; 0 where its end is NaN."""
    length = np.isfinite(values[..., -1]).astype(np.int64)
    repeats = np.nonzero(values[..., -1] == values[..., -2])
    tail = values[repeats]
    same = (tail == tail[:, -1:])[:, ::-1]
    length[repeats] = np.where(same.all(axis=1), tail.shape[1], same.argmin(axis=1))
    return length
