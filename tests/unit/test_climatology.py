"""Climatology keeps solar time: neither a clock change nor the equation of time moves a plant's day."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from models import sun
from models.forecast import climatology
from models.forecast.base import HOUR_MS, MEDIAN, Floats, Ints
from models.forecast.climatology import Climatology
from models.forecast.limits import DARK_SHARE
from schemas.records import PlantKind, PlantVersion

DAY_MS = 86_400_000
HERE = PlantVersion("here", 0, 0, PlantKind.SOLAR, 100.0, 3600, 47.0, 8.0, timezone="Europe/Zurich")
NOWHERE = replace(HERE, latitude=None, longitude=None)
YEAR_MS = 1_388_534_400_000  # 2014-01-01


def days(first: int, count: int) -> Ints:
    """Hours of so many days from a day of 2014 on."""
    return YEAR_MS + first * DAY_MS + (np.arange(count * 24, dtype=np.int64) + 1) * HOUR_MS


def clear(hours_ms: Ints) -> Floats:
    return sun.means(47.0, 8.0, hours_ms, 3600).clear


def cloudy(hours_ms: Ints) -> Floats:
    cloud = np.repeat(np.random.default_rng(0).uniform(0.3, 1.0, len(hours_ms) // 24), 24)
    return 0.9 * clear(hours_ms) * cloud


def noon_h(hours_ms: Ints, power: Floats) -> float:
    """Middle of a day's energy in UTC, over several days."""
    return float(((hours_ms - HOUR_MS / 2) / HOUR_MS % 24 * power).sum() / power.sum())


def learned(plant: PlantVersion, first: int = 0, count: int = 365) -> Climatology:
    hours_ms = days(first, count)
    table = climatology.fit(plant, hours_ms, cloudy(hours_ms))
    assert table is not None
    return Climatology({plant.plant_id: table})


@pytest.mark.parametrize("plant", [HERE, NOWHERE], ids=["position", "no position"])
@pytest.mark.parametrize(
    "first", [41, 86, 297, 305], ids=["february", "before summer time", "after", "november"]
)
def test_noon_stays_where_the_sun_puts_it_on_every_side_of_a_clock_change(
    plant: PlantVersion, first: int
) -> None:
    hours_ms = days(365 + first, 5)
    said = learned(plant).base(plant, hours_ms)[:, MEDIAN]
    assert noon_h(hours_ms, said) == pytest.approx(noon_h(hours_ms, clear(hours_ms)), abs=0.08)


def test_the_timezone_of_reports_changes_nothing() -> None:
    hours_ms = days(365 + 80, 30)
    plain = replace(NOWHERE, timezone=None)
    np.testing.assert_array_equal(
        learned(plain).base(plain, hours_ms), learned(NOWHERE).base(NOWHERE, hours_ms)
    )


def test_a_plant_without_position_that_was_seen_for_a_year_is_dark_in_its_nights() -> None:
    hours_ms = days(365, 365)
    highest = learned(NOWHERE).base(NOWHERE, hours_ms)[:, -1]
    midnight = np.abs(hours_ms / HOUR_MS % 24 - 0.5) < 2  # UTC; the sun is lowest about 23:30
    assert (highest[midnight] < DARK_SHARE).all()
    assert (highest[clear(hours_ms) > 0.02] >= DARK_SHARE).all()


def test_hours_that_were_never_seen_stay_open() -> None:
    """Known in winter alone, a summer morning must not be said to be dark."""
    hours_ms = days(365 + 160, 10)
    highest = learned(NOWHERE, 330, 60).base(NOWHERE, hours_ms)[:, -1]
    assert (highest[clear(hours_ms) > 0.02] > 0.05).all()


def test_neighbouring_hours_are_joined_without_a_step() -> None:
    hours_ms = days(365 + 160, 2)
    minutes = np.arange(hours_ms[0], hours_ms[-1], 60_000, dtype=np.int64)
    said = learned(NOWHERE).base(NOWHERE, minutes)
    assert np.abs(np.diff(said, axis=0)).max() < 0.01


def test_the_equation_of_time_is_the_one_of_the_almanac() -> None:
    from pvlib.solarposition import equation_of_time_pvcdrom

    hours_ms = days(0, 365)[::24]
    said = climatology.equation_of_time_h(hours_ms)
    np.testing.assert_allclose(said, equation_of_time_pvcdrom(np.arange(1, 366)) / 60.0, atol=0.03)
