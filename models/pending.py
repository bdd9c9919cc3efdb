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
_LEADS_S: Final = np.array(LEADS_S)
_CADENCE_MS: Final = np.array([cadence_ms(lead) for lead in LEADS_S])
_ROOM: Final = np.array(ROOM)
_STARTS: Final = np.cumsum(_ROOM) - _ROOM


def fields(levels: int) -> tuple[Field, ...]:
    """Columns of the pending forecasts."""
    return (
        Field("pending_issue_ms", "i8", (sum(ROOM),), -1),
        Field("pending_share", "i2", (sum(ROOM), levels)),
        Field("pending_rung", "i1", (sum(ROOM),)),
        Field("pending_model", "i2", (sum(ROOM),)),
    )


def keep(learned: Learned, made: Made, model: int) -> None:
    """Keep the steps of N forecasts that lie exactly at a lead time; ``model`` is the place of their release
    in `Fleet.models`.
    """
    state, steps = learned.columns, made.steps
    _, first, alike = np.unique(made.issued_at_ms, return_index=True, return_inverse=True)
    lead_s = (steps.valid_at_ms[first] - made.issued_at_ms[first, None]) // 1000
    hit = lead_s[:, None] == _LEADS_S[:, None]  # (times, leads, S): plants issued at one time have one set
    kept = hit.any(axis=2)[alike] & (made.issued_at_ms[:, None] % _CADENCE_MS == 0)
    row, lead = np.nonzero(kept)
    step = hit.argmax(axis=2)[alike[row], lead]
    issued_ms = made.issued_at_ms[row]
    place = learned.rows[row], _place(issued_ms, lead)
    state["pending_issue_ms"][place] = issued_ms
    state["pending_share"][place] = made.shares[row, step]
    state["pending_rung"][place] = made.rung[row, step]
    state["pending_model"][place] = model


def _place(issued_ms: I8, lead: I8) -> I8:
    """Where a forecast issued at a time is kept for one of the lead times."""
    return np.asarray(_STARTS[lead] + issued_ms // _CADENCE_MS[lead] % _ROOM[lead])


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
    issued_ms = valid_ms[:, None] - _LEADS_S * 1000
    places = _place(issued_ms, np.arange(len(LEADS_S)))
    found = (state["pending_issue_ms"][rows[:, None], places] == issued_ms) & (issued_ms % _CADENCE_MS == 0)
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
