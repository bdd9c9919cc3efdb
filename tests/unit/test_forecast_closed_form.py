"""The normal score of an actual in its base, and what the closed form makes of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from models.forecast.base import KNOTS, MEDIAN
from models.forecast.closed_form import ClosedForm
from models.forecast.normal_scores import KNOT_SCORES, QuantileFunctions, knots, score, with_ends
from tests.forecast_world import made_up_input

BASE = np.linspace(0.1, 0.9, len(KNOTS))


def test_a_knot_has_the_score_of_its_level_and_comes_back() -> None:
    z = score(BASE, np.tile(BASE, (len(KNOTS), 1)))
    np.testing.assert_allclose(z, KNOT_SCORES, atol=1e-12)
    back = QuantileFunctions(with_ends(knots(BASE[None]))).at(z[:, None])[:, 0]
    np.testing.assert_allclose(back, BASE, atol=1e-12)


def test_a_value_on_a_step_of_the_base_gets_the_middle_of_the_step() -> None:
    calm = np.where(np.array(KNOTS) <= 0.5, 0.0, np.linspace(-0.5, 0.5, len(KNOTS)))
    z = score(np.array([0.0]), calm[None])
    assert -1.5 < z[0] < -0.5


def test_a_base_too_narrow_or_a_missing_value_has_no_score() -> None:
    narrow = np.full((1, len(KNOTS)), 0.3)
    assert np.isnan(score(np.array([0.3]), narrow)[0])
    assert np.isnan(score(np.array([np.nan]), BASE[None])[0])


def test_nothing_known_leaves_the_base() -> None:
    x = made_up_input(5, 4)
    x = replace(x, last=np.full(5, np.nan), trailing=np.full((5, 24), np.nan))
    np.testing.assert_allclose(ClosedForm().correct(x), x.base, atol=1e-6)


def test_the_correction_fades_with_the_lead_and_the_band_widens() -> None:
    x = made_up_input(1, 4)
    leads = np.array([[900.0, 3600.0, 21_600.0, 86_400.0]])
    x = replace(
        x,
        is_solar=np.array([False]),
        last=np.array([0.85]),
        base_last=BASE[None],
        trailing=np.full((1, 24), 0.85),
        base_trailing=np.tile(BASE, (1, 24, 1)),
        base=np.tile(BASE, (1, 4, 1)),
        lead_s=leads,
        weather_based=np.ones((1, 4), np.bool_),
        physical=np.zeros((1, 4), np.bool_),
    )
    q = ClosedForm().correct(x)[0]
    pull = q[:, MEDIAN] - BASE[MEDIAN]
    assert (np.diff(pull) < 0).all()
    assert pull[0] > 0.2
    width = q[:, -3] - q[:, 2]
    assert width[0] < width[-1]


def test_a_solar_plant_carries_its_score_over_the_night() -> None:
    x = made_up_input(1, 1)
    hourly = np.full((1, 24), 0.0)
    hourly[0, 10:] = 0.85
    night = np.zeros((1, 24, len(KNOTS)))
    night[0, 10:] = BASE
    x = replace(
        x,
        is_solar=np.array([True]),
        last=np.array([0.0]),
        base_last=np.zeros((1, len(KNOTS))),
        trailing=hourly,
        base_trailing=night,
        base=BASE[None, None],
        lead_s=np.array([[3600.0]]),
        weather_based=np.ones((1, 1), np.bool_),
        physical=np.zeros((1, 1), np.bool_),
    )
    assert ClosedForm().correct(x)[0, 0, MEDIAN] > BASE[MEDIAN] + 0.01
