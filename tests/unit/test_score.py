"""Scores by hand, and the properties that make them scores."""

from __future__ import annotations

import numpy as np
import pytest

from models import score

LEVELS = np.array([0.1, 0.5, 0.9])


def test_pinball_by_hand() -> None:
    loss = score.pinball(np.array([[10.0]]), np.array([[4.0, 12.0, 20.0]]), LEVELS)
    np.testing.assert_allclose(loss, [[0.6, 1.0, 1.0]])


def test_pinball_is_least_at_the_true_quantile() -> None:
    actual = np.random.default_rng(0).gamma(2.0, 1.0, 20_000)[:, None]
    tried = np.linspace(0, 8, 161)
    for level in LEVELS:
        mean = score.pinball(actual, tried[None], np.full(161, level)).mean(axis=0)
        assert tried[mean.argmin()] == pytest.approx(np.quantile(actual, level), abs=0.06)


def test_a_missing_actual_has_no_loss() -> None:
    assert np.isnan(score.pinball(np.array([[np.nan]]), np.array([[1.0, 2.0, 3.0]]), LEVELS)).all()


def test_crps_of_a_point_forecast_is_the_absolute_error() -> None:
    levels = np.linspace(0.05, 0.95, 19)
    crps = score.crps(np.array([3.0, 7.0]), np.full((2, 19), 5.0), levels)
    np.testing.assert_allclose(crps, [2.0, 2.0])


def test_crps_of_uneven_levels_comes_near_that_of_many() -> None:
    # the standard normal at 0: (sqrt(2) - 1) / sqrt(pi), doi:10.1198/016214506000001437 eq. (5)
    from scipy.stats import norm

    levels = np.array([0.01, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99])
    crps = score.crps(np.array([0.0]), norm.ppf(levels)[None], levels)
    assert crps[0] == pytest.approx((np.sqrt(2) - 1) / np.sqrt(np.pi), abs=0.01)


def test_coverage_counts_each_edge_only_where_it_is_visible() -> None:
    actual = np.array([0.0, 1.0, 5.0, 20.0])
    low, high = np.array([0.0, 2.0, 2.0, 2.0]), np.array([0.1, 10.0, 10.0, 10.0])
    band = score.coverage(actual, low, high, visible=0.5)
    assert (band.below, band.above) == (pytest.approx(1 / 3), pytest.approx(1 / 3))
    assert band.inside == pytest.approx(1 / 3)


def test_coverage_of_an_invisible_edge_is_its_nominal_share() -> None:
    zeros = np.zeros(3)
    assert score.coverage(zeros, zeros, zeros, visible=0.5) == score.Coverage(0.1, pytest.approx(0.1))


def test_an_actual_on_the_edge_is_inside() -> None:
    edge = np.array([2.0])
    assert score.coverage(edge, edge, edge, visible=0.5).inside == 1.0


def test_errors_of_nothing_are_unknown() -> None:
    assert np.isnan(score.mae(np.empty(0), np.empty(0)))
    assert np.isnan(score.rmse(np.empty(0), np.empty(0)))


def test_rmse_weighs_large_errors() -> None:
    actual, forecast = np.array([0.0, 0.0]), np.array([0.0, 4.0])
    assert score.mae(actual, forecast) == 2.0
    assert score.rmse(actual, forecast) == pytest.approx(np.sqrt(8))


def test_skill_is_the_gain_over_a_reference() -> None:
    assert score.skill(3.0, 4.0) == 0.25
    assert score.skill(4.0, 4.0) == 0.0
    assert np.isnan(score.skill(1.0, 0.0))


def test_flawed_forecasts_are_named() -> None:
    quantiles = np.array([[1, 2, 3], [2, 1, 3], [1, np.nan, 3], [-9, 2, 3], [1, 2, 200.0]])
    assert score.flawed(quantiles, -5, 105).tolist() == [False, True, True, True, True]


def test_mape_is_the_sum_of_errors_over_the_sum_of_actuals() -> None:
    assert score.mape(np.array([0.0, 10.0, 30.0]), np.array([2.0, 6.0, 34.0])) == pytest.approx(0.25)
    assert np.isnan(score.mape(np.zeros(3), np.ones(3)))
    assert np.isnan(score.mape(np.empty(0), np.empty(0)))


def test_r2_is_what_a_forecast_explains() -> None:
    actual = np.array([1.0, 2.0, 3.0, 6.0])
    assert score.r2(actual, actual) == 1.0
    assert score.r2(actual, np.full(4, actual.mean())) == pytest.approx(0.0)
    assert score.r2(actual, np.array([1.0, 2.0, 3.0, 4.0])) == pytest.approx(1 - 4 / 14)
    assert np.isnan(score.r2(np.ones(3), np.ones(3)))
