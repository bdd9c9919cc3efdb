"""A training sample is what the engine would have shown the model at that issue."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np
import pytest

from models.engine import Engine
from models.forecast.base import CorrectionInput, Floats
from models.forecast.closed_form import ClosedForm
from models.release import Release
from models.steps import EngineSettings, steps_of
from models.training import rows as run_rows
from models.training import samples, weather
from models.training.lesson import lesson_of
from models.training.samples import Teller
from models.training.train import train
from schemas.journal import JournalBatch, TelemetryColumns
from schemas.records import AreaPoint, PlantVersion, ReleaseRecord, ReleaseRole
from tests.forecast_world import (
    HOUR_MS,
    SOLAR,
    START_MS,
    WIND,
    history,
    runs,
    small_config,
    small_release,
    telemetry,
)

DAYS = 3


@dataclass(frozen=True)
class Listening(ClosedForm):
    """A closed form that remembers what it was shown."""

    heard: tuple[list[CorrectionInput], ...] = ([],)

    def correct(self, x: CorrectionInput) -> Floats:
        self.heard[0].append(x)
        return super().correct(x)


def served(plant: PlantVersion, release: Release) -> dict[int, CorrectionInput]:
    """What the engine shows its correction, by issue."""
    ear = Listening(release.closed_form.weights, release.closed_form.spread, ([],))
    record = ReleaseRecord("gridcast", "1", 0, 0, ReleaseRole.CHAMPION, "00", 1)
    machine = Engine(EngineSettings(), lambda _: replace(release, closed_form=ear, correction=None))
    controls = [plant, record, *runs(plant, DAYS)]
    journal = [(i, control) for i, control in enumerate(controls)]
    machine.apply(
        JournalBatch(
            "plant.telemetry", 0, TelemetryColumns.empty(), journal, [], len(controls) - 1, -1, len(controls)
        )
    )
    rows = telemetry(plant, DAYS)
    rows = replace(rows, offset=rows.offset + len(controls))
    heard = {}
    for i in range(len(rows)):
        one = rows.take(np.array([i]))
        machine.apply(
            JournalBatch("plant.telemetry", 0, one, [], [], int(one.offset[0]), int(one.known_at_ms[0]), 1)
        )
        if ear.heard[0]:
            heard[int(one.event_time_ms[0])] = ear.heard[0].pop()
            ear.heard[0].clear()
    return heard


@pytest.mark.parametrize("plant", [WIND, SOLAR], ids=lambda p: p.plant_id)
def test_a_training_sample_is_what_the_engine_shows(plant: PlantVersion) -> None:
    release = small_release()
    heard = served(plant, release)
    known = replace(history(plant, DAYS), plant=release.completed(plant))
    model = release.weather[plant.plant_id]
    rows = run_rows.rows_of(known)
    lesson = lesson_of([rows], plant.kind == "solar")
    said = weather.say(model, rows, lesson, np.ones(len(rows.run), np.bool_))
    table = samples.table_of(rows.published_ms, rows.run, rows.hours_ms, said)
    teller = Teller(known, release.climatology, table)
    issued = np.array([t for t in heard if t >= START_MS + 30 * 3_600_000], np.int64)
    assert len(issued) > 50
    steps = steps_of(issued, plant.resolution_s, EngineSettings())
    told = teller.tell(issued, steps.valid_at_ms, steps.interval_s, np.zeros(len(issued), np.int64)).x
    for i, time in enumerate(issued):
        for f in fields(CorrectionInput):
            theirs, ours = getattr(heard[int(time)], f.name), getattr(told, f.name)
            if f.name == "plant_ids":
                assert theirs == [plant.plant_id]
            else:
                np.testing.assert_allclose(theirs[0], ours[i], atol=2e-6, err_msg=f"{f.name} at {time}")


def test_a_release_trained_on_an_archive_sees_a_live_run_as_it_learned() -> None:
    """The archive has two heights and no area; live runs have more of both."""
    past = history(WIND)
    archive = [replace(run, source="made-up:archive") for run in past.runs]
    release = train([replace(past, runs=archive)], small_config(), lambda _stage, _part: None)
    run = past.runs[-1]
    more = {**run.columns, "wind_speed_10m_ms": run.columns["wind_speed_100m_ms"] * 0.7}
    point = AreaPoint("n", 48.0, 5.0, {"wind_speed_100m_ms": run.columns["wind_speed_100m_ms"]})
    live = replace(run, source="made-up", columns=more, points=(point,))
    hours_ms = run.valid_at_ms[run.valid_at_ms % HOUR_MS == 0]
    as_learned, as_live = (release.base(WIND, one, hours_ms) for one in (run, live))
    assert not as_live.physical.any()
    assert np.array_equal(as_learned.q, as_live.q)
    assert release.manifest["hindsight"] is True
    assert release.manifest["plants"][WIND.plant_id]["weather_sources"] == ["made-up:archive"]
