"""Each forecast meets its actual: pending forecasts at eight lead times, scores, and what the bands learn of
them.

An actual counts when the plant's clock is an hour past it, so that late scans are in it. What is learned from
is what was published, rounding included: a replay that starts from a checkpoint then learns the same.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from models import calibration
from models.fleet import Fleet, means_at
from models.forecast.limits import GRID
from models.issue import Made
from models.score import pinball
from models.state import Field
from models.steps import LEADS_S

I8 = NDArray[np.int64]
F8 = NDArray[np.float64]

WAIT_MS: Final = 3_600_000
CADENCE_MS: Final = 900_000
ERRORS_KEPT_H: Final = 720


def cadence_ms(lead_s: int) -> int:
    """How often a forecast of this lead time is kept for its actual."""
    return CADENCE_MS if lead_s <= 21_600 else 3_600_000


def _room(lead_s: int) -> int:
    return (lead_s * 1000 + WAIT_MS) // cadence_ms(lead_s) + 2


ROOM: Final = tuple(_room(lead) for lead in LEADS_S)
STARTS: Final = tuple(int(n) for n in np.cumsum((0, *ROOM[:-1])))


def fields(levels: int) -> tuple[Field, ...]:
    """Columns of the pending forecasts and of the errors that the drift tests look at."""
    return (
        Field("pending_issue_ms", "i8", (sum(ROOM),), -1),
        Field("pending_share", "i2", (sum(ROOM), levels)),
        Field("pending_rung", "i1", (sum(ROOM),)),
        Field("pending_model", "i2", (sum(ROOM),)),
        Field("error_hour", "i4", (ERRORS_KEPT_H,), -1),
        Field("error_share", "f4", (ERRORS_KEPT_H,), np.nan),
        Field("unclean_ms", "i8", (), -1),
    )


def keep(fleet: Fleet, made: Made, model: int) -> None:
    """Keep the steps of a forecast that lie exactly at a lead time; ``model`` names its release in this
    partition.
    """
    state = fleet.state
    for lead_s, start, room in zip(LEADS_S, STARTS, ROOM, strict=True):
        hit = made.steps.valid_at_ms == (made.issued_at_ms + lead_s * 1000)[:, None]
        rows = np.flatnonzero(hit.any(axis=1) & (made.issued_at_ms % cadence_ms(lead_s) == 0))
        if not rows.size:
            continue
        step = hit[rows].argmax(axis=1)
        slot = made.slots[rows]
        place = start + (made.issued_at_ms[rows] // cadence_ms(lead_s)) % room
        state["pending_issue_ms"][slot, place] = made.issued_at_ms[rows]
        state["pending_share"][slot, place] = made.shares[rows, step]
        state["pending_rung"][slot, place] = made.rung[rows, step]
        state["pending_model"][slot, place] = model


def mature(
    fleet: Fleet, slots: I8, issued_at_ms: I8, known_at_ms: I8, models: list[tuple[str, ...]]
) -> list[dict[str, Any]]:
    """Score what has come of age between the previous issue and this one; teach the bands. Avro-shaped
    scores.
    """
    every_ms = fleet.state["every_s"][slots] * 1000
    scores: list[dict[str, Any]] = []
    for back in range(max(int(every_ms.max(initial=0)) // CADENCE_MS, 1) - 1, -1, -1):
        valid = issued_at_ms - WAIT_MS - back * CADENCE_MS
        rows = np.flatnonzero((back * CADENCE_MS < every_ms) & (valid % CADENCE_MS == 0))
        if rows.size:
            scores += _mature_at(fleet, slots[rows], valid[rows], known_at_ms[rows], models)
    return scores


def _mature_at(
    fleet: Fleet, slots: I8, valid: I8, known: I8, models: list[tuple[str, ...]]
) -> list[dict[str, Any]]:
    state, levels = fleet.state, fleet.settings.levels
    capacity = state["capacity_kw"][slots]
    clean = state["unclean_ms"][slots] < valid
    found = np.zeros((slots.size, len(LEADS_S)), np.bool_)
    places = np.zeros(found.shape, np.int64)
    actual = np.full(found.shape, np.nan)
    for lead, (lead_s, start, room) in enumerate(zip(LEADS_S, STARTS, ROOM, strict=True)):
        issued = valid - lead_s * 1000
        places[:, lead] = start + (issued // cadence_ms(lead_s)) % room
        found[:, lead] = (state["pending_issue_ms"][slots, places[:, lead]] == issued) & (
            issued % cadence_ms(lead_s) == 0
        )
        if found[:, lead].any():
            length = np.array(
                [fleet.settings.interval_at(lead_s, int(r)) for r in state["resolution_s"][slots]]
            )
            actual[:, lead] = np.where(found[:, lead], means_at(fleet, slots, valid, length), np.nan)
    shares = state["pending_share"][slots[:, None], places] / GRID
    rung = state["pending_rung"][slots[:, None], places].astype(np.int64)
    y = actual / capacity[:, None]
    low, high = shares[..., fleet.settings.level(0.1)], shares[..., fleet.settings.level(0.9)]
    taught = np.where(found & clean[:, None], y, np.nan)
    if not fleet.settings.blind:
        calibration.learn(state, slots, rung, taught, low, high)
    _note_errors(fleet, slots, valid, taught, shares)
    loss = pinball(y[..., None], shares, np.asarray(levels)).mean(axis=-1)
    return _records(
        fleet, slots, valid, known, models, found & np.isfinite(actual), places, actual, shares, loss
    )


def _note_errors(fleet: Fleet, slots: I8, valid: I8, taught: F8, shares: F8) -> None:
    """Errors of the 1 h forecast of whole hours, in shares of capacity, for the drift tests."""
    one_hour = LEADS_S.index(3600)
    error = taught[:, one_hour] - shares[:, one_hour, fleet.settings.level(0.5)]
    rows = np.flatnonzero(np.isfinite(error) & (valid % 3_600_000 == 0))
    hour = valid[rows] // 3_600_000
    fleet.state["error_hour"][slots[rows], hour % ERRORS_KEPT_H] = hour
    fleet.state["error_share"][slots[rows], hour % ERRORS_KEPT_H] = error[rows]


def _records(
    fleet: Fleet,
    slots: I8,
    valid: I8,
    known: I8,
    models: list[tuple[str, ...]],
    scored: NDArray[np.bool_],
    places: I8,
    actual: F8,
    shares: F8,
    loss: F8,
) -> list[dict[str, Any]]:
    state, settings = fleet.state, fleet.settings
    low, median, high = (settings.level(p) for p in (0.1, 0.5, 0.9))
    records = []
    for row in np.flatnonzero(scored.any(axis=1)):
        slot, leads = slots[row], np.flatnonzero(scored[row])
        kw, capacity = shares[row, leads] * state["capacity_kw"][slot], float(state["capacity_kw"][slot])
        names = [models[m] for m in state["pending_model"][slot, places[row, leads]]]
        records.append(
            {
                "plant_id": fleet.ids[slot],
                "valid_at": int(valid[row]),
                "known_at": int(known[row]),
                "capacity_kw": capacity,
                "lead_s": [LEADS_S[i] for i in leads],
                "issued_at": [int(valid[row]) - LEADS_S[i] * 1000 for i in leads],
                "model": [name for name, *_ in names],
                "version": [version for *_, version in names],
                "rung": state["pending_rung"][slot, places[row, leads]].tolist(),
                "actual_kw": actual[row, leads].tolist(),
                "median_kw": kw[:, median].tolist(),
                "pinball_kw": (loss[row, leads] * capacity).tolist(),
                "low_kw": kw[:, low].tolist(),
                "high_kw": kw[:, high].tolist(),
                "inside": ((actual[row, leads] >= kw[:, low]) & (actual[row, leads] <= kw[:, high])).tolist(),
            }
        )
    return records
