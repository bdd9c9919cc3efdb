"""Detectors that judge a plant as a whole: when they open, when they stay silent."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.plant_views import Story, opened, tell

QUARTER_MS = 900_000


def wind(steps: int = 120, **more: object) -> Story:
    """One wind plant of 1000 kW in 9 m/s that makes about 500 kW and is expected to."""
    rng = np.random.default_rng(1)
    power = 500 + 20 * rng.standard_normal((1, steps))
    expected = np.broadcast_to(np.array([350.0, 500.0, 650.0]), (1, steps, 3)).copy()
    speed = 9 + 0.3 * rng.standard_normal((1, steps))
    base = Story(power, np.array([1000.0]), np.array([False]), wind_speed_ms=speed, expected=expected)
    return replace(base, **more)


def minutes_after(event: dict[str, int], step: int) -> float:
    """Minutes from the end of interval `step` to the opening."""
    return (event["started_at"] - wind(1).start_ms) / 60_000 - 15 * (step + 1)


def test_silence_opens_feed_silent_and_talking_closes_it() -> None:
    story = wind()
    story.silent[0, 50:80] = True
    story.power_kw[0, 50:80] = np.nan
    told = [e for e in tell(story) if e["detector"] == "feed_silent"]
    assert [told[0]["phase"], told[-1]["phase"]] == ["open", "close"]
    assert minutes_after(told[0], 49) == 45
    assert told[-1]["event_time"] - told[0]["event_time"] == 29 * QUARTER_MS
    assert told[0]["expected_kw"] == 500.0
    assert {e["detector"] for e in tell(story)} == {"feed_silent"}


def test_silence_of_six_hours_is_critical() -> None:
    story = wind()
    story.silent[0, 50:], story.power_kw[0, 50:] = True, np.nan
    assert [e["severity"] for e in tell(story)].count("critical") > 0


def test_silence_of_a_solar_plant_in_the_dark_is_information() -> None:
    dark = np.zeros((1, 120), np.bool_)
    story = wind(is_solar=np.array([True]), daylight=dark, power_kw=np.zeros((1, 120)))
    story.silent[0, 50:60], story.power_kw[0, 50:60] = True, np.nan
    assert [e["severity"] for e in opened(tell(story), "feed_silent")] == ["info"]


def test_missing_runs_open_weather_silent_after_twice_the_usual_wait() -> None:
    steps = 400
    age = (np.arange(steps) % 24) * 900.0  # a run every 6 h
    age[240:] = np.arange(160) * 900.0
    story = wind(steps, weather_silent_s=age[None])
    (event,) = opened(tell(story), "weather_silent")
    assert minutes_after(event, 240) == pytest.approx(12.5 * 60 + 15, abs=31)


def test_a_plant_that_never_had_weather_is_not_silent() -> None:
    assert not tell(wind(weather_silent_s=np.full((1, 120), np.inf)))


def test_a_value_repeated_to_the_bit_is_a_stuck_sensor() -> None:
    story = wind()
    story.power_kw[0, 10], story.power_kw[0, 60:90] = 900.0, 512.25
    told = [e for e in tell(story) if e["detector"] == "stuck_sensor"]
    assert (told[0]["phase"], told[-1]["phase"]) == ("open", "close")
    assert minutes_after(told[0], 59) == 120
    assert "exactly 512.2 kW" in told[0]["message"]


@pytest.mark.parametrize("value", [0.0, -3.5, 12.0, 1000.0])
def test_standstill_and_the_ceiling_repeat_by_nature(value: float) -> None:
    story = wind(wind_speed_ms=np.empty(0), expected=np.empty(0))
    story.power_kw[0, 5], story.power_kw[0, 60:90] = 1000.0, value
    assert not opened(tell(story), "stuck_sensor")


def test_following_a_setpoint_is_not_stuck() -> None:
    story = wind()
    story.power_kw[0, 10], story.power_kw[0, 60:90], story.setpoint_kw[0, 60:90] = 900.0, 300.0, 300.0
    assert not opened(tell(story), "stuck_sensor")


def test_a_wind_sensor_that_repeats_is_stuck() -> None:
    story = wind()
    story.wind_speed_ms[0, 60:90] = 9.25
    (event,) = opened(tell(story), "stuck_sensor")
    assert "wind sensor repeats 9.25 m/s" in event["message"]


def test_watts_for_kilowatts_are_an_impossible_value() -> None:
    story = wind()
    story.impossible_kw[0, 50:54], story.power_kw[0, 50:54] = 512_000.0, np.nan
    told = tell(story)
    (event,) = opened(told, "impossible_value")
    assert event["message"] == "Plant plant-0 reports 512,000 kW with 1,000 kW of capacity: is it in W?"
    assert event["evidence"] == {"records": 1.0, "share": 512.0}
    assert event["severity"] == "critical"
    assert [e["phase"] for e in told if e["detector"] == "impossible_value"] == ["open", "close"]


def test_standing_in_wind_is_an_outage_until_it_runs() -> None:
    story = wind()
    story.power_kw[0, 60:100] = -2.0
    told = [e for e in tell(story) if e["detector"] == "outage"]
    assert (told[0]["phase"], told[0]["severity"], told[-1]["phase"]) == ("open", "critical", "close")
    assert minutes_after(told[0], 59) == 45
    assert told[-1]["energy_kwh"] == pytest.approx(502 * 38 / 4, rel=0.05)


def test_standing_in_a_calm_or_in_a_storm_is_no_outage() -> None:
    for speed in (3.0, 26.0):
        story = wind()
        story.power_kw[0, 60:], story.wind_speed_ms[0, 60:] = 0.0, speed
        assert not opened(tell(story), "outage")


def test_an_outage_outlasts_a_lull_and_a_gap() -> None:
    story = wind()
    story.power_kw[0, 60:100] = 0.0
    story.wind_speed_ms[0, 75:80] = 4.0
    story.power_kw[0, 85:90], story.silent[0, 85:90] = np.nan, True
    assert [e["phase"] for e in tell(story) if e["detector"] == "outage"][-1] == "close"
    assert len(opened(tell(story), "outage")) == 1


def test_without_a_sensor_the_forecast_decides_and_takes_longer() -> None:
    story = wind(wind_speed_ms=np.empty(0))
    story = replace(story, wind_speed_ms=np.full((1, 120), np.nan))
    story.power_kw[0, 60:100] = 0.0
    (event,) = opened(tell(story), "outage")
    assert minutes_after(event, 59) == 180
    assert event["evidence"]["missed_full_load_h"] >= 1.0


def test_an_unsure_forecast_makes_no_outage() -> None:
    unsure = np.broadcast_to(np.array([20.0, 300.0, 700.0]), (1, 120, 3)).copy()
    story = wind(wind_speed_ms=np.full((1, 120), np.nan), expected=unsure)
    story.power_kw[0, 60:100] = 0.0
    assert not opened(tell(story), "outage")


def test_a_setpoint_that_holds_the_plant_is_curtailment_and_no_outage() -> None:
    story = wind()
    story.setpoint_kw[0, 60:90] = 0.0
    story.power_kw[0, 60:90] = 1.0
    told = tell(story)
    assert {e["detector"] for e in told} == {"curtailment"}
    assert [told[0]["phase"], told[-1]["phase"]] == ["open", "close"]
    assert told[0]["severity"] == "info"
    assert told[-1]["energy_kwh"] == pytest.approx(499 * 29 / 4, rel=0.03)
    assert "held at 0 kW by its setpoint" in told[0]["message"]


def test_a_setpoint_above_what_the_wind_gives_is_no_curtailment() -> None:
    story = wind()
    story.setpoint_kw[0, 60:90] = 700.0
    assert not tell(story)
