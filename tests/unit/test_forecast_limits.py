"""What is published lies inside the plant's limits, rises, and is dark at night."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.forecast.base import KNOTS, to_levels
from models.forecast.limits import GRID, publish, shares

SHARES = st.floats(-3.0, 3.0)
LIT = np.ones((1, 1), np.bool_)


@given(st.lists(SHARES, min_size=5, max_size=5), st.floats(-0.2, 0.3))
def test_whatever_a_model_says_stays_inside_the_limits_and_rises(values: list[float], lowest: float) -> None:
    made = shares(publish(np.array(values).reshape(1, 1, 5), np.array([lowest]), LIT))
    assert made.min() >= max(lowest, -0.05) - 1 / GRID
    assert made.max() <= 1.0
    assert (np.diff(made) >= 0).all()


def test_night_is_the_night_level_and_never_above_zero() -> None:
    q, dark = np.full((3, 1, 2), 0.4), np.zeros((3, 1), np.bool_)
    made = shares(publish(q, np.array([-0.01, 0.0, np.nan]), dark))
    np.testing.assert_allclose(made[:, 0, 0], [-0.01, 0.0, 0.0])


def test_own_consumption_is_published_where_the_plant_has_it() -> None:
    made = shares(publish(np.array([[[-0.02, 0.0, 0.1]]]), np.array([-0.02]), LIT))
    np.testing.assert_allclose(made[0, 0], [-0.02, 0.0, 0.1])


def test_a_missing_quantile_never_leaves() -> None:
    with pytest.raises(ValueError, match="not finite"):
        publish(np.array([[[np.nan, 0.1]]]), np.zeros(1), LIT)


def test_levels_that_are_knots_are_the_knots() -> None:
    q = np.sort(np.random.default_rng(0).random((4, len(KNOTS))), axis=1)
    np.testing.assert_array_equal(to_levels(q, KNOTS), q)
    np.testing.assert_allclose(to_levels(q, (0.25,))[:, 0], (q[:, 3] + q[:, 4]) / 2)
    np.testing.assert_array_equal(to_levels(q, (0.001, 0.999)), q[:, [0, -1]])
