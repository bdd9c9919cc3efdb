"""Bands find their width from what matures, whatever they started with."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from models.forecast.conformal import LIMIT, NARROWEST, learn, widen

LEVELS = (0.1, 0.5, 0.9)


@pytest.mark.parametrize("wrong_by", [0.5, 1.0, 2.0])
def test_a_band_of_the_wrong_width_ends_at_eighty_percent(wrong_by: float) -> None:
    rng = np.random.default_rng(0)
    true = norm.ppf(LEVELS) * 0.08 + 0.5
    q = np.tile(0.5 + (true - 0.5) * wrong_by, (200, 1))
    low, high, matured = np.zeros(200), np.zeros(200), np.zeros(200)
    inside = []
    for turn in range(900):
        band = widen(q, LEVELS, low, high)
        actual = rng.normal(0.5, 0.08, 200)
        if turn >= 500:
            inside.append((actual >= band[:, 0]) & (actual <= band[:, 2]))
        low, high, matured = learn(low, high, matured, actual, band[:, 0], band[:, 2])
    assert 0.78 <= np.mean(inside) <= 0.82


def test_the_median_never_moves_and_bands_keep_a_least_width() -> None:
    q = np.array([[0.3, 0.3, 0.3], [0.2, 0.4, 0.9]])
    made = widen(q, LEVELS, np.array([0.0, -1.0]), np.array([0.0, 1.0]))
    np.testing.assert_array_equal(made[:, 1], [0.3, 0.4])
    np.testing.assert_allclose(made[0], [0.3 - NARROWEST, 0.3, 0.3 + NARROWEST])
    assert made[1, 0] > 0.2
    assert made[1, 2] > 0.9


def test_night_and_calm_teach_nothing_and_full_power_teaches_that_it_was_inside() -> None:
    low, high, matured = learn(
        np.zeros(3),
        np.zeros(3),
        np.zeros(3),
        np.array([0.0, np.nan, 1.0]),
        np.array([0.0, 0.2, 0.6]),
        np.array([0.0, 0.4, 1.0]),
    )
    np.testing.assert_array_equal(high[:2], 0.0)
    np.testing.assert_array_equal(low[:2], 0.0)
    assert low[2] < 0
    assert high[2] < 0
    np.testing.assert_array_equal(matured, [0.0, 0.0, 1.0])


def test_factors_stay_bounded_when_everything_misses() -> None:
    low, high, matured = np.zeros(1), np.zeros(1), np.zeros(1)
    for _ in range(2000):
        low, high, matured = learn(low, high, matured, np.array([0.01]), np.array([0.5]), np.array([0.6]))
    assert low[0] == LIMIT
    assert high[0] == -LIMIT
