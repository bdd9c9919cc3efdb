"""Where a batch is cut: the rows of each plant between two of its issues, and the issues between them.

The issue at T happens at the first record of the plant with ``event_time >= T`` and uses what stands in the
journal up to that record with ``event_time <= T``. So a record past T is applied after the issue at T, a
record at T before it. A tick asks for an issue at its own time, whole multiple or not: so a plant that has
just got its first weather need not wait. Everything that happens at the same place of its plant's order is
one round and is done for all plants at once; a plant's rounds depend on its own rows alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models import rings

I8 = NDArray[np.int64]
_FAR = np.int64(1) << 45  # milliseconds; separates plants in one running maximum


@dataclass(frozen=True)
class Issues:
    """Issues due in one round: at most one for each plant.

    :param slot: the plant's row, shape (n,)
    :param issued_at_ms: T, shape (n,)
    :param row: index of the record that triggered it, shape (n,)
    """

    slot: I8
    issued_at_ms: I8
    row: I8


@dataclass(frozen=True)
class Rows:
    """Records applied in one round, in the order of each journal: indices into the batch, shape (n,)."""

    row: I8


def rounds(
    slot: I8,
    event_time_ms: I8,
    moves: NDArray[np.bool_],
    is_tick: NDArray[np.bool_],
    clock_ms: I8,
    every_ms: I8,
    reach_ms: int,
) -> Iterator[Issues | Rows]:
    """Cut the rows of a batch into rounds.

    :param slot: plant row of each record, in offset order, shape (n,)
    :param moves: whether the record moves its plant's clock (a refused one does not), shape (n,)
    :param is_tick: whether the record is a tick, shape (n,)
    :param clock_ms: the plant's clock before the batch for each record, -1 for none, shape (n,)
    :param every_ms: issue interval of the record's plant, shape (n,)
    :param reach_ms: a jump issues at most the T of this long before it; older ones would lie in the past
        entirely
    """
    if slot.size == 0:
        return
    order = rings.in_order(slot)
    s, t, every = slot[order], event_time_ms[order], every_ms[order]
    first = np.append(True, s[1:] != s[:-1])
    clock = _clock_after(t, moves[order], first, clock_ms[order])
    before = np.where(first, clock_ms[order], np.append(np.int64(-1), clock[:-1]))
    asked = is_tick[order] & (clock > before) & (clock == t) & (clock % every != 0)
    due, done = _due(before, clock, every, reach_ms, asked)
    on_time = (due > done) & (clock % every == 0)
    early = due - done - on_time
    stage = _stages(first, early, on_time | asked)
    place = _Places(s, done, early, on_time | asked, np.where(asked, clock, due * every), every, order)
    yield from _in_order(order, stage, _issue_table(stage, place))


def _clock_after(t: I8, moves: NDArray[np.bool_], first: NDArray[np.bool_], clock: I8) -> I8:
    """The plant's clock after each record: a running maximum within each plant."""
    lane = np.cumsum(first) * _FAR
    reached = np.maximum(np.where(moves, t, -1), np.where(first, clock, -1))
    return np.maximum.accumulate(lane + reached) - lane


def _due(before: I8, clock: I8, every: I8, reach_ms: int, asked: NDArray[np.bool_]) -> tuple[I8, I8]:
    """Number of the newest T that each record reaches, and of the newest one that was done before it."""
    due = np.where(clock >= 0, clock // every, -1)
    unborn = before < 0
    done = np.where(unborn, np.where(asked, due, due - 1), before // every)
    return due, np.where(clock < 0, due, np.maximum(done, np.minimum(due, (clock - reach_ms) // every)))


@dataclass(frozen=True)
class _Places:
    """By record (n,) in the order of the plants: T number `done` is issued already, `early` ones come before
    the record is applied, and one at `last_ms` after it where `after`.
    """

    slot: I8
    done: I8
    early: I8
    after: NDArray[np.bool_]
    last_ms: I8
    every: I8
    order: I8


def _stages(first: NDArray[np.bool_], early: I8, after: NDArray[np.bool_]) -> I8:
    """Which stretch of its plant each record belongs to: stretches end where something is issued."""
    after_previous = np.append(False, after[:-1]) & ~first
    cut = after_previous | (early > 0)
    count = np.cumsum(cut)
    base = np.maximum.accumulate(np.where(first, count - cut, 0))
    return np.asarray(count - base, np.int64)


def _issue_table(stage: I8, p: _Places) -> tuple[I8, ...]:
    """All issues as (stage before whose rows they happen, rank within it, slot, T, trigger row)."""
    rows = np.flatnonzero((p.early > 0) | p.after)
    total = (p.early + p.after)[rows]
    at = np.repeat(rows, total)
    rank = np.arange(at.size) - np.repeat(np.cumsum(total) - total, total)
    late = rank >= p.early[at]
    issued_at = np.where(late, p.last_ms[at], (p.done[at] + 1 + rank) * p.every[at])
    # an issue after the row before shares the boundary with the early ones of this row, and comes first
    follows = np.append(False, p.after[:-1] & (p.slot[1:] == p.slot[:-1]))
    shared = follows[at].astype(np.int64)
    return stage[at] + late, np.where(late, 0, rank + shared), p.slot[at], issued_at, p.order[at]


def _in_order(order: I8, stage: I8, table: tuple[I8, ...]) -> Iterator[Issues | Rows]:
    when, rank, slot, issued_at, row = table
    by_place = np.lexsort((rank, when))
    when, rank, slot, issued_at, row = (a[by_place] for a in (when, rank, slot, issued_at, row))
    rows_by_stage = rings.in_order(stage)
    row_cuts = np.searchsorted(
        stage[rows_by_stage], np.arange(int(max(stage.max(), when.max(initial=0))) + 2)
    )
    new_group = (
        np.flatnonzero(np.append(True, (when[1:] != when[:-1]) | (rank[1:] != rank[:-1])))
        if when.size
        else np.empty(0, int)
    )
    groups = np.append(new_group, when.size)
    g = 0
    for place in range(row_cuts.size - 1):
        while g < new_group.size and when[groups[g]] == place:
            cut = slice(groups[g], groups[g + 1])
            yield Issues(slot[cut], issued_at[cut], row[cut])
            g += 1
        here = rows_by_stage[row_cuts[place] : row_cuts[place + 1]]
        if here.size:
            yield Rows(order[here])
