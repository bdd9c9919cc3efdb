"""A plant that nothing was trained on: it forecasts at once, learns, and goes on when weather stays away."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from models import start_scale
from models.engine import Engine
from models.outputs import Outputs
from models.release import Base, Release, cold_start
from models.steps import EngineSettings
from producers.folder import Folder, read_folder
from producers.order import merge
from producers.ticks import issue_ticks
from schemas.forecasts import ForecastBlock
from schemas.records import WeatherRun
from schemas.rungs import Rung
from schemas.scores import records_of
from tests.forecast_world import WIND, runs, small_release
from tests.journals import MINUTE_MS, T0_MS, batches, plant, run, scan, tick
from tests.stream.test_bad_days import DAY_MIN, RELEASE, events, play, rungs, scans, ticks, weather

SAMPLES = Path(__file__).parents[2] / "samples"
FAR_MS = 2**50
DAY_MS = 86_400_000


def engine() -> Engine:
    return Engine(EngineSettings(), lambda _record: small_release())


def test_the_first_run_of_a_plant_is_answered_at_once() -> None:
    new = engine()
    new.apply(batches([plant("a"), run("a", 2.5)], [2])[0])
    now_ms = T0_MS + 3 * MINUTE_MS + 217
    assert new.due_ticks(now_ms) == [("a", now_ms)]
    assert new.due_ticks(now_ms + 1000) == [], "asked once, not each second"
    out = new.apply(batches([tick("a", (now_ms - T0_MS) / MINUTE_MS)], [1], first_offset=2)[0])
    (block,) = out.forecasts
    assert block.issued_at_ms[0] == now_ms
    assert (block.valid_at_ms[0] > now_ms).all()
    assert (block.valid_at_ms[0] % 900_000 == 0).all()
    assert (block.rung == Rung.PHYSICAL_START).all()
    assert block.run_source == ["test"]
    assert new.due_ticks(now_ms + 5 * MINUTE_MS) == []
    again = new.due_ticks(T0_MS + 16 * MINUTE_MS + 1)
    assert again == [("a", T0_MS + 15 * MINUTE_MS)], "then the usual order of issues"


def test_weather_that_is_back_after_an_outage_is_not_kept_waiting() -> None:
    new = engine()
    new.apply(
        batches([plant("a"), run("a", 0, hours=3), *(tick("a", m) for m in range(0, 241, 15))], [99])[0]
    )
    assert new.due_ticks(T0_MS + 241 * MINUTE_MS) == []
    new.apply(batches([run("a", 242)], [1], first_offset=99)[0])
    now_ms = T0_MS + 242 * MINUTE_MS + 500
    assert new.due_ticks(now_ms) == [("a", now_ms)]


def test_a_release_that_takes_over_is_heard_at_once() -> None:
    new = engine()
    new.apply(batches([plant("a"), run("a", 0), *(scan("a", m, 300.0) for m in range(0, 61, 15))], [99])[0])
    taken_up = replace(RELEASE, known_at_ms=T0_MS + 63 * MINUTE_MS)
    new.apply(batches([taken_up], [1], first_offset=99)[0])
    now_ms = T0_MS + 63 * MINUTE_MS + 2000
    assert new.due_ticks(now_ms) == [("a", now_ms)]
    assert new.due_ticks(now_ms + 2000) == []


def test_a_release_of_long_ago_asks_for_nothing() -> None:
    new = engine()
    new.apply(batches([plant("a"), RELEASE, run("a", 0), scan("a", 60, 300.0)], [99])[0])
    assert new.due_ticks(T0_MS + 63 * MINUTE_MS) == []


def test_a_run_whose_time_has_not_come_asks_for_nothing() -> None:
    new = engine()
    new.apply(batches([plant("a"), run("a", 5)], [2])[0])
    assert ("a", T0_MS + 3 * MINUTE_MS) not in new.due_ticks(T0_MS + 3 * MINUTE_MS)


def test_a_run_of_a_source_that_was_not_trained_on_goes_through_the_physical_start() -> None:
    known = weather(WIND, -15)
    other = replace(known, source="someone-else")
    archive = replace(known, source="made-up:archive")
    told = {
        run.source: play([WIND, RELEASE, run, *scans(WIND, 0, 120)])[-1].forecasts[-1]
        for run in (known, other, archive)
    }
    assert (told["made-up"].rung[-1][:20] == Rung.BOTH).all()
    assert (told["someone-else"].rung[-1][:20] == Rung.PHYSICAL_START).all()
    assert np.array_equal(told["made-up"].power_kw, told["made-up:archive"].power_kw), "the same family"
    widths = {source: band_width(block) for source, block in told.items()}
    assert widths["someone-else"] > widths["made-up"]


def band_width(block: ForecastBlock) -> float:
    low, high = (list(block.levels).index(level) for level in (0.1, 0.9))
    return float((block.power_kw[-1, :, high] - block.power_kw[-1, :, low]).mean())


def test_a_trained_forecast_gives_way_to_the_start_only_where_it_is_two_days_older() -> None:
    def last(later_min: int) -> np.ndarray:
        other = replace(weather(WIND, later_min, 96), source="someone-else")
        items = [WIND, RELEASE, weather(WIND, -15, 144), *ticks(WIND, 0, later_min), other]
        return rungs(play([*items, *ticks(WIND, later_min + 15, later_min + 60)]), WIND.plant_id)[-1]

    assert Rung.PHYSICAL_START not in last(DAY_MIN)
    assert set(last(2 * DAY_MIN + 30)) == {Rung.PHYSICAL_START}


def test_two_days_without_any_weather_are_seen_in_rungs_and_events_and_are_over_when_it_is_back() -> None:
    hour, out_from, out_to = 60, DAY_MIN, 3 * DAY_MIN
    hourly = [m for m in range(-15, 4 * DAY_MIN, hour) if not out_from <= m < out_to]
    items = [WIND, RELEASE]
    for minute in range(-15, 4 * DAY_MIN, 15):
        items += [weather(WIND, minute, 72)] if minute in hourly else []
        items += scans(WIND, minute, minute + 1) if minute >= 0 else []
    outs = play(items)
    by_issue = rungs(outs, WIND.plant_id)
    before, late, after = (by_issue[m // 15] for m in (out_from - 60, out_to - 60, out_to + 120))
    assert set(before) == {Rung.BOTH}
    assert set(late[:24]) == {Rung.BOTH}, "the old run still speaks of the next hours"
    assert set(late[-12:]) == {Rung.TELEMETRY_ONLY}
    assert set(after) == {Rung.BOTH}
    told = [phase for _, phase in events(outs, "weather_silent")]
    assert (told[0], told[-1], told.count("open")) == ("open", "close", 1)


def new_plant(name: str, factor: float, days: int) -> tuple[list[Outputs], Engine, Folder]:
    """A sample's plant with a capacity wrong by a factor, issued hourly without any release."""
    folder = read_folder(SAMPLES / name, FAR_MS)
    folder = replace(folder, plants=[replace(p, capacity_kw=p.capacity_kw * factor) for p in folder.plants])
    start_ms = -(-folder.first_known_ms() // DAY_MS) * DAY_MS
    stop_ms = start_ms + days * DAY_MS
    journal = merge(folder, issue_ticks(folder, 3600, start_ms, stop_ms))
    new = Engine(EngineSettings(issue_every_s=3600), lambda _record: small_release())
    new.apply(journal.standing(start_ms), speak=False)
    return [new.apply(batch) for batch in journal.between(start_ms, stop_ms)], new, folder


@pytest.mark.parametrize("name", ["la_haute_borne", "serf_east"])
def test_a_new_plant_has_bands_that_hold_and_gets_better(name: str) -> None:
    outs, _, folder = new_plant(name, 1.0, 21)
    capacity_kw = folder.plants[0].capacity_kw
    rows = [
        (score["valid_at"], inside, abs(actual - median) / capacity_kw)
        for out in outs
        for score in records_of(out.scores)
        for lead, inside, actual, median, high in zip(
            *(score[k] for k in ("lead_s", "inside", "actual_kw", "median_kw", "high_kw")), strict=True
        )
        if lead == 21_600 and (high > 0.01 * capacity_kw or actual > 0.01 * capacity_kw)
    ]
    coverage = float(np.mean([inside for _, inside, _ in rows]))
    assert 0.65 < coverage < 0.95, coverage
    assert np.mean([miss for *_, miss in rows]) < 0.13


@pytest.mark.parametrize("name", ["la_haute_borne", "serf_east"])
def test_a_capacity_twice_too_large_is_doubted_and_the_bands_come_down(name: str) -> None:
    outs, new, folder = new_plant(name, 2.0, 45)
    told = [event for out in outs for event in out.anomalies if event["detector"] == "capacity_doubt"]
    assert told, "nobody was warned"
    assert "is capacity_kw right?" in told[0]["message"]
    blocks = [block for out in outs for block in out.forecasts]
    true_kw = folder.plants[0].capacity_kw / 2.0
    highest = [float(block.power_kw[0, :, list(block.levels).index(0.9)].max()) for block in blocks]
    assert np.median(highest[-72:]) < 1.25 * true_kw
    assert new.plants


@pytest.mark.parametrize("name", ["la_haute_borne", "serf_east"])
def test_a_capacity_that_is_right_is_not_doubted(name: str) -> None:
    outs, _, _ = new_plant(name, 1.0, 45)
    assert not [event for out in outs for event in out.anomalies if event["detector"] == "capacity_doubt"]


def test_the_start_is_served_by_any_release_that_does_not_know_the_plant() -> None:
    release: Release = cold_start()
    known: WeatherRun = runs(WIND, 1)[0]
    hours_ms = known.valid_at_ms
    base: Base = release.base(WIND, known, hours_ms)
    assert base.physical.all()
    assert np.isfinite(base.q).all()


def test_a_scan_off_the_grid_issues_nothing_of_its_own() -> None:
    outs = [engine().apply(batch) for batch in batches([plant("a"), scan("a", 7.5, 100.0)], [2])]
    issued = [int(t) for out in outs for block in out.forecasts for t in block.issued_at_ms]
    assert issued == [T0_MS]


def test_a_source_that_is_asked_each_hour_does_not_fill_the_state() -> None:
    new = engine()
    hourly = [item for m in range(0, 4 * DAY_MIN, 60) for item in (run("a", m, hours=72), tick("a", m + 15))]
    for batch in batches([plant("a"), *hourly], [40]):
        new.apply(batch)
    outlook = new.fleet.outlooks[0]
    assert len(outlook.runs) <= 6
    assert outlook.usual_s == 3600.0, "what is let go is remembered as heard"
    again = new.apply(batches([run("a", 4 * DAY_MIN - 240, hours=72)], [1], first_offset=10_000)[0])
    assert again.counts["repeats"] == 1


def test_a_capacity_that_is_set_right_counts_at_once() -> None:
    """What was learned of the start is energy, so half the capacity is twice the share."""
    new = engine()
    strong = [run("a", m, hours=72, speed_ms=11.0) for m in range(0, 3 * DAY_MIN, DAY_MIN)]
    scans_of_it = [scan("a", float(m), 480.0) for m in range(0, 3 * DAY_MIN, 15)]
    first = [plant("a", capacity_kw=1000.0), *strong[:1], *scans_of_it]
    for batch in batches(first, [50]):
        new.apply(batch)
    slots = np.array([0])
    before = float(start_scale.scale(new.fleet, slots)[0])
    mended = plant("a", capacity_kw=500.0, valid_from_ms=T0_MS + 60 * MINUTE_MS, known_at_ms=T0_MS)
    new.apply(batches([mended], [1], first_offset=len(first))[0])
    after = float(start_scale.scale(new.fleet, slots)[0])
    assert before < 1.0 < after or after > 1.5 * before
