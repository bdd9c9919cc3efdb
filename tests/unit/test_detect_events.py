"""What an event looks like from its opening to its close."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from models.detect import events
from models.detect.view import CRITICAL, WARNING, Case, Findings, PlantView
from models.state import Field
from tests.plant_views import Story, blank_state, views

HOUR_MS = 3_600_000


@dataclass(frozen=True)
class Told:
    """A detector that says what it is told: 1 seen, 0 not seen, nan nothing to judge by."""

    says: tuple[float, ...]
    severity: int = WARNING
    worse_from: int = 10_000
    name: str = "told"
    fields: tuple[Field, ...] = ()
    per_unit: bool = False
    opens_after: int = 1
    closes_after: int = 2

    def look(self, view: PlantView) -> Findings:
        number = int((view.issued_at_ms[0] - FIRST_MS) // QUARTER_MS)
        said = np.array([self.says[number]])
        severity = CRITICAL if number >= self.worse_from else self.severity
        return Findings(
            active=said == 1,
            judged=np.isfinite(said),
            severity=np.array([severity], np.int8),
            expected_kw=np.array([100.0]),
            actual_kw=np.array([20.0]),
            evidence={"number": np.array([float(number)]), "unknown": np.array([np.nan])},
        )

    def describe(self, case: Case) -> str:
        return f"{case.who} is told so"


QUARTER_MS = 900_000
STORY = Story(np.full((1, 200), 50.0), np.array([200.0]), np.array([False]))
FIRST_MS = STORY.start_ms + QUARTER_MS


def run(detector: Told) -> list[dict[str, Any]]:
    state = blank_state(1, 1, events.fields_of(detector))
    said = len(detector.says)
    story = replace(STORY, power_kw=STORY.power_kw)
    told = []
    for number, view in enumerate(views(story, None, state)):
        if number < said:
            told += [event for _, event in events.step(detector, detector.look(view), view)]
    return told


def test_an_event_opens_updates_hourly_and_closes_after_two_clear_looks() -> None:
    told = run(Told((0, *[1] * 9, 0, 0, 0)))
    assert [e["phase"] for e in told] == ["open", "update", "update", "close"]
    assert [e["sequence"] for e in told] == [0, 1, 2, 3]
    assert {e["started_at"] for e in told} == {FIRST_MS + QUARTER_MS}
    assert [e["event_time"] - FIRST_MS for e in told] == [QUARTER_MS * n for n in (1, 5, 9, 11)]


def test_energy_is_what_was_missing_since_it_opened() -> None:
    told = run(Told((0, 1, 1, 1, 0, 0)))
    assert told[0]["energy_kwh"] == 20.0  # 80 kW for a quarter of an hour
    assert told[-1]["energy_kwh"] == 60.0


def test_one_clear_look_does_not_close() -> None:
    assert "close" not in [e["phase"] for e in run(Told((1, 1, 0, 1, 0, 1)))]


def test_a_look_that_cannot_judge_changes_nothing() -> None:
    nothing = float("nan")
    told = run(Told((1, nothing, nothing, nothing, 0, nothing, 0)))
    assert [e["phase"] for e in told] == ["open", "close"]
    assert told[-1]["event_time"] == FIRST_MS + 6 * QUARTER_MS


def test_a_patient_detector_opens_after_looks_in_a_row() -> None:
    told = run(Told((1, 0, 1, 1, 1), opens_after=3))
    assert [e["event_time"] - FIRST_MS for e in told] == [4 * QUARTER_MS]
    assert told[0]["energy_kwh"] == 60.0  # the looks that led to it are counted


def test_it_is_told_at_once_when_it_gets_worse() -> None:
    told = run(Told((1, 1, 1, 1), worse_from=2))
    assert [(e["phase"], e["severity"]) for e in told] == [("open", "warning"), ("update", "critical")]
    assert told[1]["event_time"] == FIRST_MS + 2 * QUARTER_MS


def test_a_long_event_is_told_ever_more_rarely() -> None:
    told = run(Told((1,) * 200))
    gaps = np.diff([e["event_time"] for e in told])
    assert gaps[0] == HOUR_MS
    assert gaps[-1] > 4 * HOUR_MS
    assert (np.diff(gaps) >= 0).all()


def test_a_second_event_starts_anew() -> None:
    told = run(Told((1, 0, 0, 1, 0, 0)))
    assert [(e["phase"], e["sequence"]) for e in told] == [("open", 0), ("close", 1)] * 2
    assert told[0]["started_at"] != told[2]["started_at"]
    assert told[2]["energy_kwh"] == 20.0


def test_a_record_says_it_in_one_plain_sentence() -> None:
    first, last = run(Told((1, 0, 0)))[0], run(Told((1, 0, 0)))[-1]
    assert first["message"] == "Plant plant-0 is told so; expected 100 kW, 20 kWh at stake"
    assert last["message"] == "Plant plant-0: told is over after 30 min; 20 kWh were at stake"
    assert first["evidence"] == {"number": 0.0}  # what is not known is left out
    assert (first["expected_kw"], first["actual_kw"], first["unit_id"]) == (100.0, 20.0, "")


def test_durations_are_readable() -> None:
    assert events.duration(25 * 60_000) == "25 min"
    assert events.duration(190 * 60_000) == "3 h 10 min"
    assert events.duration(4 * 86_400_000 + 5 * HOUR_MS) == "4 d 5 h"
