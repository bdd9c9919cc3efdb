"""When the rows of a file were known, where the file does not say it itself."""

from __future__ import annotations

import numpy as np

from producers.table import NO_TIME, Ints, Longs


def known_at(plant: Ints, event_time_ms: Longs, given_ms: Longs | None, now_ms: int) -> Longs:
    """When each row became known, i8[n]: as given, else the largest event time so far in its plant.

    Never later than `now_ms`, the wall clock. A stamp beyond the wall clock is wrong and does not count for
    the rows behind it; its own row was known when the row before it was.
    """
    told = np.where(event_time_ms <= now_ms, event_time_ms, NO_TIME)
    reached = _running_max(plant, told)
    reached = np.where(reached == NO_TIME, now_ms, reached)
    if given_ms is None:
        return reached
    return np.where(given_ms == NO_TIME, reached, np.minimum(given_ms, now_ms))


def _running_max(plant: Ints, value: Longs) -> Longs:
    made = np.empty_like(value)
    order = np.argsort(plant, kind="stable")
    starts = np.flatnonzero(np.diff(plant[order], prepend=-1))
    for rows in np.split(order, starts[1:]):
        made[rows] = np.maximum.accumulate(value[rows])
    return made
