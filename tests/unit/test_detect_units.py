"""Detectors that judge units by their peers and their own past."""

from __future__ import annotations

import numpy as np

from tests.plant_views import Story, opened, tell

QUARTER_MS = 900_000


def farm(days: int = 2, solar: bool = False, units: int = 5, ratio: tuple[float, ...] = ()) -> Story:
    """A farm of units in a wind (or under a sun) that changes, each with noise and a habit of its own."""
    rng = np.random.default_rng(4)
    steps = days * 96
    hours = np.arange(steps) / 4
    drive = 0.45 + 0.3 * np.sin(hours / 5) + 0.1 * np.sin(hours / 1.3)
    if solar:
        drive = np.clip(np.sin((hours % 24 - 6) / 12 * np.pi), 0, None) * (0.8 + 0.2 * np.sin(hours / 3))
    habit = np.ones(units)
    habit[: len(ratio)] = ratio
    noise = 1 + 0.02 * rng.standard_normal((units, steps))
    unit_kw = 1000 * drive * habit[:, None] * noise
    speed = 3 + 9 * np.sqrt(np.clip(drive, 0, None)) + 0.2 * rng.standard_normal((units, steps))
    return Story(
        power_kw=unit_kw.sum(axis=0)[None],
        capacity_kw=np.array([1000.0 * units]),
        is_solar=np.array([solar]),
        daylight=(drive > 0)[None] if solar else np.empty(0, np.bool_),
        unit_power_kw=unit_kw[None],
        unit_wind_ms=np.full((1, units, steps), np.nan) if solar else speed[None],
    )


def units_of(events: list[dict[str, str]], detector: str) -> set[str]:
    return {e["unit_id"] for e in opened(events, detector)}


def test_a_unit_that_stands_while_its_peers_run_is_out() -> None:
    story = farm()
    story.unit_power_kw[0, 2, 60:90] = -2.0
    told = [e for e in tell(story) if e["detector"] == "unit_outage"]
    assert {e["unit_id"] for e in told} == {"unit-02"}
    assert (told[0]["phase"], told[-1]["phase"]) == ("open", "close")
    assert told[0]["started_at"] == story.start_ms + 63 * QUARTER_MS
    missing_kwh = story.unit_power_kw[0, [0, 1, 3, 4], 62:90].mean(axis=0).sum() / 4
    assert abs(told[-1]["energy_kwh"] - missing_kwh) < 0.1 * missing_kwh
    assert told[0]["message"].startswith("Unit unit-02 stands still while its peers run; expected ")


def test_a_unit_in_a_calm_of_its_own_is_not_out() -> None:
    story = farm()
    story.unit_power_kw[0, 2, 60:90], story.unit_wind_ms[0, 2, 60:90] = 0.0, 2.0
    assert not units_of(tell(story), "unit_outage")


def test_a_whole_plant_that_stands_has_no_unit_out() -> None:
    story = farm()
    story.unit_power_kw[0, :, 60:90] = 0.0
    assert not units_of(tell(story), "unit_outage")


def test_of_two_units_the_one_that_stands_is_out() -> None:
    story = farm(units=2)
    story.unit_power_kw[0, 1, 60:90] = 0.0
    assert units_of(tell(story), "unit_outage") == {"unit-01"}


def test_units_that_a_setpoint_stops_are_not_out() -> None:
    story = farm()
    story.unit_power_kw[0, 2, 60:90] = 0.0
    story.setpoint_kw[0, 60:90] = story.power_kw[0, 60:90]
    assert not units_of(tell(story), "unit_outage")


def test_a_unit_meter_that_repeats_is_stuck_and_its_peers_are_not() -> None:
    story = farm()
    story.unit_power_kw[0, 3, 60:80] = 432.1
    assert units_of(tell(story), "unit_stuck_sensor") == {"unit-03"}


def test_an_anemometer_that_repeats_is_stuck() -> None:
    story = farm()
    story.unit_wind_ms[0, 1, 60:80] = 7.77
    (event,) = opened(tell(story), "unit_stuck_sensor")
    assert event["message"] == "Unit unit-01: the wind sensor repeats 7.77 m/s"


def test_weak_inverters_are_found_once_and_others_are_not() -> None:
    told = tell(farm(10, solar=True, units=12, ratio=(0.90, 0.93, 0.98, 1.02)))
    assert [e["unit_id"] for e in opened(told, "unit_underperformance")] == ["unit-00", "unit-01"]


def test_a_small_inverter_is_not_a_weak_one() -> None:
    assert not units_of(tell(farm(10, solar=True, units=8, ratio=(0.5,))), "unit_underperformance")


def test_a_turbine_that_always_made_less_is_not_weak() -> None:
    assert not units_of(tell(farm(20, ratio=(0.8, 1.1))), "unit_underperformance")


def test_a_turbine_that_begins_to_make_less_is_weak_and_then_well_again() -> None:
    story = farm(26, ratio=(0.9,))
    story.unit_power_kw[0, 0, 16 * 96 : 20 * 96] *= 0.7
    told = [e for e in tell(story) if e["detector"] == "unit_underperformance"]
    assert {e["unit_id"] for e in told} == {"unit-00"}
    assert [told[0]["phase"], told[-1]["phase"]] == ["open", "close"]
    day = (told[0]["started_at"] - story.start_ms) / 86_400_000
    assert 16 < day < 18
    assert "less than its peers and its own power curve say" in told[0]["message"]


def test_less_wind_at_one_turbine_is_no_weakness() -> None:
    story = farm(20)
    late = slice(16 * 96, None)
    story.unit_power_kw[0, 0, late] *= 0.6
    drive = np.clip(story.unit_power_kw[0, 0, late] / 1000, 0, None)
    story.unit_wind_ms[0, 0, late] = 3 + 9 * np.sqrt(drive)
    assert not units_of(tell(story), "unit_underperformance")
