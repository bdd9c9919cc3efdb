"""Drift of errors and of inputs: what is noticed, what is not, and how often it is told."""

from __future__ import annotations

import numpy as np
import pytest
from river.drift import PageHinkley

from models.drift import daily, error_drift, input_drift
from models.drift.finding import Occasion
from models.drift.page_hinkley import LEAST_SEEN, last_change

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS


def errors(days: int = 30, seed: int = 0) -> np.ndarray:
    """Hourly errors of about 5 % of capacity, with calm and windy days."""
    rng = np.random.default_rng(seed)
    size = 0.03 + 0.02 * np.repeat(rng.random(days), 24)
    return size * rng.standard_normal(days * 24)


def occasion(day: float) -> Occasion:
    now_ms = int(1_400_000_000_000 + day * DAY_MS)
    return Occasion("plant-0", now_ms, now_ms + 5, "forecaster", "7")


def test_errors_that_stay_as_they_were_are_no_drift() -> None:
    assert [error_drift.look(errors(seed=seed)) for seed in range(20)] == [None] * 20


def test_errors_that_grow_are_noticed_within_four_days() -> None:
    series = errors()
    series[-96:] *= 3
    finding = error_drift.look(series)
    assert finding is not None
    assert (finding.detector, finding.subject, finding.p_value) == ("page_hinkley", "error", None)
    assert finding.after > 2 * finding.before
    assert "consider to retrain" in finding.sentence


def test_errors_that_shrink_are_good_news_and_no_drift() -> None:
    series = errors()
    series[-96:] /= 4
    assert error_drift.look(series) is None


def test_a_plant_that_makes_less_than_forecast_is_noticed_with_its_side() -> None:
    series = errors()
    series[-96:] -= 0.04
    finding = error_drift.look(series)
    assert finding is not None
    assert finding.after < -0.03
    assert finding.detector == "page_hinkley" or "less than forecast" in finding.sentence


def test_an_old_change_is_not_told_again() -> None:
    series = errors()
    series[-240:] *= 3
    assert error_drift.look(series) is None


def test_ten_days_are_needed_and_holes_are_passed_over() -> None:
    series = errors(8)
    series[-96:] *= 4
    assert error_drift.look(series) is None
    assert error_drift.look(np.full(720, np.nan)) is None
    assert error_drift.look(np.empty(0)) is None
    holes = errors()
    holes[-96:] *= 3
    holes[::5] = np.nan
    assert error_drift.look(holes) is not None


def test_nights_without_error_do_not_hide_a_change_of_the_days() -> None:
    series = errors()
    night = np.arange(series.size) % 24 < 10
    series[-96:] *= 3
    series[night] = 0.0
    assert error_drift.look(series) is not None


def weather(seed: int, count: int = 168) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {
        "temperature_2m_c": 10 + 8 * rng.standard_normal(count),
        "wind_speed_100m_ms": np.abs(7 + 3 * rng.standard_normal(count)),
    }


@pytest.mark.parametrize("mode", ["up", "both"])
def test_the_whole_window_at_once_says_what_river_says_step_by_step(mode: str) -> None:
    draw, found = np.random.default_rng(5), []
    for _ in range(300):
        steps = (np.cumsum(draw.normal(0, 0.3, 120)) * draw.integers(0, 2) + draw.normal(0, 2, 120)).tolist()
        test = PageHinkley(min_instances=LEAST_SEEN, delta=1.0, threshold=14.0, alpha=1.0, mode=mode)
        places = [-1]
        for place, step in enumerate(steps):
            test.update(step)  # type: ignore[no-untyped-call]  # river leaves this method bare
            if test.drift_detected:
                places.append(place)
        found.append(places[-1])
        assert last_change(steps, 1.0, 14.0, both_ways=mode == "both") == places[-1]
    assert len(set(found)) > 10


def test_a_week_like_any_other_is_no_drift() -> None:
    assert input_drift.look(weather(1, 500), weather(2)) is None


def test_a_warm_week_within_the_year_is_no_drift() -> None:
    newest = weather(2)
    newest["temperature_2m_c"] = 19 + 0.3 * (newest["temperature_2m_c"] - 10)
    assert input_drift.look(weather(1, 500), newest) is None


@pytest.mark.parametrize(("factor", "offset"), [(1.0, 273.15), (0.0, 0.0), (0.0, 12.0)])
def test_another_unit_and_a_dead_column_are_drift(factor: float, offset: float) -> None:
    newest = weather(2)
    newest["temperature_2m_c"] = newest["temperature_2m_c"] * factor + offset
    finding = input_drift.look(weather(1, 500), newest)
    assert finding is not None
    assert (finding.detector, finding.subject) == ("ks_2samp", "temperature_2m_c")
    assert finding.p_value is not None
    assert finding.p_value < 1e-6


def test_the_worst_input_is_named_and_the_others_are_counted() -> None:
    newest = {name: values * 0 for name, values in weather(2).items()}
    finding = input_drift.look(weather(1, 500), newest)
    assert finding is not None
    assert finding.sentence.endswith("1 more input changed")


def test_inputs_unknown_to_the_release_or_too_few_are_passed_over() -> None:
    assert input_drift.look({}, weather(2)) is None
    assert input_drift.look(weather(1, 500), weather(2, 20)) is None
    assert input_drift.look_at("x", np.full(500, np.nan), np.full(168, np.nan)) is None


def test_a_drift_is_told_once_in_three_days() -> None:
    series = errors()
    series[-96:] *= 3
    told_ms = np.full(2, -1, np.int64)
    days = [day for day in range(7) if daily.look(occasion(day), told_ms, series)]
    assert days == [0, 3, 6]


def test_errors_and_inputs_are_told_apart() -> None:
    series, told_ms = errors(), np.full(2, -1, np.int64)
    newest = weather(2)
    newest["temperature_2m_c"] += 273.15
    (event,) = daily.look(occasion(0), told_ms, series, weather(1, 500), newest)
    assert event["subject"] == "temperature_2m_c"
    assert told_ms.tolist() == [-1, occasion(0).issued_at_ms]
    assert event["message"].startswith("Plant plant-0: input temperature_2m_c is 100% outside")
    assert (event["model"], event["version"], event["event_time"]) == (
        "forecaster",
        "7",
        occasion(0).issued_at_ms,
    )


def test_each_plant_is_due_once_a_day_at_its_own_hour() -> None:
    plants = [f"plant-{i}" for i in range(50)]
    hours = np.array([daily.hour_of(p) for p in plants])
    assert len(set(hours.tolist())) > 12
    day = np.full(50, -1, np.int32)
    start_ms = 20_000 * DAY_MS
    daily.due(day, hours, np.full(50, start_ms))
    made = [daily.due(day, hours, np.full(50, start_ms + q * HOUR_MS // 4)) for q in range(1, 4 * 48 + 1)]
    assert (np.sum(made, axis=0) == 2).all()
    at = {plants[i]: q for q, due in enumerate(made[:96], 1) for i in np.flatnonzero(due)}
    assert all(
        at[p] == 4 * h or (h == 0 and at[p] == 96) for p, h in zip(plants, hours.tolist(), strict=True)
    )
