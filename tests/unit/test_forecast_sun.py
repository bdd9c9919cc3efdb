"""Where the sun stands does not depend on what else is asked for, and agrees with pvlib's full chain."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pvlib import atmosphere, clearsky

from models import sun
from models.skies import Skies, days_around, sky

DAY = 16_262 * 86_400_000  # 2014-07-11
PLACE = (48.45, 5.59)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, 3 * 96), min_size=1, max_size=40), st.sampled_from([300, 900, 3600]))
def test_an_interval_is_the_same_bits_alone_and_among_others(quarters: list[int], length_s: int) -> None:
    ends = DAY + np.array(quarters, np.int64) * 900_000
    together = sun.means(*PLACE, ends, length_s)
    for i, end in enumerate(ends):
        alone = sun.means(*PLACE, np.array([end]), length_s)
        assert alone.elevation_deg[0] == together.elevation_deg[i]
        assert alone.clear[0] == together.clear[i]


def test_skies_of_many_sites_say_the_bits_of_each_alone() -> None:
    places, draw = (PLACE, (-33.9, 151.2)), np.random.default_rng(3)
    ends = DAY + draw.integers(0, 3 * 288, (2, 200)) * 300_000
    lengths = draw.choice([300, 900, 3600], ends.shape)
    (first, end), other = days_around(ends)
    grown = sky(*PLACE, first, end, sky(*PLACE, first - 1, first + 1, None))  # in part known before
    skies = Skies.of([grown, sky(*places[1], *other, None)])
    for row, place in enumerate(places):
        alone = sun.means(*place, ends[row], lengths[row])
        assert np.array_equal(skies.clear_of(ends, lengths)[row], alone.clear)
        assert np.array_equal(skies.daylight(ends, lengths)[row], alone.bright)


def test_elevation_is_that_of_pvlib_at_the_middle_of_a_short_interval() -> None:
    from pvlib.solarposition import get_solarposition

    ends = DAY + np.arange(1, 289, dtype=np.int64) * 300_000
    middles = pd.to_datetime(ends - 150_000, unit="ms", utc=True)
    expected = get_solarposition(middles, *PLACE)["apparent_elevation"].to_numpy()
    np.testing.assert_allclose(sun.means(*PLACE, ends, 300).elevation_deg, expected, atol=0.02)


def test_an_hour_over_midnight_is_the_mean_of_its_parts() -> None:
    far_east = (35.0, 179.0)  # noon near midnight UTC
    hour = sun.means(*far_east, np.array([DAY + 1_800_000]), 3600)
    halves = sun.means(*far_east, np.array([DAY, DAY + 1_800_000]), 1800)
    assert hour.elevation_deg[0] == pytest.approx(halves.elevation_deg.mean())
    assert hour.clear[0] == pytest.approx(halves.clear.mean())
    assert hour.bright[0]


def test_night_is_dark_and_an_unknown_place_always_bright() -> None:
    midnight = np.array([DAY, DAY + 12 * 3_600_000])
    np.testing.assert_array_equal(sun.daylight(*PLACE, midnight, 900), [False, True])
    assert sun.daylight(None, None, midnight, 900).all()


def test_a_clear_sky_is_that_of_pvlib_to_the_bit() -> None:
    zenith = np.random.default_rng(4).uniform(0.0, 89.5, 2000)
    airmass = atmosphere.get_relative_airmass(zenith)
    said = clearsky.ineichen(zenith, airmass, sun.LINKE_TURBIDITY, altitude=0, dni_extra=sun.SOLAR_CONSTANT)
    np.testing.assert_array_equal(sun._clear_sky(zenith), said["ghi"])
    assert not sun._clear_sky(np.array([89.5, 90.0, 170.0])).any()


def test_a_clear_sky_stays_between_nothing_and_the_sun_outside_the_atmosphere() -> None:
    ends = DAY + np.arange(1, 97, dtype=np.int64) * 900_000
    made = sun.means(*PLACE, ends, 900)
    assert (made.clear >= 0).all()
    assert (made.clear <= made.extra * 1.361 + 1e-9).all()
    assert 0.85 < made.clear.max() < 1.05
