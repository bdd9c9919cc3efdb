"""References see what the forecast sees, and nothing more."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from benchmarks.references import blind_lightgbm, climatology, direct_lightgbm, naive
from benchmarks.references.features import features
from benchmarks.references.known import Known, known_plants
from producers.folder import Folder
from tests.unit.benchmarks.worlds import DAY_MS, HOUR_MS, START_MS, folder, run, windy_days

QUICK = direct_lightgbm.Settings(trees=20)
LEVELS = (0.1, 0.5, 0.9)
DAYS = 40
UNTIL = START_MS + 30 * DAY_MS
ISSUES = UNTIL + np.arange(0, 5 * 24, 3) * HOUR_MS


def world() -> Folder:
    power, runs = windy_days(DAYS)
    return folder({"a": power}, runs)


def known(of: Folder, step_s: int = 3600) -> Known:
    return known_plants(of, step_s)["a"]


def changed(of: Folder, after_ms: int) -> Folder:
    """The same folder, but all that became known after a time is another."""
    rows = of.telemetry
    power = np.where(rows.known_at_ms > after_ms, 500.0, rows.numbers["power_kw"])
    later = [
        dataclasses.replace(r, columns={"wind_speed_100m_ms": r.columns["wind_speed_100m_ms"] * 0 + 3})
        if r.published_at_ms > after_ms
        else r
        for r in of.runs
    ]
    return dataclasses.replace(
        of, telemetry=dataclasses.replace(rows, numbers={"power_kw": power}), runs=later
    )


@pytest.mark.parametrize("lead_h", [1, 6, 24])
def test_features_of_an_issue_do_not_change_with_what_is_known_later(lead_h: int) -> None:
    made = world()
    for issued_ms in ISSUES[::7]:
        issue = np.array([issued_ms])
        names, before = features(known(made), issue, lead_h * HOUR_MS)
        again, after = features(known(changed(made, int(issued_ms))), issue, lead_h * HOUR_MS)
        assert names == again
        np.testing.assert_array_equal(before, after)


def test_direct_lightgbm_is_fitted_on_what_was_known_before_and_nothing_else() -> None:
    made = world()
    at = np.array([UNTIL])
    before = direct_lightgbm.forecast(known(made), at, 6 * HOUR_MS, UNTIL, QUICK)
    after = direct_lightgbm.forecast(known(changed(made, UNTIL)), at, 6 * HOUR_MS, UNTIL, QUICK)
    np.testing.assert_array_equal(before, after)
    earlier = direct_lightgbm.forecast(known(made), at, 6 * HOUR_MS, UNTIL - 10 * DAY_MS, QUICK)
    assert not np.array_equal(before, earlier)


def test_direct_lightgbm_finds_what_is_to_be_found() -> None:
    made = known(world())
    quantiles = direct_lightgbm.forecast(made, ISSUES, 12 * HOUR_MS, UNTIL, direct_lightgbm.Settings())
    actual = made.power.at(ISSUES + 12 * HOUR_MS, np.iinfo(np.int64).max)
    error = np.abs(actual - quantiles[:, 1]).mean()
    guess = np.abs(actual - naive.forecasts(made, ISSUES, 12 * HOUR_MS)["persistence"]).mean()
    assert error < 0.25 * guess
    assert (np.diff(quantiles, axis=1) >= 0).all()
    assert ((quantiles >= 0) & (quantiles <= 1)).all()


def test_the_newest_run_published_by_the_issue_is_taken() -> None:
    old = run("a", START_MS, START_MS + HOUR_MS, np.full(48, 5.0))
    new = run("a", START_MS + 12 * HOUR_MS, START_MS + 13 * HOUR_MS, np.full(48, 9.0))
    one = known(folder({"a": np.zeros(48)}, [new, old]))
    valid = np.full(3, START_MS + 20 * HOUR_MS)
    issued = START_MS + np.array([11, 12, 13]) * HOUR_MS
    values, age_h = one.weather.newest(valid, issued, HOUR_MS)
    assert values.ravel().tolist() == [5.0, 9.0, 9.0]
    assert age_h.tolist() == [20.0, 8.0, 8.0]
    nothing, _ = one.weather.newest(np.array([START_MS + 90 * HOUR_MS]), np.array([START_MS]), HOUR_MS)
    assert np.isnan(nothing).all()


def test_a_run_of_half_past_counts_from_then_on_only() -> None:
    late = run("a", START_MS + 30_000, START_MS + HOUR_MS, np.full(4, 5.0))
    one = known(folder({"a": np.zeros(48)}, [late]))
    valid = np.array([START_MS + 2 * HOUR_MS])
    assert np.isnan(one.weather.newest(valid, np.array([START_MS]), HOUR_MS)[0]).all()
    assert one.weather.newest(valid, np.array([START_MS + 60_000]), HOUR_MS)[0].item() == 5.0


def test_quarter_hours_of_weather_become_means_of_the_hour_and_hours_hold_for_their_quarters() -> None:
    quarters = run("a", START_MS, START_MS + 900_000, np.arange(8.0), step_ms=900_000)
    one = known(folder({"a": np.zeros(48)}, [quarters]))
    hour = np.array([START_MS + HOUR_MS])
    issued = np.array([START_MS])
    assert one.weather.newest(hour, issued, HOUR_MS)[0].item() == pytest.approx(1.5)
    hourly = known(folder({"a": np.zeros(48)}, [run("a", START_MS, START_MS + HOUR_MS, np.arange(2.0))]))
    assert hourly.weather.newest(START_MS + np.array([4_500_000]), issued, 900_000)[0].item() == 1.0


def test_power_that_was_known_late_is_not_seen_before() -> None:
    stamps = START_MS + (np.arange(48) + 1) * HOUR_MS
    late = stamps + np.where(np.arange(48) == 10, 5 * HOUR_MS, 0)
    one = known(folder({"a": np.arange(48.0)}, [], known_ms=late))
    tenth = np.array([stamps[10]])
    assert np.isnan(one.power.at(tenth, tenth)).all()
    assert one.power.at(tenth, tenth + 5 * HOUR_MS).item() == pytest.approx(0.01)


def test_blind_lightgbm_knows_no_power_after_its_training() -> None:
    made = world()
    issued = np.full(24, UNTIL)
    valid = issued + (np.arange(24) + 1) * HOUR_MS
    before = blind_lightgbm.forecast(known(made), issued, valid, UNTIL, LEVELS, QUICK)
    after = blind_lightgbm.forecast(known(changed(made, UNTIL)), issued, valid, UNTIL, LEVELS, QUICK)
    np.testing.assert_array_equal(before, after)
    actual = known(made).power.at(valid, np.iinfo(np.int64).max)
    assert np.abs(actual - before[:, 1]).mean() < 0.15


def test_climatology_is_the_time_of_day_and_the_season() -> None:
    hours = np.arange(60 * 24)
    one = known(folder({"a": np.where(hours % 24 < 12, 100.0, 700.0)}, []))
    until = START_MS + 50 * DAY_MS
    valid = until + np.array([6, 18]) * HOUR_MS
    said = climatology.forecast(one, valid, until, LEVELS)
    np.testing.assert_allclose(said, [[0.1] * 3, [0.7] * 3])
    assert np.isnan(climatology.forecast(one, valid, START_MS, LEVELS)).all()


def test_naive_forecasts_by_hand() -> None:
    one = known(folder({"a": np.arange(96.0)}, []))
    issued = START_MS + np.array([50, 60]) * HOUR_MS
    said = naive.forecasts(one, issued, 30 * HOUR_MS)
    np.testing.assert_allclose(said["persistence"] * 1000, [49.0, 59.0])
    np.testing.assert_allclose(said["yesterday"] * 1000, [49.0 + 30 - 48, 59.0 + 30 - 48])
    assert np.isnan(said["smart"]).all()
