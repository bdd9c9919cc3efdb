"""Each forecast meets its actual: scores of champions and shadows, and what the bands of each learn of them.

An actual counts when the plant's clock is an hour past it, so that late scans are in it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from models import calibration, coverage, pending
from models.fleet import Fleet, means_at
from models.pending import CADENCE_MS, WAIT_MS, Due
from models.score import pinball
from models.sides import Learned
from models.state import Field
from models.steps import LEADS_S
from schemas.scores import ScoreBlock

I8 = NDArray[np.int64]
F8 = NDArray[np.float64]

ERRORS_KEPT_H: Final = 720
FIELDS: Final = (
    Field("error_hour", "i4", (ERRORS_KEPT_H,), -1),
    Field("error_share", "f4", (ERRORS_KEPT_H,), np.nan),
    Field("unclean_ms", "i8", (), -1),
)


@dataclass(frozen=True)
class _Met:
    """Due forecasts of N plants with what came, NaN where nothing did, (N, leads)."""

    slots: I8
    due: Due
    actual_kw: F8
    actual: F8  # the same in shares of capacity
    taught: F8  # the same where it was the weather's doing


def mature(fleet: Fleet, slots: I8, issued_at_ms: I8, known_at_ms: I8) -> list[ScoreBlock]:
    """Score what has come of age between the previous issue and this one; teach the bands. In a record the
    entries of a plant's champion stand before those of its shadow.
    """
    every_ms = fleet.state["every_s"][slots] * 1000
    scores = []
    for back in range(max(int(every_ms.max(initial=0)) // CADENCE_MS, 1) - 1, -1, -1):
        valid = issued_at_ms - WAIT_MS - back * CADENCE_MS
        rows = np.flatnonzero((back * CADENCE_MS < every_ms) & (valid % CADENCE_MS == 0))
        if rows.size:
            scores.append(_mature_at(fleet, slots[rows], valid[rows], known_at_ms[rows]))
    return [block for block in scores if len(block)]


def _mature_at(fleet: Fleet, slots: I8, valid: I8, known: I8) -> ScoreBlock:
    learned = Learned(fleet.state, slots)
    met = _meet(fleet, slots, valid, pending.due(learned, valid))
    _teach(fleet, learned, met)
    _note_errors(fleet, valid, met)
    coverage.note(fleet, slots, valid, met.due, met.actual)
    sides = [_scored(fleet, met, np.arange(slots.size))]
    beside = fleet.shadows.learned(slots)
    if beside is not None:
        places, theirs = beside
        met = _meet(fleet, slots[places], valid[places], pending.due(theirs, valid[places]))
        _teach(fleet, theirs, met)
        sides.append(_scored(fleet, met, places))
    return _block(fleet, slots, valid, known, sides)


def _meet(fleet: Fleet, slots: I8, valid: I8, due: Due) -> _Met:
    state = fleet.state
    actual_kw = np.full(due.found.shape, np.nan)
    for fine in (True, False):  # two lengths of step at most
        leads = [i for i, lead_s in enumerate(LEADS_S) if (lead_s <= fleet.settings.fine_until_s) == fine]
        found = due.found[:, leads]
        if found.any():
            length_s = fleet.settings.interval_at(LEADS_S[leads[0]], state["resolution_s"][slots])
            came_kw = means_at(fleet, slots, valid, length_s)
            actual_kw[:, leads] = np.where(found, came_kw[:, None], np.nan)
    actual = actual_kw / state["capacity_kw"][slots][:, None]
    clean = state["unclean_ms"][slots] < valid
    return _Met(slots, due, actual_kw, actual, np.where(due.found & clean[:, None], actual, np.nan))


def _teach(fleet: Fleet, learned: Learned, met: _Met) -> None:
    """Not a blind engine's bands: no actual reaches those."""
    if not fleet.settings.blind:
        low, high = (met.due.shares[..., fleet.settings.level(p)] for p in (0.1, 0.9))
        calibration.learn(learned.columns, learned.rows, met.due.rung, met.taught, low, high)


def _note_errors(fleet: Fleet, valid: I8, met: _Met) -> None:
    """Errors of the 1 h forecast of whole hours, in shares of capacity, for the drift tests."""
    one_hour = LEADS_S.index(3600)
    error = met.taught[:, one_hour] - met.due.shares[:, one_hour, fleet.settings.level(0.5)]
    rows = np.flatnonzero(np.isfinite(error) & (valid % 3_600_000 == 0))
    hour = valid[rows] // 3_600_000
    fleet.state["error_hour"][met.slots[rows], hour % ERRORS_KEPT_H] = hour
    fleet.state["error_share"][met.slots[rows], hour % ERRORS_KEPT_H] = error[rows]


@dataclass(frozen=True)
class _Scored:
    """What was scored of one side, M entries: whose (place among the plants of the issue), and what."""

    place: I8
    lead: I8
    release: I8
    rung: I8
    actual_kw: F8
    quantiles: F8  # (M, 3), shares of capacity at 0.1, 0.5 and 0.9
    loss: F8  # in shares of capacity


def _scored(fleet: Fleet, met: _Met, places: I8) -> _Scored:
    settings, due = fleet.settings, met.due
    at = np.nonzero(due.found & np.isfinite(met.actual))
    shares = due.shares[at]
    loss = pinball(met.actual[at][:, None], shares, np.asarray(settings.levels)).mean(axis=-1)
    quantiles = shares[:, [settings.level(p) for p in (0.1, 0.5, 0.9)]]
    return _Scored(
        places[at[0]], at[1], due.model[at], due.rung[at], met.actual_kw[at], quantiles, np.asarray(loss)
    )


def _block(fleet: Fleet, slots: I8, valid: I8, known: I8, sides: list[_Scored]) -> ScoreBlock:
    """A record for each plant of which anything was scored."""
    place = np.concatenate([side.place for side in sides])
    order = np.argsort(place, kind="stable")

    def column(name: str) -> NDArray[Any]:
        return np.concatenate([getattr(side, name) for side in sides])[order]

    entry = place[order]
    rows, count = np.unique(entry, return_counts=True)
    capacity = fleet.state["capacity_kw"][slots]
    actual_kw, lead_s = column("actual_kw"), np.array(LEADS_S)[column("lead")]
    low_kw, median_kw, high_kw = (column("quantiles") * capacity[entry, None]).T
    return ScoreBlock(
        plant_id=[fleet.ids[slot] for slot in slots[rows].tolist()],
        valid_at=valid[rows],
        known_at=known[rows],
        capacity_kw=capacity[rows],
        count=count,
        releases=list(fleet.models),
        release=column("release"),
        lead_s=lead_s,
        issued_at=valid[entry] - lead_s * 1000,
        rung=column("rung"),
        actual_kw=actual_kw,
        median_kw=median_kw,
        pinball_kw=column("loss") * capacity[entry],
        low_kw=low_kw,
        high_kw=high_kw,
        inside=(actual_kw >= low_kw) & (actual_kw <= high_kw),
    )
