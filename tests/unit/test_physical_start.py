"""What a plant without a trained model is promised: sane bands from weather alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.forecast import physical_start
from models.forecast.base import HIGH, HOUR_MS, LOW, MEDIAN
from models.forecast.start_tables import TABLES
from models.training import fit_physical_start
from schemas.records import PlantKind, PlantVersion, WeatherRun

START_MS = 1_718_000_000_000 // 86_400_000 * 86_400_000  # a day in June
HOURS_MS = START_MS + np.arange(1, 49) * HOUR_MS
WIND = PlantVersion("farm", 0, 0, PlantKind.WIND, 8200.0, 900, 48.5, 5.6)
SOLAR = PlantVersion("park", 0, 0, PlantKind.SOLAR, 500.0, 900, 48.5, 5.6)


def run(**columns: np.ndarray | float) -> WeatherRun:
    filled = {
        name: np.broadcast_to(np.asarray(v, float), HOURS_MS.shape).copy() for name, v in columns.items()
    }
    return WeatherRun("any", "anywhere", START_MS, START_MS, HOURS_MS, filled)


def base(plant: PlantVersion, weather: WeatherRun) -> np.ndarray:
    return physical_start.base(plant, weather, HOURS_MS)


@given(st.floats(0, physical_start.CUT_OUT_M_S[0]), st.floats(0, physical_start.CUT_OUT_M_S[0]))
def test_more_wind_never_means_less_power_until_turbines_shut_down(one: float, other: float) -> None:
    less, more = (base(WIND, run(wind_speed_100m_ms=speed))[0] for speed in sorted((one, other)))
    assert (more >= less - 1e-9).all()
    assert (np.diff(more) >= 0).all()


def test_the_lower_half_is_at_nothing_in_a_storm() -> None:
    q = base(WIND, run(wind_speed_100m_ms=35.0))[0]
    assert (q[: MEDIAN + 1] <= 0.0).all()
    assert q[HIGH] > 0.9


def test_speed_goes_to_hub_height_by_the_two_heights_around_it() -> None:
    weather = run(wind_speed_10m_ms=5.0, wind_speed_80m_ms=7.0, wind_speed_120m_ms=8.0)
    speed = physical_start.hub_speed(100.0, weather.columns)
    assert speed is not None
    assert 7.0 < speed[0] < 8.0
    at_80 = physical_start.hub_speed(80.0, weather.columns)
    assert at_80 is not None
    assert at_80[0] == pytest.approx(7.0)


def test_one_height_alone_is_enough() -> None:
    q = base(WIND, run(wind_speed_10m_ms=8.0))
    assert np.isfinite(q).all()
    assert (q > base(WIND, run(wind_speed_100m_ms=8.0)))[:, LOW:HIGH].all()


@pytest.mark.parametrize("weather", [run(shortwave_radiation_w_m2=700.0), run(cloud_cover_pct=10.0)])
def test_a_solar_plant_sleeps_at_night_and_has_a_wide_band_by_day(weather: WeatherRun) -> None:
    q = base(SOLAR, weather)
    night, noon = HOURS_MS // HOUR_MS % 24 == 1, HOURS_MS // HOUR_MS % 24 == 12
    assert (q[night] == 0.0).all()
    assert (q[noon, HIGH] - q[noon, LOW] > 0.2).all()
    assert (q[noon, MEDIAN] > 0.3).all()


def test_radiation_tells_more_than_cloud_cover() -> None:
    noon = HOURS_MS // HOUR_MS % 24 == 12
    sure = base(SOLAR, run(shortwave_radiation_w_m2=900.0))[noon]
    unsure = base(SOLAR, run(cloud_cover_pct=0.0))[noon]
    assert ((sure[:, HIGH] - sure[:, LOW]) < (unsure[:, HIGH] - unsure[:, LOW])).all()


def test_panels_to_the_west_give_in_the_afternoon() -> None:
    weather = run(shortwave_radiation_w_m2=600.0)
    west, east = (replace(SOLAR, tilt_deg=40.0, azimuth_deg=to) for to in (270.0, 90.0))
    late = HOURS_MS // HOUR_MS % 24 == 17
    assert (base(west, weather)[late, MEDIAN] > 1.5 * base(east, weather)[late, MEDIAN]).all()


def test_without_a_position_radiation_alone_serves() -> None:
    nowhere = replace(SOLAR, latitude=None, longitude=None)
    assert np.isfinite(base(nowhere, run(shortwave_radiation_w_m2=600.0))).all()
    assert np.isnan(base(nowhere, run(cloud_cover_pct=50.0))).all()


def test_nothing_to_start_from_is_said_as_missing() -> None:
    for plant in (WIND, SOLAR):
        assert np.isnan(base(plant, run(temperature_2m_c=12.0))).all()
    spoiled = run(wind_speed_100m_ms=8.0)
    spoiled.columns["wind_speed_100m_ms"][10:] = np.nan
    q = base(WIND, spoiled)
    assert np.isfinite(q[:10]).all()
    assert np.isnan(q[-20:]).all()


def test_beyond_the_run_nothing_is_said() -> None:
    later = HOURS_MS + 96 * HOUR_MS
    assert np.isnan(physical_start.base(WIND, run(wind_speed_100m_ms=8.0), later)).all()


def test_a_table_is_measured_from_what_plants_gave() -> None:
    rng = np.random.default_rng(1)
    told = rng.uniform(0.0, 18.0, 20_000)
    given = np.clip(told / 20.0 + rng.normal(0.0, 0.05, len(told)), 0.0, 1.0)
    table = fit_physical_start.measure("wind", [(told, given)])
    middle = np.interp([5.0, 10.0, 15.0], table.at, table.quantiles[:, MEDIAN])
    assert middle == pytest.approx([0.25, 0.5, 0.75], abs=0.02)
    assert (np.diff(table.quantiles, axis=1) >= 0).all()


@pytest.mark.parametrize("name", sorted(TABLES))
def test_published_tables_rise_in_the_signal_and_in_the_level(name: str) -> None:
    table = TABLES[name]
    assert (np.diff(table.at) > 0).all()
    assert (np.diff(table.quantiles, axis=0) >= 0).all()
    assert (np.diff(table.quantiles, axis=1) >= 0).all()
