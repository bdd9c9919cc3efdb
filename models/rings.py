"""Ring buffers over columns: the newest scans of each plant, and sums of its newest intervals.

All take flat *lanes* (a plant, or a unit of a plant) and are exact: whole milliwatts, so that neither the
order of addition nor the batch split shows in a bit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

I8 = NDArray[np.int64]
F8 = NDArray[np.float64]
Flags = NDArray[np.bool_]

SCANS: Final = (
    509  # prime, so that no usual scan step folds onto itself: 4 min at 2 scans a second, 8 h at one a minute
)
NO_VALUE: Final = np.iinfo(np.int64).min
_TWO_BYTES: Final = 1 << 16


@dataclass(frozen=True)
class Seen:
    """What each row is to the scans remembered: exactly one of the flags holds, shape (n,)."""

    fresh: Flags
    repeat: Flags
    correction: Flags
    beyond: Flags  # older than what is remembered: neither a repeat nor new can be said
    before: I8  # the value that a correction replaces [mW], NO_VALUE for null or none


def remember(times_ms: I8, values: I8, slot: I8, event_time_ms: I8, value: I8) -> Seen:
    """Compare rows with the scans remembered, in their order, and remember them.

    :param times_ms, values: columns of the state, shape (plants, SCANS); changed in place
    :param value: scan [mW] or NO_VALUE, shape (n,)
    """
    place = (event_time_ms // 1000) % SCANS
    fresh, repeat, correction, beyond = (np.zeros(slot.shape, np.bool_) for _ in range(4))
    seen = Seen(fresh, repeat, correction, beyond, before=np.full(slot.shape, NO_VALUE))
    for rows in in_turn(slot * SCANS + place):
        s, p = slot[rows], place[rows]
        there, old = times_ms[s, p], values[s, p]
        same, newer = there == event_time_ms[rows], there > event_time_ms[rows]
        seen.repeat[rows] = same & (old == value[rows])
        seen.correction[rows] = same & (old != value[rows])
        seen.beyond[rows] = newer
        seen.fresh[rows] = ~same & ~newer
        seen.before[rows] = np.where(same, old, NO_VALUE)
        write = ~newer
        times_ms[s[write], p[write]] = event_time_ms[rows][write]
        values[s[write], p[write]] = value[rows][write]
    return seen


def in_order(key: I8) -> I8:
    """Rows (indices) by their key, those of one key in their order; keys are not negative."""
    # NumPy sorts numbers of two bytes by counting, which is ten times as fast.
    small = key.size and int(key.max()) < _TWO_BYTES
    return np.argsort(key.astype(np.uint16) if small else key, kind="stable")


def in_turn(key: I8) -> list[I8]:
    """Split rows (indices, in order) so that no key stands twice in one pass and the order of equal keys is
    kept.
    """
    if _all_differ(key):
        return [np.arange(key.size)]
    order = in_order(key)
    ordered = key[order]
    starts = np.append(True, ordered[1:] != ordered[:-1])
    nth = np.arange(key.size) - np.maximum.accumulate(np.where(starts, np.arange(key.size), 0))
    return [np.sort(order[nth == n]) for n in range(int(nth.max()) + 1)]


def _all_differ(key: I8) -> bool:
    if not key.size:
        return True
    last = np.empty(int(key.max()) + 1, np.int32)  # what it holds at other places is never looked at
    rows = np.arange(key.size)
    last[key] = rows
    return bool((last[key] == rows).all())


def add(
    index: NDArray[np.integer],
    sums: I8,
    counts: NDArray[np.integer],
    lane: I8,
    interval: I8,
    value: I8,
    weight: NDArray[np.integer],
) -> None:
    """Add values to the intervals of their lanes; an interval that the ring has left behind takes nothing.

    :param index: number of the interval that each place holds, shape (lanes, ring), contiguous; changed in
        place
    :param sums, counts: what it holds [mW], shape (lanes, ring), contiguous; changed in place
    :param weight: scans that come (1) or go (-1, with the negated value) or neither (0, a correction), shape
        (n,)
    """
    size = index.shape[1]
    keep = interval > _newest(index, lane, interval)[lane] - size
    if not keep.all():
        lane, interval, value, weight = lane[keep], interval[keep], value[keep], weight[keep]
    # NumPy adds at places of one axis seven times faster than of two.
    held, total, scans = (column.reshape(-1, copy=False) for column in (index, sums, counts))
    place = lane * size + interval % size
    stale = np.flatnonzero(held[place] != interval)
    if stale.size:
        left = place[stale]
        held[left] = interval[stale]
        total[left] = 0
        scans[left] = 0
    np.add.at(total, place, value)
    np.add.at(scans, place, weight.astype(scans.dtype))


def count(table: NDArray[np.integer], row: I8, column: I8 | int) -> None:
    """Add one at places of a table, shape (rows, columns), contiguous; changed in place."""
    flat = table.reshape(-1, copy=False)
    np.add.at(flat, row * table.shape[1] + column, np.ones(row.size, flat.dtype))


def _newest(index: NDArray[np.integer], lane: I8, interval: I8) -> I8:
    """Number of the newest interval of each lane once these have come; what it says of other lanes means
    nothing, shape (lanes,).
    """
    newest = np.full(index.shape[0], np.int64(-1))
    looked_at = lane if lane.size < index.shape[0] else slice(None)
    newest[looked_at] = index[looked_at].max(axis=1)
    np.maximum.at(newest, lane, interval)
    return newest


def window(
    index: NDArray[np.integer], sums: I8, counts: NDArray[np.integer], lane: I8, interval: I8
) -> tuple[I8, I8]:
    """Sums [mW] and counts of intervals, zero where the ring does not hold them.

    :param interval: numbers of the intervals wanted, shape (n, w) for n lanes
    """
    place = interval % index.shape[1]
    if index.flags.c_contiguous:  # NumPy finds places of one axis three times faster than of two
        place += (lane * index.shape[1])[:, None]
        held, total, scans = (column.reshape(-1).take(place, mode="clip") for column in (index, sums, counts))
    else:
        held, total, scans = (column[lane[:, None], place] for column in (index, sums, counts))
    there = held == interval
    total *= there
    return total, np.multiply(scans, there, dtype=np.int64)
