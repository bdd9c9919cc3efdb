"""Power that stands still: a sensor that hangs, or a plant that does not run."""

from __future__ import annotations

from typing import Final

import numpy as np

from producers.findings.base import DAY_MS, HOUR_MS, Columns, Found, by_share, percent
from producers.table import Flags, Longs

#: A value that repeats to the last digit for so long is none, unless it is nothing or all of the capacity.
_HANGS_MS: Final = 6 * HOUR_MS
_HANGS_SOLAR_MS: Final = 3 * HOUR_MS
_LEAST_ROWS: Final = 12
_LEAST_ROWS_SOLAR: Final = 6
_STANDS_MS: Final = 3 * DAY_MS
_NOTHING, _ALL = 0.005, 0.95


def flat_runs(columns: Columns) -> Found:
    """Runs of one power that is neither nothing nor all."""
    order, start, end = _runs(columns)
    share = columns.share[order[start]]
    long_ms = _HANGS_SOLAR_MS if columns.is_solar else _HANGS_MS
    least = _LEAST_ROWS_SOLAR if columns.is_solar else _LEAST_ROWS
    hangs = (_length_ms(columns, order, start, end) >= long_ms) & (end - start >= least)
    hangs &= (np.abs(share) > _NOTHING) & (share < _ALL)
    # A park that is held down or clipped by its inverters stands at one level on many days: this is no fault.
    hangs &= ~_limited(share, hangs)
    yield from _told(columns, order, start[hangs], end[hangs], "flat", "hang at one value", _DO_HANG)


def standstills(columns: Columns) -> Found:
    """Days on end with next to no power."""
    order, start, end = _runs(columns, nothing_is_one=True)
    nothing = np.abs(columns.share[order[start]]) <= _NOTHING
    still = nothing & (_length_ms(columns, order, start, end) >= _STANDS_MS)
    yield from _told(
        columns, order, start[still], end[still], "standstill", "stand at next to nothing", _DO_STILL
    )


_DO_HANG: Final = "empty the cells where the measurement hung: a missing value is better than a wrong one"
_DO_STILL: Final = "nothing where the plant stood still; empty the cells where only its measurement did"


def _told(columns: Columns, order: Longs, start: Longs, end: Longs, kind: str, told: str, do: str) -> Found:
    if not start.size:
        return
    rows = int((end - start).sum())
    share = rows / columns.row.size
    longest = int((end - start).argmax())
    hours = (end - start)[longest] * columns.step_ms / HOUR_MS
    first = columns.at(order[start[longest]])
    power = columns.power_kw[order[start[longest]]]
    run = f"{hours:.4g} h at {power:.6g} kW from this row"
    what = f"{rows} rows {told} ({percent(share)}), the longest run is {run}"
    yield columns.finding(kind, by_share(share, 0.02, 0.2), what, do, row=first, share=share)


def _runs(columns: Columns, nothing_is_one: bool = False) -> tuple[Longs, Longs, Longs]:
    """(places by stamp, start, end) of the runs of one value; rows without power and gaps end a run."""
    order = columns.order
    order = order[np.isfinite(columns.power_kw[order])]
    value = columns.share[order]
    if nothing_is_one:
        value = np.where(np.abs(value) <= _NOTHING, 0.0, value)
    new = (value[1:] != value[:-1]) | (np.diff(columns.stamp_ms[order]) > 1.5 * columns.step_ms)
    start = np.append(0, np.flatnonzero(new) + 1) if order.size else np.empty(0, np.int64)
    return order, start, np.append(start[1:], order.size).astype(np.int64)[: start.size]


def _length_ms(columns: Columns, order: Longs, start: Longs, end: Longs) -> Longs:
    stamps = columns.stamp_ms[order]
    return stamps[end - 1] - stamps[start] + columns.step_ms


def _limited(share: np.ndarray, hangs: Flags) -> Flags:
    """Of the runs that hang, those whose value stands for many of them."""
    values, counts = np.unique(share[hangs], return_counts=True)
    return np.isin(share, values[counts >= 3])
