"""What every forecast model promises, whatever its kind: run over each family by
`test_forecast_promises.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import fields

import numpy as np

from models.forecast.base import KNOTS, Correction, CorrectionInput, Floats, Ints
from tests.forecast_world import made_up_input

Base = Callable[[Ints], Floats]


def check_shape_and_order(q: Floats, shape: tuple[int, ...]) -> None:
    """13 knots that rise, finite, exact in float32."""
    assert q.shape == (*shape, len(KNOTS))
    assert np.isfinite(q).all()
    assert (np.diff(q, axis=-1) >= 0).all()
    assert (q.astype(np.float32).astype(np.float64) == q).all()


def check_correction_rises_and_is_finite(correction: Correction) -> None:
    """Whatever is missing, quantiles come out and rise."""
    check_shape_and_order(correction.correct(made_up_input(40, 7)), (40, 7))


def check_correction_leaves_its_input_alone(correction: Correction) -> None:
    """Nothing of the caller's is changed."""
    x = made_up_input(20, 5)
    before = deepcopy(x)
    correction.correct(x)
    for f in fields(CorrectionInput):
        np.testing.assert_array_equal(getattr(x, f.name), getattr(before, f.name))


def check_correction_ignores_its_neighbours(correction: Correction, order: Ints, cuts: list[int]) -> None:
    """An issue's numbers are the same bits in any order and in any batch."""
    x = made_up_input(len(order), 3, seed=1)
    whole = correction.correct(x)
    shuffled = x.take(order)
    parts = np.split(np.arange(len(order)), sorted(cuts))
    again = np.concatenate([correction.correct(shuffled.take(p)) for p in parts if len(p)])
    np.testing.assert_array_equal(again, whole[order])


def check_correction_does_not_mind_the_number_of_steps(correction: Correction) -> None:
    """A step's numbers do not depend on which other steps are asked for."""
    x = made_up_input(9, 30, seed=2)
    few = {f.name: getattr(x, f.name) for f in fields(CorrectionInput)}
    for f in fields(CorrectionInput):
        if f.name in ("base", "lead_s", "interval_s", "daylight", "hour_of_day", "weather_based", "physical"):
            few[f.name] = getattr(x, f.name)[:, 4:11]
    np.testing.assert_array_equal(correction.correct(CorrectionInput(**few)), correction.correct(x)[:, 4:11])


def check_base_is_the_same_hour_by_hour(base: Base, hours_ms: Ints) -> None:
    """An hour's base is the same bits whether it is asked for alone, with others, or backwards."""
    whole = base(hours_ms)
    np.testing.assert_array_equal(base(hours_ms[::-1])[::-1], whole)
    for i in range(0, len(hours_ms), 7):
        np.testing.assert_array_equal(base(hours_ms[i : i + 1]), whole[i : i + 1])
