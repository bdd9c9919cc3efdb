"""Stamps at the start of what they measure, moved to its end."""

from __future__ import annotations

import numpy as np

from producers.table import Flags, Ints, Longs


def ends(start_ms: Longs, known: Flags, series: Ints) -> tuple[Longs, dict[int, str]]:
    """The ends of the intervals that begin at `start_ms`, i8[n], and what is wrong: place -> what.

    An interval is as long as the commonest step of its series (i4[n]).
    """
    end_ms, faults = start_ms.copy(), {}
    for number in np.unique(series[known]):
        rows = np.flatnonzero(known & (series == number))
        step_ms = step_of(start_ms[rows])
        if step_ms is None:
            faults[int(rows[0])] = "the rows have no common step, so nothing says where an interval ends"
            continue
        end_ms[rows] += step_ms
    return end_ms, faults


def step_of(stamp_ms: Longs) -> int | None:
    """The step that half of the neighbouring stamps or more have, in milliseconds."""
    steps = np.diff(np.unique(stamp_ms))
    if not steps.size:
        return None
    lengths, counts = np.unique(steps, return_counts=True)
    return int(lengths[counts.argmax()]) if counts.max() * 2 >= steps.size else None
