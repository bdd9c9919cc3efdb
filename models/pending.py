"""Forecasts that wait for their actuals: at eight lead times, for each plant and each side of it.

A forecast is kept as it was published, rounding included: a replay that starts from a checkpoint then learns
the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.forecast.limits import GRID
from models.issue import Made
from models.sides import Learned
from models.state import Field
from models.steps import LEADS_S

I8 = NDArray[np.int64]
F8 = NDArray[np.float64]
Flags = NDArray[np.bool_]

WAIT_MS: Final = 3_600_000  # an actual counts when the clock is so much past it, so that late scans are in it
CADENCE_MS: Final = 900_000


def cadence_ms(lead_s: int) -> int:
    """How often a forecast of this lead time is kept for its actual."""
    return CADENCE_MS if lead_s <= 21_600 else 3_600_000


def _room(lead_s: int) -> int:
    return (lead_s * 1000 + WAIT_MS) // cadence_ms(lead_s) + 2


ROOM: Final = tuple(_room(lead) for lead in LEADS_S)
STARTS: Final = tuple(int(n) for n in np.cumsum((0, *ROOM[:-1])))


def fields(levels: int) -> tuple[Field, ...]:
    """Columns of the pending forecasts."""
    return (
        Field("pending_issue_ms", "i8", (sum(ROOM),), -1),
        Field("pending_share", "i2", (sum(ROOM), levels)),
        Field("pending_rung", "i1", (sum(ROOM),)),
        Field("pending_model", "i2", (sum(ROOM),)),
    )


def keep(learned: Learned, made: Made, model: int) -> None:
    """Keep the steps of N forecasts that lie exactly at a lead time; ``model`` names their release in this
    partition.
    """
    state = learned.columns
    for lead_s, start, room in zip(LEADS_S, STARTS, ROOM, strict=True):
        hit = made.steps.valid_at_ms == (made.issued_at_ms + lead_s * 1000)[:, None]
        rows = np.flatnonzero(hit.any(axis=1) & (made.issued_at_ms % cadence_ms(lead_s) == 0))
        if not rows.size:
            continue
        step = hit[rows].argmax(axis=1)
        row = learned.rows[rows]
        place = start + (made.issued_at_ms[rows] // cadence_ms(lead_s)) % room
        state["pending_issue_ms"][row, place] = made.issued_at_ms[rows]
        state["pending_share"][row, place] = made.shares[rows, step]
        state["pending_rung"][row, place] = made.rung[rows, step]
        state["pending_model"][row, place] = model


@dataclass(frozen=True)
class Due:
    """Forecasts of N plants for one time each, by lead time: what was published, where `found`."""

    found: Flags  # (N, leads)
    shares: F8  # (N, leads, K), of capacity
    rung: I8  # (N, leads)
    model: I8  # (N, leads)


def due(learned: Learned, valid_ms: I8) -> Due:
    """What was forecast of N plants for the intervals that end at ``valid_ms``, shape (N,)."""
    state, rows = learned.columns, learned.rows
    found = np.zeros((rows.size, len(LEADS_S)), np.bool_)
    places = np.zeros(found.shape, np.int64)
    for lead, (lead_s, start, room) in enumerate(zip(LEADS_S, STARTS, ROOM, strict=True)):
        issued = valid_ms - lead_s * 1000
        places[:, lead] = start + (issued // cadence_ms(lead_s)) % room
        found[:, lead] = (state["pending_issue_ms"][rows, places[:, lead]] == issued) & (
            issued % cadence_ms(lead_s) == 0
        )
    return Due(
        found=found,
        shares=state["pending_share"][rows[:, None], places] / GRID,
        rung=state["pending_rung"][rows[:, None], places].astype(np.int64),
        model=state["pending_model"][rows[:, None], places].astype(np.int64),
    )


def all_met(learned: Learned, clock_ms: I8) -> Flags:
    """Which of N plants wait for no actual any more at their clocks, shape (N,)."""
    newest = learned.columns["pending_issue_ms"][learned.rows].max(axis=1)
    return np.asarray(newest + LEADS_S[-1] * 1000 + WAIT_MS < clock_ms)
