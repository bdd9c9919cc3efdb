"""What does not teach (limits, outages, stuck meters, drawn lines, wrong units) and what goes on teaching."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models import sun
from models.forecast.base import Floats
from models.training import clean
from models.training.clean import Cause
from models.training.dataset import histories
from models.training.levels import stretches
from models.training.manifest import manifest
from models.training.nearby import Nearby, nothing
from schemas.records import PlantKind, PlantVersion
from tests.forecast_world import FAR_MS, WIND, history, runs, small_config, telemetry

START_MS = 1_400_000_400_000 // 86_400_000 * 86_400_000
FARM = PlantVersion("farm", 0, 0, PlantKind.WIND, 1000.0, 3600)
PARK = PlantVersion("park", 0, 0, PlantKind.SOLAR, 1000.0, 1800, 47.0, 8.0)
LOST_PARK = replace(PARK, latitude=None, longitude=None)


def ends(plant: PlantVersion, days: int) -> np.ndarray:
    step = plant.resolution_s * 1000
    return START_MS + (np.arange(days * 86_400_000 // step, dtype=np.int64) + 1) * step


def windy(days: int, seed: int = 0) -> tuple[Floats, Nearby]:
    """A wind farm's share and the wind that was forecast for it, wrong by a fifth."""
    rng = np.random.default_rng(seed)
    hours = days * 24
    slow = np.convolve(rng.normal(size=hours + 23), np.ones(24) / 24 * 4.9, "valid")
    wind_ms = np.clip(8.0 + 3.0 * slow, 0.2, 20.0)
    share = np.clip((wind_ms / 12.5) ** 3 * np.exp(rng.normal(0, 0.2, hours)), 0.0, 1.0)
    share[share >= 1.0] -= rng.uniform(0.0, 0.004, int((share >= 1.0).sum()))
    return share, replace(nothing(hours), wind_ms=wind_ms)


def sunny(days: int, seed: int = 0) -> tuple[Floats, Floats]:
    """A solar plant's share and the radiation on it in W/m2, with whole days of cloud."""
    rng = np.random.default_rng(seed)
    at = sun.means(47.0, 8.0, ends(PARK, days), PARK.resolution_s).clear
    cloud = np.repeat(rng.uniform(0.15, 1.0, days), 48) * rng.uniform(0.8, 1.0, days * 48)
    radiation = 1000.0 * at * cloud
    return 0.85 * radiation / 1000.0 * rng.uniform(0.95, 1.05, len(at)), radiation


def park_nearby(radiation: Floats | None, count: int) -> Nearby:
    return nothing(count) if radiation is None else replace(nothing(count), sun_w_m2=radiation)


def told(plant: PlantVersion, share: Floats, near: Nearby) -> np.ndarray:
    return clean.causes(plant, ends(plant, len(share) * plant.resolution_s // 86_400), share, near)


@given(seed=st.integers(0, 10_000), days=st.integers(1, 200))
@settings(max_examples=25, deadline=None)
def test_a_healthy_wind_farm_teaches_with_every_hour_calm_and_full_power_alike(seed: int, days: int) -> None:
    share, near = windy(days, seed)
    assert clean.counts(told(FARM, share, near)) == {}


@given(
    seed=st.integers(0, 10_000), days=st.integers(1, 120), sees=st.sampled_from(["sun", "place", "nothing"])
)
@settings(max_examples=25, deadline=None)
def test_a_healthy_solar_plant_teaches_with_every_interval_and_every_night(
    seed: int, days: int, sees: str
) -> None:
    share, radiation = sunny(days, seed)
    near = park_nearby(radiation if sees == "sun" else None, len(share))
    assert clean.counts(told(PARK if sees == "place" else LOST_PARK, share, near)) == {}


@given(
    seed=st.integers(0, 1000),
    start=st.integers(20, 60),
    days=st.integers(4, 12),
    factor=st.sampled_from([0.1, 0.001, 10.0, 1000.0]),
)
@settings(max_examples=30, deadline=None)
def test_a_wrong_unit_for_some_days_is_told_and_the_rest_teaches(
    seed: int, start: int, days: int, factor: float
) -> None:
    share, near = windy(90, seed)
    wrong = slice(start * 24, (start + days) * 24)
    sent = share.copy()
    sent[wrong] *= factor
    refused = sent > 1.2
    sent[refused] = np.nan
    found = told(FARM, sent, replace(near, refused=refused))
    lied = np.zeros(len(share), np.bool_)
    lied[wrong] = np.abs(sent - share)[wrong] > 0.02
    if factor > 1:  # a calm day at the edge refuses nothing, and nothing tells it
        refusing = np.flatnonzero(refused.reshape(-1, 24).sum(axis=1) >= 3)
        lied[: refusing.min(initial=90) * 24] = False
        lied[(refusing.max(initial=-1) + 1) * 24 :] = False
    around = np.zeros(len(share), np.bool_)
    around[wrong.start - 72 : wrong.stop + 72] = True
    if lied.sum() >= 24 and (factor != 0.1 or days > 5):
        assert (found[lied] != Cause.WEATHER).mean() > 0.8
    assert (found[~around] == Cause.WEATHER).all()


@pytest.mark.parametrize("sees", ["sun", "place", "nothing"])
@pytest.mark.parametrize("factor", [0.1, 0.001])
def test_a_solar_plant_in_a_wrong_unit_is_told_with_and_without_weather_and_position(
    sees: str, factor: float
) -> None:
    share, radiation = sunny(90, 4)
    sent = share.copy()
    sent[40 * 48 : 48 * 48] *= factor
    near = park_nearby(radiation if sees == "sun" else None, len(share))
    found = told(PARK if sees == "place" else LOST_PARK, sent, near)
    lied = np.abs(sent - share) > 0.05
    assert (found[lied] != Cause.WEATHER).mean() > 0.9
    assert (found[: 37 * 48] == Cause.WEATHER).all() and (found[51 * 48 :] == Cause.WEATHER).all()


@pytest.mark.parametrize("sees", ["sun", "place", "nothing"])
def test_a_solar_outage_is_told_by_radiation_by_position_or_by_its_own_days(sees: str) -> None:
    share, radiation = sunny(40, 1)
    share[20 * 48 : 22 * 48] = 0.0
    near = park_nearby(radiation if sees == "sun" else None, len(share))
    found = told(PARK if sees == "place" else LOST_PARK, share, near)
    bright = np.flatnonzero(radiation > 250)
    out = bright[(bright >= 20 * 48) & (bright < 22 * 48)]
    assert len(out) > 10
    assert (found[out] == Cause.OUTAGE).all()
    assert (np.delete(found, np.arange(20 * 48, 22 * 48)) == Cause.WEATHER).all()


def test_a_dark_day_by_radiation_is_no_outage() -> None:
    share, radiation = sunny(40, 1)
    share[20 * 48 : 21 * 48], radiation[20 * 48 : 21 * 48] = 0.0, 5.0
    assert clean.counts(told(LOST_PARK, share, park_nearby(radiation, len(share)))) == {}


def test_a_wind_outage_counts_with_the_calm_in_it_and_a_storm_is_none() -> None:
    share, near = windy(60, 2)
    share[240:300] = -0.002
    wind_ms = near.wind_ms.copy()
    wind_ms[240:300] = 9.0
    wind_ms[270:275] = 2.0
    assert (told(FARM, share, replace(near, wind_ms=wind_ms))[240:300] == Cause.OUTAGE).all()
    wind_ms[240:300] = 26.0
    assert (told(FARM, share, replace(near, wind_ms=wind_ms)) == Cause.WEATHER).all()


def test_an_outage_is_told_by_the_plants_own_sensor_in_two_hours() -> None:
    share, near = windy(60, 2)
    share[240:243] = 0.0
    near.wind_ms[240:243] = 9.0
    assert (told(FARM, share, near)[240:243] == Cause.WEATHER).all()
    measured = replace(near, measured=np.ones(len(share), np.bool_))
    assert (told(FARM, share, measured)[240:243] == Cause.OUTAGE).all()


def test_five_days_of_nothing_are_an_outage_whatever_is_known_of_the_wind() -> None:
    share, _ = windy(60, 2)
    share[240:360] = 0.0
    found = told(FARM, share, nothing(len(share)))
    assert (found[240:360] == Cause.OUTAGE).all()


def test_a_line_drawn_over_a_gap_does_not_teach() -> None:
    share, near = windy(60, 3)
    share[200:220] = np.linspace(0.2, 0.7, 20)
    found = told(FARM, share, near)
    assert (found[200:220] == Cause.INTERPOLATED).all()
    assert clean.counts(found) == {"interpolated": pytest.approx(20, abs=2)}


def test_full_power_may_repeat_for_half_a_day_and_a_stuck_meter_may_not() -> None:
    share, near = windy(60, 3)
    top = float(share.max())
    share[200:212], near.wind_ms[200:212] = top, 15.0
    assert clean.counts(told(FARM, share, near)) == {}
    share[300:308] = 0.437
    assert clean.counts(told(FARM, share, near)) == {"stuck": 8}


def test_every_hour_under_a_limit_is_left_out_unless_the_limit_is_always_there() -> None:
    share, near = windy(60, 3)
    limit = np.full(len(share), np.nan)
    limit[100:200] = 400.0
    found = told(
        FARM, np.minimum(share, np.where(np.isfinite(limit), 0.4, 9.0)), replace(near, setpoint_kw=limit)
    )
    assert np.array_equal(np.flatnonzero(found == Cause.CURTAILED), np.arange(100, 200))
    always = replace(near, setpoint_kw=np.full(len(share), 700.0))
    found = told(FARM, np.minimum(share, 0.7), always)
    assert (found[share < 0.6] == Cause.WEATHER).all()
    assert (found[share >= 0.7] == Cause.CURTAILED).all()


def test_a_level_that_came_back_does_not_teach_and_one_that_stayed_is_the_new_truth() -> None:
    share, near = windy(200, 5)
    for_a_while = share.copy()
    for_a_while[60 * 24 : 110 * 24] *= 0.4
    found = told(FARM, for_a_while, near)
    assert (found[61 * 24 : 109 * 24] == Cause.SHIFTED).mean() > 0.9
    assert (found[120 * 24 :] == Cause.WEATHER).all()
    for_good = share.copy()
    for_good[100 * 24 :] *= 0.4
    found = told(FARM, for_good, near)
    assert (found[: 98 * 24] == Cause.SHIFTED).mean() > 0.9
    assert (found[102 * 24 :] == Cause.WEATHER).all()


@given(seed=st.integers(0, 1000), at=st.integers(15, 60), jump=st.floats(0.8, 3.0))
@settings(max_examples=30, deadline=None)
def test_a_series_is_cut_where_its_level_changes_and_nowhere_else(seed: int, at: int, jump: float) -> None:
    values = np.random.default_rng(seed).normal(0.0, 0.1, 80)
    assert len(stretches(values)) == 1
    values[at:] += jump
    first, second = stretches(values)
    assert first.end == second.start and abs(first.end - at) <= 1
    assert second.level - first.level == pytest.approx(jump, abs=0.15)


@given(st.lists(st.one_of(st.just(float("nan")), st.floats(-0.05, 1.2)), max_size=120), st.booleans())
@settings(max_examples=60, deadline=None)
def test_whatever_comes_gets_a_cause_and_what_is_missing_is_the_weathers(
    values: list[float], solar: bool
) -> None:
    share = np.array(values, np.float64)
    plant = replace(LOST_PARK if solar else FARM, resolution_s=3600)
    end_ms = START_MS + (np.arange(len(share), dtype=np.int64) + 1) * 3_600_000
    before = share.copy()
    found = clean.causes(plant, end_ms, share, nothing(len(share)))
    assert found.shape == share.shape and set(found.tolist()) <= set(Cause)
    assert (found[np.isnan(share)] == Cause.WEATHER).all()
    np.testing.assert_array_equal(share, before)


def test_days_of_refused_values_are_told_in_a_history_and_counted() -> None:
    rows = telemetry(WIND, 30)
    in_watts = (rows.event_time_ms > START_MS + 10 * 86_400_000) & (
        rows.event_time_ms <= START_MS + 12 * 86_400_000
    )
    sent = replace(rows, power_kw=np.where(in_watts, rows.power_kw * 1000.0, rows.power_kw))
    (made,) = histories([WIND], sent, runs(WIND, 30), FAR_MS)
    known = np.isfinite(made.power_kw)
    inside = (made.end_ms > START_MS + 10 * 86_400_000) & (made.end_ms <= START_MS + 12 * 86_400_000)
    assert made.causes is not None
    assert (made.causes[inside & known] == Cause.OFF_SCALE).all()
    np.testing.assert_array_equal(made.clean, made.causes == Cause.WEATHER)
    cut = made.before(START_MS + 11 * 86_400_000)
    assert cut.causes is not None and len(cut.causes) == len(cut.end_ms)


def test_the_manifest_says_what_did_not_teach_and_how_much() -> None:
    made = history(WIND, 40)
    assert made.causes is not None
    causes = made.causes.copy()
    causes[:7] = Cause.STUCK
    said = manifest([replace(made, causes=causes)], {}, small_config())["plants"]["wind-1"]
    assert said["left_out"] == clean.counts(causes) and said["left_out"]["stuck"] >= 7
