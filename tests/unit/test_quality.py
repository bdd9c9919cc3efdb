"""The data quality of a feed: between 0 and 1, worse with what is wrong, forgetting with time."""

from __future__ import annotations

import numpy as np
import pytest

from models import quality
from models.quality import Arrivals

QUARTER_S = np.array([900.0])


def arrivals(came: float = 90, refused: float = 0, late: float = 0, due: float = 90) -> Arrivals:
    return Arrivals(*(np.array([float(x)]) for x in (came, refused, late, due)))


def after(what: Arrivals, looks: int, shares: np.ndarray | None = None) -> float:
    shares = np.full((1, 3), np.nan) if shares is None else shares
    for _ in range(looks):
        quality.learn(shares, what, QUARTER_S)
    return float(quality.score(shares)[0])


def test_a_feed_that_nobody_has_heard_has_no_score() -> None:
    assert np.isnan(quality.score(np.full((1, 3), np.nan)))[0]


def test_a_perfect_feed_scores_one() -> None:
    assert after(arrivals(), 5) == 1.0


def test_each_fault_costs_its_share() -> None:
    assert after(arrivals(late=45), 50) == pytest.approx(0.5)
    assert after(arrivals(came=45), 50) == pytest.approx(0.5)
    assert after(arrivals(refused=45), 50) == pytest.approx(0.25)  # half refused, so half is missing too


def test_more_than_was_due_is_not_better_than_all() -> None:
    assert after(arrivals(came=180), 5) == 1.0


def test_a_bad_hour_is_forgotten_within_a_day() -> None:
    shares = np.full((1, 3), np.nan)
    after(arrivals(), 10, shares)
    low = after(arrivals(came=0), 4, shares)
    assert 0.8 < low < 0.9
    assert after(arrivals(), 96, shares) > 0.99


def test_silence_leaves_validity_as_it_is() -> None:
    shares = np.full((1, 3), np.nan)
    after(arrivals(refused=45), 50, shares)
    quality.learn(shares, arrivals(came=0), QUARTER_S)
    assert shares[0, quality.VALID] == pytest.approx(0.5)


def test_plants_do_not_touch_each_other() -> None:
    shares = np.full((2, 3), np.nan)
    both = Arrivals(np.array([90.0, 45.0]), np.zeros(2), np.zeros(2), np.array([90.0, 90.0]))
    quality.learn(shares, both, np.array([900.0, 900.0]))
    assert quality.score(shares).tolist() == [1.0, 0.5]


def test_weather_is_worse_when_overdue_or_half_missing() -> None:
    hour = 3600.0
    what = quality.weather_arrivals(
        silent_s=np.array([hour, 12 * hour, hour, np.inf]),
        usual_s=np.full(4, 6 * hour),
        missing_share=np.array([0.0, 0.0, 0.5, np.nan]),
        fresh=np.ones(4, np.bool_),
    )
    shares = np.full((4, 3), np.nan)
    quality.learn(shares, what, np.full(4, 900.0))
    assert quality.score(shares).tolist() == [1.0, 0.0, 0.25, 0.0]
