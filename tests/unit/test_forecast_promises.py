"""Every family of forecast models keeps the promises of `tests/checks.py`."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.forecast.base import HOUR_MS, Correction
from models.forecast.climatology import Climatology
from models.training.correction import NAMES
from tests import checks
from tests.correction_world import FAMILIES, family, release_with
from tests.forecast_world import NOWHERE, SOLAR, START_MS, WIND, runs, small_release

HOURS = START_MS + np.arange(1, 49, dtype=np.int64) * HOUR_MS


@pytest.fixture(params=FAMILIES)
def correction(request: pytest.FixtureRequest) -> Correction:
    return family(request.param)


CORRECTION_CHECKS = (
    checks.check_correction_rises_and_is_finite,
    checks.check_correction_leaves_its_input_alone,
    checks.check_correction_does_not_mind_the_number_of_steps,
    checks.check_correction_bears_what_is_missing,
    checks.check_correction_bears_constant_input,
    checks.check_correction_does_not_mind_the_order_of_plants,
    checks.check_correction_keeps_no_memory,
)


@pytest.mark.parametrize("check", CORRECTION_CHECKS, ids=lambda c: c.__name__.removeprefix("check_"))
def test_corrections_keep_their_promises(correction: Correction, check: Callable[[Correction], None]) -> None:
    check(correction)


@pytest.mark.parametrize("name", FAMILIES)
@settings(max_examples=6, deadline=None)
@given(data=st.data())
def test_corrections_ignore_their_neighbours(name: str, data: st.DataObject) -> None:
    size = data.draw(st.integers(1, 150))
    order = np.array(data.draw(st.permutations(range(size))), np.int64)
    cuts = data.draw(st.lists(st.integers(0, size), max_size=6))
    checks.check_correction_ignores_its_neighbours(family(name), order, cuts)


@pytest.mark.parametrize("name", NAMES)
def test_learned_corrections_survive_save_and_load(name: str) -> None:
    checks.check_correction_survives_save_and_load(release_with(name))


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
    model = small_release().weather[plant.plant_id]
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
