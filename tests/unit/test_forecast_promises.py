"""Every family of forecast models keeps the promises of `tests/checks.py`."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.forecast.base import HOUR_MS, Correction
from models.forecast.climatology import Climatology
from models.forecast.closed_form import ClosedForm
from models.release import cold_start
from tests import checks
from tests.forecast_world import NOWHERE, SOLAR, START_MS, WIND, runs, small_release

CORRECTIONS: dict[str, Callable[[], Correction]] = {
    "start weights": ClosedForm,
    "cold start": cold_start,
    "fitted weights": lambda: small_release().closed_form,
    "net": small_release,
}
HOURS = START_MS + np.arange(1, 49, dtype=np.int64) * HOUR_MS


@pytest.fixture(params=CORRECTIONS)
def correction(request: pytest.FixtureRequest) -> Correction:
    return CORRECTIONS[request.param]()


def test_corrections_rise_and_are_finite(correction: Correction) -> None:
    checks.check_correction_rises_and_is_finite(correction)


def test_corrections_leave_their_input_alone(correction: Correction) -> None:
    checks.check_correction_leaves_its_input_alone(correction)


def test_corrections_do_not_mind_the_number_of_steps(correction: Correction) -> None:
    checks.check_correction_does_not_mind_the_number_of_steps(correction)


@pytest.mark.parametrize("family", CORRECTIONS)
@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_corrections_ignore_their_neighbours(family: str, data: st.DataObject) -> None:
    size = data.draw(st.integers(1, 120))
    order = np.array(data.draw(st.permutations(range(size))), np.int64)
    cuts = data.draw(st.lists(st.integers(0, size), max_size=6))
    checks.check_correction_ignores_its_neighbours(CORRECTIONS[family](), order, cuts)


@pytest.mark.parametrize("plant", [WIND, SOLAR, NOWHERE], ids=lambda p: p.plant_id)
@pytest.mark.parametrize("trained", [False, True])
def test_climatology_always_speaks_and_alike(plant, trained) -> None:
    climatology = small_release().climatology if trained else Climatology()

    def base(hours):
        return climatology.base(plant, hours)

    checks.check_shape_and_order(base(HOURS), HOURS.shape)
    checks.check_base_is_the_same_hour_by_hour(base, HOURS)


@pytest.mark.parametrize("plant", [WIND, SOLAR], ids=lambda p: p.plant_id)
def test_weather_models_speak_alike_hour_by_hour(plant) -> None:
    model = small_release().weather_for(plant)
    run = runs(plant, 3)[1]
    hours = run.valid_at_ms

    def base(wanted):
        return model.base(plant, run, wanted)

    checks.check_shape_and_order(base(hours), hours.shape)
    checks.check_base_is_the_same_hour_by_hour(base, hours)


def test_every_family_is_checked() -> None:
    release = small_release()
    assert release.correction is not None
    assert set(release.weather) == {"wind-1", "solar-1"}
    assert set(release.climatology.tables) == {"wind-1", "solar-1"}
