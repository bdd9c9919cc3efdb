"""Days on which the input is bad: forecasts go on, within limits, without NaN, on the rung that is left."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest

from models.engine import Engine
from models.outputs import Outputs
from models.steps import EngineSettings
from schemas.errors import Reason
from schemas.records import PlantVersion, ReleaseRecord, ReleaseRole, WeatherRun
from tests.forecast_world import NOWHERE, SOLAR, WIND, small_release
from tests.journals import MINUTE_MS, T0_MS, Item, batches, numbers, scan, tick

DAY_MIN = 1440
HOUR_MS = 3_600_000
RELEASE = ReleaseRecord("small", "1", T0_MS, T0_MS, ReleaseRole.CHAMPION, "00", 1)
NO_PLACE = replace(WIND, plant_id="nowhere", latitude=None, longitude=None)
ALL = (WIND, SOLAR, NO_PLACE, NOWHERE)


def play(items: Sequence[Item], size: int = 50) -> list[Outputs]:
    engine = Engine(EngineSettings(), lambda _record: small_release())
    return [engine.apply(batch) for batch in batches(items, [size])]


def power_at(plant: PlantVersion, minute: float) -> float:
    """Half of the capacity and a slow swing; a solar plant sleeps by night."""
    swing = np.sin(minute / 200.0)
    if plant.kind == "solar":
        return (
            max(0.0, float(np.sin((minute / 60.0 - 5.0) / 14.0 * np.pi)))
            * (0.7 + 0.1 * swing)
            * plant.capacity_kw
        )
    return (0.5 + 0.3 * float(swing)) * plant.capacity_kw


def scans(plant: PlantVersion, first: float, last: float) -> list[Item]:
    return [scan(plant.plant_id, m, power_at(plant, m)) for m in np.arange(first, last, 15.0)]


def ticks(plant: PlantVersion, first: float, last: float) -> list[Item]:
    return [tick(plant.plant_id, m) for m in np.arange(first, last, 15.0)]


def weather(plant: PlantVersion, minute: float, hours: int = 48) -> WeatherRun:
    published = T0_MS + int(minute * MINUTE_MS)
    valid = (published // HOUR_MS + np.arange(1, hours + 1)) * HOUR_MS
    day = valid / HOUR_MS % 24
    columns = {
        "wind_speed_100m_ms": 8.0 + 3.0 * np.sin(day),
        "wind_direction_100m_deg": np.full(hours, 200.0),
        "shortwave_radiation_w_m2": 800.0 * np.clip(np.sin((day - 5.0) / 14.0 * np.pi), 0.0, None),
        "cloud_cover_pct": np.full(hours, 40.0),
        "temperature_2m_c": np.full(hours, 12.0),
    }
    return WeatherRun(plant.plant_id, "made-up", published, published, valid, columns)


def rungs(outs: Sequence[Outputs], plant_id: str) -> list[np.ndarray]:
    """Rungs of the steps of each issue of a plant, in the order of the issues."""
    return [
        block.rung[row]
        for out in outs
        for block in out.forecasts
        for row, who in enumerate(block.plant_id)
        if who == plant_id
    ]


def events(outs: Sequence[Outputs], detector: str) -> list[tuple[str, str]]:
    return [(e["plant_id"], e["phase"]) for out in outs for e in out.anomalies if e["detector"] == detector]


def expect_sound(outs: Sequence[Outputs]) -> None:
    """Every number is there, rises with the level and lies within the plant's limits."""
    assert any(out.forecasts for out in outs)
    for out in outs:
        for block in out.forecasts:
            assert np.isfinite(block.power_kw).all()
            assert np.isfinite(block.available_kw).all()
            assert (np.diff(block.power_kw, axis=2) >= 0).all()
            assert (block.power_kw >= -0.05 * block.capacity_kw[:, None, None]).all()
            assert (block.power_kw <= block.capacity_kw[:, None, None]).all()


def test_weather_that_never_came_leaves_telemetry_and_then_climatology() -> None:
    items = [item for p in ALL for item in (p, RELEASE, *scans(p, 0, 600), *ticks(p, 600, 900))]
    outs = play(items)
    expect_sound(outs)
    for plant in ALL:
        made = rungs(outs, plant.plant_id)
        assert set(made[39]) == {2}
        assert set(made[-1]) == {3}


def half_the_hours(run: WeatherRun) -> WeatherRun:
    """No value at all from the middle of the run on."""
    late = np.arange(len(run.valid_at_ms)) >= len(run.valid_at_ms) // 2
    return replace(run, columns={name: np.where(late, np.nan, v) for name, v in run.columns.items()})


def every_other_hour(run: WeatherRun) -> WeatherRun:
    odd = np.arange(len(run.valid_at_ms)) % 2 == 1
    return replace(run, columns={name: np.where(odd, np.nan, v) for name, v in run.columns.items()})


def half_the_columns(run: WeatherRun) -> WeatherRun:
    """What matters most of wind and of the sun is there, the rest is not."""
    kept = ("wind_speed_100m_ms", "wind_direction_100m_deg", "shortwave_radiation_w_m2")
    return replace(run, columns={name: run.columns[name] for name in kept})


def nothing_that_matters(run: WeatherRun) -> WeatherRun:
    return replace(run, columns={"temperature_2m_c": run.columns["temperature_2m_c"]})


def absurd_values(run: WeatherRun) -> WeatherRun:
    """What a source means by missing, and what no weather is, in three hours of four."""
    absurd = np.resize([np.nan, -9999.0, 1e300, np.inf], len(run.valid_at_ms))
    said = {name: np.where(np.arange(len(v)) % 4 == 0, v, absurd) for name, v in run.columns.items()}
    return replace(run, columns=said)


@pytest.mark.parametrize(
    ("spoil", "near", "far"),
    [
        (half_the_hours, {0}, {2}),
        (every_other_hour, {0}, {0}),
        (half_the_columns, {0}, {0}),
        (nothing_that_matters, {2}, {2}),
        (absurd_values, {0}, {0}),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_weather_half_missing_is_used_where_it_says_something(
    spoil: Callable[[WeatherRun], WeatherRun], near: set[int], far: set[int]
) -> None:
    items = [item for p in (WIND, SOLAR) for item in (p, RELEASE, spoil(weather(p, -15)), *scans(p, 0, 600))]
    outs = play(items)
    expect_sound(outs)
    for plant in (WIND, SOLAR):
        last = rungs(outs, plant.plant_id)[-1]
        assert set(last[:6].tolist()) <= near, plant.plant_id
        assert set(last[-6:].tolist()) <= far | {2}, plant.plant_id


def test_a_gap_of_two_days_is_issued_through_and_told_once() -> None:
    gap = 2 * DAY_MIN
    feeds = [weather(WIND, m, 96) for m in (-15, DAY_MIN)]
    items = [WIND, RELEASE, feeds[0], *scans(WIND, 0, 600), *ticks(WIND, 600, 1440), feeds[1]]
    items += [*ticks(WIND, 1440, 600 + gap), *scans(WIND, 600 + gap, 900 + gap)]
    outs = play(items)
    expect_sound(outs)
    made = rungs(outs, WIND.plant_id)
    assert len(made) == (900 + gap) // 15, "an issue every 15 minutes, gap or not"
    assert [int(rung[0]) for rung in made[1:40]] == [0] * 39
    assert {int(rung[0]) for rung in made[48 : 40 + gap // 15]} == {1}
    assert int(made[-1][0]) == 0
    told = events(outs, "feed_silent")
    assert (told[0], told[-1]) == ((WIND.plant_id, "open"), (WIND.plant_id, "close"))
    assert [phase for _, phase in told].count("open") == 1


def test_a_gap_without_ticks_is_issued_when_the_plant_is_back() -> None:
    items = [WIND, RELEASE, *scans(WIND, 0, 600), *scans(WIND, 600 + 2 * DAY_MIN, 700 + 2 * DAY_MIN)]
    outs = play(items)
    expect_sound(outs)
    made = (600 + 2 * DAY_MIN + 105) // 15 - 1  # not the one whose 48 hours had all passed
    assert len(rungs(outs, WIND.plant_id)) == made
    assert [phase for _, phase in events(outs, "feed_silent")].count("open") == 1


@pytest.mark.parametrize("plant", [NO_PLACE, NOWHERE], ids=["wind", "solar"])
def test_a_plant_without_location_is_forecast(plant: PlantVersion) -> None:
    items = [plant, RELEASE, weather(plant, -15), *scans(plant, 0, 2 * DAY_MIN)]
    outs = play(items)
    expect_sound(outs)
    assert len(rungs(outs, plant.plant_id)) == 2 * DAY_MIN // 15


@pytest.mark.parametrize("factor", [0.5, 2.0])
@pytest.mark.parametrize("kind", [WIND, SOLAR], ids=["wind", "solar"])
def test_a_capacity_wrong_by_two_keeps_bands_within_limits(kind: PlantVersion, factor: float) -> None:
    wrong = replace(kind, capacity_kw=kind.capacity_kw * factor)
    items: list[Item] = [wrong, RELEASE, *(weather(kind, day * DAY_MIN - 15) for day in range(3))]
    for minute in np.arange(0.0, 3 * DAY_MIN, 15.0):
        power_kw = 1.9 * power_at(kind, minute)
        items += [scan(kind.plant_id, minute, power_kw), tick(kind.plant_id, minute)]
    outs = play(items)
    expect_sound(outs)
    refused = [bad for out in outs for bad in out.rejected]
    if factor < 1:
        assert {bad.reason for bad in refused} == {Reason.OUT_OF_RANGE}
        assert "check the meter or the plant's capacity_kw" in refused[0].detail
        assert (kind.plant_id, "open") in events(outs, "impossible_value")
    else:
        assert not refused
    assert len(rungs(outs, kind.plant_id)) == 3 * DAY_MIN // 15


def test_a_capacity_put_right_counts_at_once_however_the_log_is_cut() -> None:
    """The record at the new version's own time is judged by it, in the worker as in the sink."""
    right = replace(WIND, capacity_kw=2 * WIND.capacity_kw, valid_from_ms=T0_MS + 60 * MINUTE_MS)
    high = [scan(WIND.plant_id, m, 1.9 * WIND.capacity_kw) for m in range(0, 120, 15)]
    for size in (1, 3, 100):
        outs = play([WIND, right, *high], size)
        refused = [bad.offset for out in outs for bad in out.rejected]
        assert refused == [2, 3, 4, 5]
        assert sum(len(block.plant_id) for out in outs for block in out.forecasts) == 4


def test_records_a_day_late_change_nothing_that_was_issued_and_make_no_issue() -> None:
    on_time = [WIND, RELEASE, weather(WIND, -15, 96), *scans(WIND, 0, DAY_MIN + 600)]
    late = [scan(WIND.plant_id, m, power_at(WIND, m), DAY_MIN + 600) for m in np.arange(5.0, 600.0, 15.0)]
    outs = play([*on_time, *late, *scans(WIND, DAY_MIN + 600, DAY_MIN + 700)])
    expect_sound(outs)
    without = numbers(play([*on_time, *scans(WIND, DAY_MIN + 600, DAY_MIN + 700)]))
    made = numbers(outs)
    assert made.keys() == without.keys()
    before = {key for key in made if key[1] < T0_MS + (DAY_MIN + 600) * MINUTE_MS}
    assert {key: made[key] for key in before} == {key: without[key] for key in before}
    assert sum(out.counts["late"] for out in outs) == len(late)
    assert not [bad for out in outs for bad in out.rejected]


def test_an_hour_sent_twice_is_as_if_it_had_been_sent_once() -> None:
    start: list[Item] = [WIND, RELEASE, *scans(WIND, 0, 300)]
    hour = [scan(WIND.plant_id, m, power_at(WIND, m), 300) for m in np.arange(240.0, 300.0, 15.0)]
    rest = scans(WIND, 300, 400)
    twice, once = play([*start, *hour, *rest]), play([*start, *rest])
    assert numbers(twice) == numbers(once)
    assert sum(out.counts["repeats"] for out in twice) == len(hour)


def test_one_record_of_the_far_future_moves_no_plant() -> None:
    """Times near the end of 64 bits once spoilt the clocks of the other plants of the batch."""
    far = 1 << 62
    wild: list[Item] = [(WIND.plant_id, far, 1.0, far), (WIND.plant_id, T0_MS, 1.0, far)]
    good = [*scans(WIND, 0, 100), *scans(SOLAR, 0, 100)]
    outs = play([WIND, SOLAR, *wild, *good], 1000)
    assert [bad.reason for out in outs for bad in out.rejected] == [Reason.CLOCK_AHEAD] * 2
    assert "is after 2100" in outs[0].rejected[0].detail
    assert numbers(outs) == numbers(play([WIND, SOLAR, *good], 1000))


def test_a_plant_that_is_silent_for_years_costs_nothing() -> None:
    """Its hours ahead begin anew: a clock that jumps once filled the years between with sun and weather."""
    away = 80 * 365 * DAY_MIN
    items = [
        item for m in (0, away) for p in (WIND, SOLAR) for item in (p, weather(p, m), *scans(p, m, m + 60))
    ]
    engine = Engine(EngineSettings(), lambda _record: small_release())
    expect_sound([engine.apply(batch) for batch in batches([RELEASE, *items], [7])])
    for outlook in engine.fleet.outlooks.values():
        assert len(outlook.climatology.knots) < 24 * 30
        assert len(outlook.weather.knots) < 24 * 30


def test_a_wrong_clock_is_no_impossible_value() -> None:
    ahead = scan(WIND.plant_id, DAY_MIN, power_at(WIND, 0), 60)
    outs = play([WIND, *scans(WIND, 0, 60), ahead, *scans(WIND, 60, 120)])
    assert [bad.reason for out in outs for bad in out.rejected] == [Reason.CLOCK_AHEAD]
    assert events(outs, "impossible_value") == []


@pytest.mark.parametrize(
    ("valid_at_ms", "what"),
    [
        ([T0_MS, T0_MS + 10**13], "after 2100"),
        ([T0_MS, T0_MS + 20_000 * 86_400_000], "reaches further than 160 days"),
        ([T0_MS + 900 * 86_400_000, T0_MS + 901 * 86_400_000], "reaches further than 160 days"),
        ([-(1 << 62), 1 << 62], "before 2000"),
        ([T0_MS, T0_MS], "do not rise"),
    ],
)
def test_a_run_that_would_fill_the_memory_is_refused(valid_at_ms: list[int], what: str) -> None:
    bad = replace(weather(WIND, 0, 2), valid_at_ms=np.array(valid_at_ms))
    outs = play([WIND, RELEASE, bad, *scans(WIND, 0, 60)])
    (refused,) = [one for out in outs for one in out.rejected]
    assert refused.reason is Reason.BAD_RUN
    assert what in refused.detail
    expect_sound(outs)


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"capacity_kw": 1e300}, "capacity_kw is 1e+300"),
        ({"capacity_kw": float("nan")}, "capacity_kw is nan"),
        ({"valid_from_ms": 1 << 62}, "after 2100"),
        ({"known_at_ms": 1 << 62}, "after 2100"),
        ({"plant_id": "a\0b"}, "cannot be shown"),
        ({"plant_id": " "}, "is empty"),
        ({"scan_s": 10**9}, "scan_s is 1000000000"),
        ({"latitude": float("inf")}, "latitude is inf"),
    ],
)
def test_a_plant_that_cannot_be_is_refused(changes: dict[str, object], what: str) -> None:
    (refused,) = play([replace(WIND, **changes)])[0].rejected
    assert refused.reason is Reason.BAD_PLANT
    assert what in refused.detail
