"""Smart persistence keeps the clear-sky index, and knows nothing of the future."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models import sun
from models.smart_persistence import PowerAt, is_day, keep_index

HOUR_MS = 3_600_000
START_MS = 1_717_200_000_000  # 2024-06-01T00:00Z
GOLDEN = (39.74, -105.17)
F8 = NDArray[np.float64]
I8 = NDArray[np.int64]
GRID = START_MS + np.arange(24 * 30) * HOUR_MS
CLEAR = sun.means(*GOLDEN, GRID, 3600).clear


def series(values: F8) -> PowerAt:
    def at(end_ms: I8) -> F8:
        place = (end_ms - START_MS) // HOUR_MS
        inside = (place >= 0) & (place < len(values))
        return np.where(inside, values[np.clip(place, 0, len(values) - 1)], np.nan)

    return at


def test_a_cloud_that_halves_the_power_halves_the_next_hours_too() -> None:
    # A fortnight and more of clear sky, then from the 20th day on half of it.
    power = 80.0 * CLEAR * np.where(np.arange(len(GRID)) < 24 * 20, 1.0, 0.5)
    noon = START_MS + (24 * 20 + 18) * HOUR_MS
    issued = np.full(3, noon)
    valid = issued + np.array([1, 2, 24]) * HOUR_MS
    said = keep_index(series(power), issued, valid, HOUR_MS, limit=100.0)
    np.testing.assert_allclose(said, series(power)(valid), rtol=0.04)


def test_over_the_night_the_evenings_index_is_kept() -> None:
    power = 60.0 * CLEAR
    night = np.array([START_MS + (24 * 20 + 8) * HOUR_MS])  # 1 a.m. there
    said = keep_index(series(power), night, night + 10 * HOUR_MS, HOUR_MS, limit=100.0)
    np.testing.assert_allclose(said, series(power)(night + 10 * HOUR_MS), rtol=0.02)


def test_what_comes_after_the_issue_changes_nothing() -> None:
    rng = np.random.default_rng(3)
    power = 80.0 * CLEAR * rng.uniform(0.2, 1.0, len(GRID))
    issued = GRID[24 * 18 : 24 * 25]
    valid = issued + 5 * HOUR_MS
    said = keep_index(series(power), issued, valid, HOUR_MS, limit=100.0)
    cut = 24 * 21
    other = np.where(np.arange(len(GRID)) <= cut, power, 0.1 + 7 * power)
    again = keep_index(series(other), issued, valid, HOUR_MS, limit=100.0)
    before = issued <= GRID[cut]
    np.testing.assert_array_equal(said[before], again[before])
    assert not np.array_equal(said[~before], again[~before])


def test_no_forecast_is_over_the_limit_and_none_is_made_of_nothing() -> None:
    power = 95.0 * np.minimum(CLEAR * 3, 1.0)
    issued = GRID[24 * 16 : 24 * 20]
    said = keep_index(series(power), issued, issued + HOUR_MS, HOUR_MS, limit=100.0)
    assert np.nanmax(said) <= 100.0
    nothing = keep_index(series(np.full(9, np.nan)), issued, issued + HOUR_MS, HOUR_MS, limit=100.0)
    assert np.isnan(nothing).all()


def test_a_day_is_told_from_the_power_as_from_the_position() -> None:
    power = 80.0 * CLEAR
    by_power = is_day(series(power), GRID, HOUR_MS, None, dark=0.5)
    by_sun = is_day(series(power), GRID, HOUR_MS, GOLDEN, dark=0.5)
    assert 0.4 < by_power.mean() < 0.7
    assert (by_power != by_sun).mean() < 0.1
    # A dark day is a day all the same.
    dull = np.where(np.arange(len(GRID)) // 24 == 12, 0.0, power)
    np.testing.assert_array_equal(is_day(series(dull), GRID, HOUR_MS, None, dark=0.5), by_power)
