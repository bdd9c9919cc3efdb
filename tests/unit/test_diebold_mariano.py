"""Two forecasts are told apart where they differ, and rarely where they do not."""

from __future__ import annotations

import numpy as np
import pytest

from models.diebold_mariano import bandwidth, compare


def weather_like(rng: np.random.Generator, days: int, keeps: float = 0.5) -> np.ndarray:
    """Daily losses (days,) that hang together from day to day, as those of a stormy week do."""
    made = np.empty(days)
    made[0] = rng.normal()
    for i in range(1, days):
        made[i] = keeps * made[i - 1] + np.sqrt(1 - keeps**2) * rng.normal()
    return made


def test_a_forecast_that_loses_more_every_day_is_worse_and_the_other_better() -> None:
    rng = np.random.default_rng(1)
    good = 0.03 + 0.005 * rng.random(30)
    bad = good + 0.002 + 0.001 * rng.random(30)
    found = compare(bad, good)
    assert found is not None
    assert found.worse()
    assert found.difference == pytest.approx(0.0025, rel=0.2)
    other = compare(good, bad)
    assert other is not None
    assert not other.worse()
    assert other.p_better == pytest.approx(found.p_worse)
    assert found.p_worse + found.p_better == pytest.approx(1.0)


def test_equal_forecasts_are_neither_and_a_difference_without_scatter_is_certain() -> None:
    same = np.linspace(0.01, 0.05, 20)
    found = compare(same, same)
    assert found is not None
    assert (found.difference, found.p_worse, found.p_better) == (0.0, 0.5, 0.5)
    found = compare(np.full(20, 0.5), np.full(20, 0.25))
    assert found is not None
    assert found.p_worse == 0.0
    assert np.isfinite(list(found.to_json().values())).all()


def test_days_that_hang_together_count_for_less() -> None:
    """What the HAC variance is for: at a nominal 5 % equal forecasts are called worse at most twice as
    often, a plain t-test of the same days three times.
    """
    from scipy import stats

    rng = np.random.default_rng(7)
    trials = [weather_like(rng, 60) for _ in range(600)]
    ours = np.mean([compare(one, np.zeros(60)).p_worse < 0.05 for one in trials])  # type: ignore[union-attr]
    plain = np.mean([stats.ttest_1samp(one, 0.0, alternative="greater").pvalue < 0.05 for one in trials])
    assert ours < 0.10
    assert plain > 0.13


def test_a_variance_without_correlation_is_that_of_the_t_test() -> None:
    """Expected numbers: scipy.stats.ttest_1samp of the same days, up to the lags that are only noise."""
    from scipy import stats

    gaps = np.random.default_rng(3).normal(0.1, 1.0, 400)
    found = compare(gaps, np.zeros(400))
    assert found is not None
    assert found.statistic == pytest.approx(stats.ttest_1samp(gaps, 0.0).statistic, rel=0.15)


def test_missing_days_are_no_neighbours() -> None:
    rng = np.random.default_rng(5)
    whole = weather_like(rng, 200, 0.8)
    kept = np.sort(rng.choice(200, 40, replace=False))
    holes = np.full(200, np.nan)
    holes[kept] = whole[kept]
    by_number = compare(whole[kept], np.zeros(40), kept)
    by_nan = compare(holes, np.zeros(200))
    assert by_number is not None
    assert by_nan is not None
    assert by_number.days == 40
    assert by_number.statistic == pytest.approx(by_nan.statistic)
    closer = compare(whole[kept], np.zeros(40))
    assert closer is not None
    assert closer.statistic != pytest.approx(by_number.statistic)


def test_a_few_days_say_nothing() -> None:
    assert compare(np.ones(4), np.zeros(4)) is None
    assert compare(np.array([1.0, np.nan, np.nan, 1.0, 1.0, 1.0]), np.zeros(6)) is None
    assert compare(np.empty(0), np.empty(0), np.empty(0, np.int64)) is None
    assert bandwidth(100) == 4
