"""A run's features: whole hours, neighbours in time, and what is missing stays missing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from models.forecast.base import HOUR_MS
from models.forecast.run_hours import hourly
from models.forecast.weather_features import features
from schemas.records import AreaPoint, PlantVersion, WeatherRun
from tests.forecast_world import NOWHERE, SOLAR, START_MS, WIND, runs, small_release


def run_of(columns: dict[str, list[float]], step_s: int = 3600, **known: object) -> WeatherRun:
    count = len(next(iter(columns.values())))
    valid = START_MS + np.arange(1, count + 1, dtype=np.int64) * step_s * 1000
    values = {k: np.array(v, float) for k, v in columns.items()}
    return WeatherRun("p", "test", START_MS, START_MS, valid, values, **known)  # type: ignore[arg-type]  # named fields


def column(plant: PlantVersion, run: WeatherRun, name: str) -> np.ndarray:
    made = features(plant, run)
    return made.matrix([name], made.hours_ms)[:, 0]


def test_quarter_hours_become_hourly_means() -> None:
    run = run_of({"temperature_2m_c": [1, 2, 3, 4, 5, 6, 7, 8]}, 900)
    np.testing.assert_allclose(column(WIND, run, "temperature_2m_c"), [2.5, 6.5])


def test_three_hourly_values_are_bridged_and_sums_hold_over_their_interval() -> None:
    run = run_of({"temperature_2m_c": [3, 6], "shortwave_radiation_w_m2": [100, 400]}, 10_800)
    np.testing.assert_allclose(column(WIND, run, "temperature_2m_c"), [3, 4, 5, 6])
    np.testing.assert_allclose(column(WIND, run, "shortwave_radiation_w_m2"), [100, 400, 400, 400])


def test_directions_are_averaged_as_wind_and_not_as_numbers() -> None:
    valid = START_MS + np.array([900_000, 3_600_000])
    made = hourly(
        valid,
        {"wind_speed_10m_ms": np.array([5.0, 5.0]), "wind_direction_10m_deg": np.array([350.0, 10.0])},
        np.array([START_MS + HOUR_MS]),
    )
    assert abs(made["wind_east_10m_ms"][0]) < 1e-9
    assert made["wind_north_10m_ms"][0] < -4.9


def test_neighbours_are_the_run_s_own_and_missing_beyond_its_ends() -> None:
    run = run_of({"wind_speed_100m_ms": [1, 2, 3, 4, 5]})
    np.testing.assert_allclose(column(WIND, run, "wind_speed_100m_ms@+2"), [3, 4, 5, np.nan, np.nan])
    np.testing.assert_allclose(column(WIND, run, "wind_speed_100m_ms@-1"), [np.nan, 1, 2, 3, 4])
    np.testing.assert_allclose(column(WIND, run, "wind_speed_100m_ms~3"), [1.5, 2, 3, 4, 4.5])


def test_the_area_s_points_are_features_of_their_own() -> None:
    point = AreaPoint("north", None, None, {"wind_speed_100m_ms": np.array([7.0, 8.0])})
    run = run_of({"wind_speed_100m_ms": [5, 6]}, points=(point,))
    np.testing.assert_allclose(column(WIND, run, "north/wind_speed_100m_ms"), [7, 8])
    np.testing.assert_allclose(column(WIND, run, "area/wind_speed_100m_ms"), [6, 7])
    np.testing.assert_allclose(column(WIND, run, "area/wind_speed_100m_ms~spread"), [1, 1])


def test_sun_features_need_a_place_and_the_rest_does_not() -> None:
    run = runs(SOLAR, 1)[0]
    assert "panel_power" in features(SOLAR, run).columns
    without = features(NOWHERE, run).columns
    assert "panel_power" not in without
    assert "shortwave_radiation_w_m2@+1" in without


def test_a_lost_column_still_gives_a_forecast_and_losing_what_matters_gives_none() -> None:
    model = small_release().weather["wind-1"]
    run = runs(WIND, 2)[1]
    cooler = replace(run, columns={k: v for k, v in run.columns.items() if k != "temperature_2m_c"})
    assert np.isfinite(model.base(WIND, cooler, run.valid_at_ms)).all()
    windless = replace(run, columns={k: v for k, v in run.columns.items() if not k.startswith("wind")})
    assert np.isnan(model.base(WIND, windless, run.valid_at_ms)).all()


def test_hours_outside_the_run_and_hours_of_nan_are_not_spoken_of() -> None:
    model = small_release().weather["wind-1"]
    run = runs(WIND, 2)[1]
    holed = {k: np.where(np.arange(48) >= 24, np.nan, v) for k, v in run.columns.items()}
    q = model.base(
        WIND, replace(run, columns=holed), np.append(run.valid_at_ms, run.valid_at_ms[-1] + HOUR_MS)
    )
    assert np.isfinite(q[:24]).all()
    assert np.isnan(q[24:]).all()


def test_an_empty_run_says_nothing() -> None:
    model = small_release().weather["wind-1"]
    empty = WeatherRun("wind-1", "test", START_MS, START_MS, np.empty(0, np.int64), {})
    assert np.isnan(model.base(WIND, empty, np.array([START_MS]))).all()
