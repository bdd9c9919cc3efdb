"""A solar plant whose registry says nothing of its place is found by its sun."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models import sun
from models.forecast.base import HOUR_MS
from models.training import position, site
from tests.forecast_world import SOLAR, WIND, history

HOURS = (np.arange(120 * 24, dtype=np.int64) + 400_000) * HOUR_MS
DAY_MS = 24 * HOUR_MS


def clear(latitude: float, longitude: float) -> np.ndarray:
    return sun.means(latitude, longitude, HOURS, 3600).clear * 1000.0


def away_deg(found: position.Position | None, latitude: float, longitude: float) -> tuple[float, float]:
    assert found is not None
    return abs(found[0] - latitude), abs((found[1] - longitude + 180.0) % 360.0 - 180.0)


@given(st.floats(-55.0, 55.0), st.floats(-179.0, 179.0), st.integers(0, 1000))
@settings(max_examples=8, deadline=None)
def test_a_place_is_found_by_its_radiation(latitude: float, longitude: float, seed: int) -> None:
    draw = np.random.default_rng(seed)
    cloud = np.repeat(draw.choice([0.0, 80.0], 120), 24)
    radiation = clear(latitude, longitude) * (1.0 - 0.6 * cloud / 100.0)
    north, east = away_deg(position.from_radiation(HOURS, radiation, cloud), latitude, longitude)
    assert north < 6.0
    assert east < 1.0


@pytest.mark.parametrize("turn", [-1.5, 0.0, 1.5])
def test_a_place_is_found_by_its_days_whichever_way_the_panels_face(turn: float) -> None:
    shine = clear(46.0, 8.0) / 1000.0
    skewed = shine * np.clip(
        1.0 + turn * 0.4 * np.sin((HOURS / HOUR_MS % 24 - 12.0) * np.pi / 12.0), 0.1, None
    )
    north, east = away_deg(position.from_power(HOURS, skewed), 46.0, 8.0)
    assert north < 6.0
    assert east < 4.0


def test_what_follows_no_sun_has_no_place() -> None:
    draw = np.random.default_rng(2)
    assert position.from_radiation(HOURS, draw.random(len(HOURS)) * 900.0, None) is None
    assert position.from_power(HOURS, draw.random(len(HOURS))) is None
    assert position.from_power(HOURS[:100], clear(46.0, 8.0)[:100]) is None


def test_what_the_registry_says_is_not_looked_for() -> None:
    whole = replace(SOLAR, tilt_deg=30.0, azimuth_deg=180.0)
    assert site.found(replace(history(SOLAR), plant=whole)) == {}
    assert site.found(history(WIND)) == {}
    assert site.completed(whole, {"latitude": 1.0, "tilt_deg": 2.0}) == whole


def test_a_plant_that_gives_at_night_is_not_put_where_it_would_be_night() -> None:
    nowhere = replace(SOLAR, latitude=None, longitude=None)
    known = history(SOLAR)
    battery = replace(known, plant=nowhere, power_kw=np.full(len(known.power_kw), 20.0))
    assert site.found(battery) == {}
