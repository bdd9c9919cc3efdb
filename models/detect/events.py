"""Events: open, update, close, over arrays of the state.

An event is (plant, unit, detector, started_at); its records are numbered from 0 (open) on, the last one
closes it. It opens after `opens_after` looks that saw the fault, closes after `closes_after` looks that did
not; a look that could not judge changes nothing. While it is open it is told again at once when it gets
worse, else every hour, and ever more rarely: after an eighth of the time for which it has been open, up to a
day.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from models.detect.view import F8, Bools, Case, Detector, Findings, PlantView
from models.state import Field

Event = dict[str, Any]
#: Row of the plant in the view, and a record of `plant.anomalies`.
Told = tuple[int, Event]

SEVERITIES: Final = ("info", "warning", "critical")
SHORTEST_PAUSE_MS: Final = 3_600_000
LONGEST_PAUSE_MS: Final = 86_400_000
PAUSE_SHARE: Final = 8
MOST_LOOKS: Final = 30_000
_COLUMNS: Final = (
    ("opened_ms", "int64", -1),
    ("told_ms", "int64", -1),
    ("sequence", "int32", 0),
    ("energy_kwh", "float64", 0),
    ("seen", "int16", 0),
    ("clear", "int16", 0),
    ("severity", "int8", 0),
)


def fields_of(detector: Detector) -> tuple[Field, ...]:
    """The event columns of a detector: one value a plant, or one a unit."""
    shape: tuple[str, ...] = ("U",) if detector.per_unit else ()
    return tuple(Field(f"{detector.name}.{name}", dtype, shape, fill) for name, dtype, fill in _COLUMNS)


def step(detector: Detector, findings: Findings, view: PlantView) -> list[Told]:
    """Move the detector's events by one look.

    :returns: in the order of plants and units
    """
    active, judged = findings.active & findings.judged, findings.judged
    was_open = view.is_open(detector.name)
    if not (active.any() or was_open.any() or view.state[f"{detector.name}.seen"].any()):
        return []
    book = _Book(detector, view)
    book.count(active, judged, was_open)
    seen, clear = book["seen"], book["clear"]
    opens = ~was_open & active & (seen >= detector.opens_after)
    closes = was_open & judged & (clear >= detector.closes_after)
    book.gather_energy(findings, active, was_open)
    updates = book.due(findings, was_open & active)
    book.open(opens)
    records = book.tell(findings, opens, updates, closes)
    book.close(closes)
    return records


class _Book:
    """The event columns of one detector, with issue times broadcast to their shape."""

    def __init__(self, detector: Detector, view: PlantView) -> None:
        self.detector = detector
        self.view = view
        self.now_ms = self._spread(view.issued_at_ms)

    def __getitem__(self, column: str) -> NDArray[Any]:
        return self.view.state[f"{self.detector.name}.{column}"]

    def _spread(self, values: NDArray[Any]) -> NDArray[Any]:
        return np.broadcast_to(values[:, None] if self.detector.per_unit else values, self["opened_ms"].shape)

    def count(self, active: Bools, judged: Bools, was_open: Bools) -> None:
        """Looks in a row that saw the fault, and, while an event is open, that did not."""
        seen, clear = self["seen"], self["clear"]
        seen[...] = np.where(judged, np.where(active, np.minimum(seen, MOST_LOOKS) + 1, 0), seen)
        missed = judged & was_open & ~active
        clear[...] = np.where(missed, np.minimum(clear, MOST_LOOKS) + 1, np.where(judged, 0, clear))

    def gather_energy(self, findings: Findings, active: Bools, was_open: Bools) -> None:
        """Add what this look's new intervals fell short; a run of looks that opened nothing starts anew."""
        short_kw = np.nan_to_num(np.maximum(findings.expected_kw - findings.actual_kw, 0.0), nan=0.0)
        gained = np.where(active, short_kw * self._spread(self.view.new_hours), 0.0)
        kept = was_open | active | ~findings.judged
        self["energy_kwh"][...] = np.where(kept, self["energy_kwh"], 0.0) + gained

    def due(self, findings: Findings, going_on: Bools) -> Bools:
        open_for_ms = self.now_ms - self["opened_ms"]
        pause_ms = np.clip(open_for_ms // PAUSE_SHARE, SHORTEST_PAUSE_MS, LONGEST_PAUSE_MS)
        worse: Bools = findings.severity > self["severity"]
        late: Bools = self.now_ms - self["told_ms"] >= pause_ms
        return going_on & (worse | late)

    def open(self, opens: Bools) -> None:
        self["opened_ms"][opens] = self.now_ms[opens]
        self["sequence"][opens] = -1

    def close(self, closes: Bools) -> None:
        for name, _, blank in _COLUMNS:
            self[name][closes] = blank

    def tell(self, findings: Findings, opens: Bools, updates: Bools, closes: Bools) -> list[Told]:
        told = opens | updates | closes
        self["sequence"][told] += 1
        self["told_ms"][told] = self.now_ms[told]
        worse_or_due = opens | updates
        self["severity"][worse_or_due] = findings.severity[worse_or_due]
        phases = np.where(opens, 0, np.where(closes, 2, 1))
        return [
            (int(at[0]), self._record(tuple(at), int(phases[tuple(at)]), findings))
            for at in np.argwhere(told)
        ]

    def _record(self, at: tuple[Any, ...], phase: int, findings: Findings) -> Event:
        view, row = self.view, int(at[0])
        case = Case(
            plant_id=view.plant_ids[row],
            unit_id=view.unit_ids[row][int(at[1])] if self.detector.per_unit else "",
            capacity_kw=float(view.capacity_kw[row]),
            expected_kw=float(findings.expected_kw[at]),
            actual_kw=float(findings.actual_kw[at]),
            energy_kwh=round(float(self["energy_kwh"][at]), 3),
            evidence=_numbers(findings.evidence, at),
        )
        started_ms, now_ms = int(self["opened_ms"][at]), int(self.now_ms[at])
        return {
            "plant_id": case.plant_id,
            "unit_id": case.unit_id,
            "detector": self.detector.name,
            "started_at": started_ms,
            "sequence": int(self["sequence"][at]),
            "phase": ("open", "update", "close")[phase],
            "event_time": now_ms,
            "known_at": int(view.known_at_ms[row]),
            "severity": SEVERITIES[int(self["severity"][at])],
            "expected_kw": _number(case.expected_kw),
            "actual_kw": _number(case.actual_kw),
            "energy_kwh": case.energy_kwh,
            "evidence": dict(case.evidence),
            "message": self._message(case, phase, now_ms - started_ms),
        }

    def _message(self, case: Case, phase: int, lasted_ms: int) -> str:
        if phase == 2:
            lost = f"; {case.energy_kwh:,.0f} kWh were at stake" if case.energy_kwh >= 1 else ""
            noun = self.detector.name.replace("_", " ")
            return f"{case.who}: {noun} is over after {duration(lasted_ms)}{lost}"
        text = self.detector.describe(case)
        if np.isfinite(case.expected_kw):
            text += f"; expected {case.expected_kw:,.0f} kW"
        if case.energy_kwh >= 1:
            text += f", {case.energy_kwh:,.0f} kWh at stake"
        return text


def _numbers(evidence: Mapping[str, F8], at: tuple[Any, ...]) -> dict[str, float]:
    """Finite evidence only: an Avro map of doubles has no way to say that a number is missing."""
    values = {name: float(numbers[at]) for name, numbers in evidence.items()}
    return {name: round(value, 3) for name, value in values.items() if np.isfinite(value)}


def _number(value: float) -> float | None:
    return round(value, 3) if np.isfinite(value) else None


def duration(ms: int) -> str:
    """A duration in plain words: ``25 min``, ``3 h 10 min``, ``12 d 4 h``."""
    minutes = ms // 60_000
    if minutes < 60:
        return f"{minutes} min"
    if minutes < 2880:
        return f"{minutes // 60} h {minutes % 60} min"
    return f"{minutes // 1440} d {minutes % 1440 // 60} h"
