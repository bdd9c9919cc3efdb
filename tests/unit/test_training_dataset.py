"""Histories are what the worker would have averaged, and name what was not the weather's doing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from models.forecast.base import HOUR_MS
from models.training import clean
from models.training.dataset import histories
from tests.forecast_world import FAR_MS, SOLAR, START_MS, WIND, history, runs, telemetry

STEP_MS = WIND.resolution_s * 1000


def ends(count: int) -> np.ndarray:
    return START_MS + (np.arange(count, dtype=np.int64) + 1) * STEP_MS


def cleaned(share: np.ndarray, setpoint_kw: np.ndarray | float = np.nan, wind_ms: float = 9.0) -> np.ndarray:
    nothing = np.broadcast_to(setpoint_kw, share.shape)
    return clean.clean(WIND, ends(len(share)), share, nothing, np.full(len(share), wind_ms))


def test_nothing_known_later_is_in_a_history() -> None:
    rows, until = telemetry(WIND, 4), START_MS + 2 * 86_400_000
    changed = replace(rows, power_kw=np.where(rows.known_at_ms > until, 0.0, rows.power_kw))
    (one,) = histories([WIND], rows, runs(WIND, 4), until)
    (other,) = histories([WIND], changed, runs(WIND, 4), until)
    np.testing.assert_array_equal(one.power_kw, other.power_kw)
    assert one.end_ms[-1] <= until
    assert max(r.published_at_ms for r in one.runs) <= until
    whole = history(WIND, 4).before(until)
    np.testing.assert_array_equal(whole.power_kw, one.power_kw)


def test_records_that_the_worker_refuses_are_not_trained_on() -> None:
    rows = telemetry(WIND, 2)
    wild = rows.power_kw.copy()
    wild[10] = 10 * WIND.capacity_kw
    (made,) = histories([WIND], replace(rows, power_kw=wild), [], FAR_MS)
    assert np.isnan(made.power_kw[made.end_ms == rows.event_time_ms[10]]).all()


def test_the_last_value_of_a_repeated_stamp_counts() -> None:
    rows = telemetry(WIND, 2)
    again = replace(rows, power_kw=rows.power_kw * 0.5)
    (made,) = histories([WIND], type(rows).concat([rows, again]), [], FAR_MS)
    (plain,) = histories([WIND], rows, [], FAR_MS)
    np.testing.assert_allclose(made.power_kw, plain.power_kw * 0.5, atol=1e-5)


def test_shares_follow_the_capacity_that_held_then() -> None:
    larger = replace(WIND, valid_from_ms=START_MS + 86_400_000, capacity_kw=4000.0)
    (made,) = histories([WIND, larger], telemetry(WIND, 2), [], FAR_MS)
    np.testing.assert_allclose(made.share[:40], made.power_kw[:40] / 2000.0)
    np.testing.assert_allclose(made.share[-40:], made.power_kw[-40:] / 4000.0)


def test_hours_need_half_of_their_intervals() -> None:
    known = history(WIND, 3)
    power_kw = known.power_kw.copy()
    power_kw[:] = 500.0
    power_kw[[4, 6, 7]] = np.nan
    _, share = replace(known, power_kw=power_kw, clean=np.ones(len(power_kw), np.bool_)).hourly()
    assert share[2] == 0.25
    assert np.isnan(share[3])


def test_curtailed_stuck_and_standing_intervals_are_not_clean() -> None:
    moving = np.random.default_rng(0).uniform(0.2, 0.8, 100)
    assert cleaned(moving).all()
    limits = np.where(np.arange(100) < 40, 0.5 * WIND.capacity_kw, np.nan)
    np.testing.assert_array_equal(np.flatnonzero(~cleaned(moving, setpoint_kw=limits)), np.arange(40))
    stuck = moving.copy()
    stuck[20:30] = 0.4
    np.testing.assert_array_equal(np.flatnonzero(~cleaned(stuck)), np.arange(20, 30))
    out = moving.copy()
    out[10:60] = 0.0
    np.testing.assert_array_equal(np.flatnonzero(~cleaned(out)), np.arange(10, 60))
    assert cleaned(out, wind_ms=3.0).all()


def test_a_solar_plant_without_power_under_a_high_sun_is_out_and_at_night_it_is_not() -> None:
    end = START_MS + (np.arange(48, dtype=np.int64) + 1) * STEP_MS
    nothing = np.full(48, np.nan)
    good = clean.clean(SOLAR, end, np.zeros(48), nothing, nothing)
    hours = (end - START_MS) / HOUR_MS
    assert not good[(hours > 9) & (hours < 14)].any()
    assert good[hours < 3].all()
