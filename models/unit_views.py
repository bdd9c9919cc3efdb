"""The look at the units of N plants at their issue: plants with about as many units at a time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.detect import all as detectors
from models.detect.events import Told
from models.detect.view import WINDOW, PlantView, intervals
from models.fleet import SENSED, Fleet, Ring
from models.state import Rows, side_by_side
from models.units import NOBODY
from models.windows import MILLI_PER_KW

I8 = NDArray[np.int64]
F8 = NDArray[np.float64]

PADS: Final = 512  # units that are not there cost as much as another group of plants
AT_ONCE: Final = 512  # units that are looked up: their places stay in the processor's cache


def look(fleet: Fleet, slots: I8, view: PlantView) -> list[Told]:
    """What the detectors of units tell of the plants of a view; moves the columns of the units."""
    told: list[Told] = []
    for places, width in groups(fleet.units.room[slots]):
        mine = slots[places]
        rows = _rows(fleet, mine, width)
        state = Rows(fleet.units.columns, _where_they_stand(rows), rows.shape)
        group = view if places.size == slots.size else view.take(places)
        means = _means(fleet.unit_ring(), rows, intervals(group.resolution_s, group.issued_at_ms))
        group = group.with_units(
            unit_ids=[fleet.units.names[slot] for slot in mine.tolist()],
            unit_power_kw=means[:, :, 0],
            unit_wind_ms=means[:, :, 1],
            state=state,
        )
        told += [(int(places[row]), event) for row, event in detectors.at_units(group)]
        state.put_back()
    return told


def groups(room: I8) -> Iterator[tuple[I8, int]]:
    """Plants (places) with about as many units, and the most of theirs: a group is padded to that. Those
    without units are in none.

    :param room: rows of each plant's units, shape (N,)
    """
    if room.size and room[0] > 0 and (room == room[0]).all():
        yield np.arange(room.size), int(room[0])
        return
    widths, plants = np.unique(room[room > 0], return_counts=True)
    first = 0
    for last, width in enumerate(widths.tolist()):
        here, is_last = slice(first, last + 1), last + 1 == len(widths)
        if is_last or (plants[here] * (widths[last + 1] - widths[here])).sum() > PADS:
            yield np.flatnonzero((room >= widths[first]) & (room <= width)), width
            first = last + 1


def _rows(fleet: Fleet, slots: I8, width: int) -> I8:
    """Rows of the units of plants, `NOBODY` beyond a plant's own, shape (N, U)."""
    number = np.arange(width)
    rows = fleet.units.first[slots][:, None] + number
    there = number < fleet.units.room[slots][:, None]
    return rows if there.all() else np.where(there, rows, NOBODY)


def _where_they_stand(rows: I8) -> I8 | slice:
    """Units that stand side by side as a slice: they are worked on where they stand."""
    flat = rows.reshape(-1)
    return slice(int(flat[0]), int(flat[-1]) + 1) if side_by_side(flat) else rows


def _means(ring: Ring, rows: I8, interval: I8) -> F8:
    """Power [kW] and wind [m/s] of units, NaN where nothing came, shape (N, U, 2, W).

    :param rows: shape (N, U)
    :param interval: wanted of each plant, shape (N, W)
    """
    flat = [column.reshape(-1) for column in ring]
    means = np.full((*rows.shape, 2, WINDOW), np.nan)
    step = max(AT_ONCE // rows.shape[1], 1)
    for begin in range(0, len(rows), step):
        part = slice(begin, begin + step)
        lanes = rows[part, :, None] * 2 + np.arange(2)
        # As `rings.window`, but the units of a plant share its intervals.
        wanted = interval[part, None, None]
        held, sums, counts = (
            column.take(lanes[..., None] * SENSED + wanted % SENSED, mode="clip") for column in flat
        )
        np.divide(sums, counts, out=means[part], where=(held == wanted) & (counts > 0))
        np.divide(means[part], MILLI_PER_KW, out=means[part])
    return means
