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
from models.shadows import Shadows
from models.sides import Learned
from models.state import Field
from models.steps import LEADS_S

I8 = NDArray[np.int64]
F8 = NDArray[np.float64]
Names = list[tuple[str, ...]]

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


def mature(
    fleet: Fleet, shadows: Shadows, slots: I8, issued_at_ms: I8, known_at_ms: I8, models: Names
) -> list[dict[str, Any]]:
    """Score what has come of age between the previous issue and this one; teach the bands. Avro-shaped
    scores: the entries of a plant's champion, then those of its shadow.
    """
    every_ms = fleet.state["every_s"][slots] * 1000
    scores: list[dict[str, Any]] = []
    for back in range(max(int(every_ms.max(initial=0)) // CADENCE_MS, 1) - 1, -1, -1):
        valid = issued_at_ms - WAIT_MS - back * CADENCE_MS
        rows = np.flatnonzero((back * CADENCE_MS < every_ms) & (valid % CADENCE_MS == 0))
        if rows.size:
            scores += _mature_at(fleet, shadows, slots[rows], valid[rows], known_at_ms[rows], models)
    return scores


def _mature_at(
    fleet: Fleet, shadows: Shadows, slots: I8, valid: I8, known: I8, models: Names
) -> list[dict[str, Any]]:
    learned = Learned(fleet.state, slots)
    met = _meet(fleet, slots, valid, pending.due(learned, valid))
    _teach(fleet, learned, met)
    _note_errors(fleet, valid, met)
    coverage.note(fleet, slots, valid, met.due, met.actual)
    records = _records(fleet, met, valid, known, models)
    beside = shadows.learned(slots)
    if beside is not None:
        places, theirs = beside
        met = _meet(fleet, slots[places], valid[places], pending.due(theirs, valid[places]))
        _teach(fleet, theirs, met)
        _join(records, _records(fleet, met, valid[places], known[places], models))
    return list(records.values())


def _meet(fleet: Fleet, slots: I8, valid: I8, due: Due) -> _Met:
    state = fleet.state
    actual_kw = np.full(due.found.shape, np.nan)
    for lead, lead_s in enumerate(LEADS_S):
        found = due.found[:, lead]
        if found.any():
            length = np.array(
                [fleet.settings.interval_at(lead_s, int(r)) for r in state["resolution_s"][slots]]
            )
            actual_kw[:, lead] = np.where(found, means_at(fleet, slots, valid, length), np.nan)
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


def _records(fleet: Fleet, met: _Met, valid: I8, known: I8, models: Names) -> dict[int, dict[str, Any]]:
    """By slot, what was scored."""
    state, settings, due = fleet.state, fleet.settings, met.due
    low, median, high = (settings.level(p) for p in (0.1, 0.5, 0.9))
    scored = due.found & np.isfinite(met.actual)
    loss = pinball(met.actual[..., None], due.shares, np.asarray(settings.levels)).mean(axis=-1)
    records = {}
    for row in np.flatnonzero(scored.any(axis=1)):
        slot, leads = int(met.slots[row]), np.flatnonzero(scored[row])
        capacity = float(state["capacity_kw"][slot])
        kw, actual = due.shares[row, leads] * capacity, met.actual_kw[row, leads]
        names = [models[m] for m in due.model[row, leads]]
        records[slot] = {
            "plant_id": fleet.ids[slot],
            "valid_at": int(valid[row]),
            "known_at": int(known[row]),
            "capacity_kw": capacity,
            "lead_s": [LEADS_S[i] for i in leads],
            "issued_at": [int(valid[row]) - LEADS_S[i] * 1000 for i in leads],
            "model": [name for name, *_ in names],
            "version": [version for *_, version in names],
            "rung": due.rung[row, leads].tolist(),
            "actual_kw": actual.tolist(),
            "median_kw": kw[:, median].tolist(),
            "pinball_kw": (loss[row, leads] * capacity).tolist(),
            "low_kw": kw[:, low].tolist(),
            "high_kw": kw[:, high].tolist(),
            "inside": ((actual >= kw[:, low]) & (actual <= kw[:, high])).tolist(),
        }
    return records


def _join(records: dict[int, dict[str, Any]], more: dict[int, dict[str, Any]]) -> None:
    """Put the entries of shadows behind those of champions."""
    for slot, record in more.items():
        known = records.setdefault(slot, record)
        if known is not record:
            for name, values in record.items():
                if isinstance(values, list):
                    known[name] += values
