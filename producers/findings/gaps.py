"""Holes: stamps that are missing, and rows without power."""

from __future__ import annotations

import numpy as np

from producers.findings.base import HOUR_MS, Columns, Found, by_share, percent


def gaps(columns: Columns) -> Found:
    """Steps between stamps that leave out at least one row."""
    order = columns.order
    steps = np.diff(columns.stamp_ms[order])
    # A step that is a little long is the jitter of a logger, not a hole.
    wide = steps > 1.5 * columns.step_ms
    if not wide.any():
        return
    lost = float((steps[wide] - columns.step_ms).sum() / (steps.sum() + columns.step_ms))
    longest = int(steps.argmax())
    told = f"{int(wide.sum())} gaps, {percent(lost)} of the time"
    what = f"{told}; the longest is {_hours(int(steps[longest]))} and ends at this row"
    do = "nothing where the plant was off the line; else export it again"
    yield columns.finding(
        "gaps", by_share(lost, 0.01, 0.1), what, do,
        row=columns.at(order[longest + 1]), column="event_time", share=lost, of="time",
    )  # fmt: skip


def without_power(columns: Columns) -> Found:
    """Rows that have a stamp and no power."""
    empty = np.flatnonzero(np.isnan(columns.power_kw))
    if not empty.size:
        return
    share = empty.size / columns.power_kw.size
    if empty.size == columns.power_kw.size:
        what = "there is no power at all: nothing can be learnt and nothing scored"
        yield columns.finding("empty", by_share(1, 0, 0), what, "give the column of power", share=1.0)
        return
    what = f"{empty.size} rows have no power ({percent(share)}), this one first"
    do = "nothing where it was not measured: they count as missing, never as 0"
    yield columns.finding(
        "empty", by_share(share, 0.01, 0.1), what, do, row=columns.at(empty[0]), share=share
    )


def _hours(length_ms: int) -> str:
    return f"{length_ms / HOUR_MS:.4g} h"
