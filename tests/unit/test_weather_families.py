"""What every family of weather models promises, and what makes one useful."""

from dataclasses import replace
from functools import cache

import lightgbm
import numpy as np
import pytest

from models.forecast.base import HIGH, KNOTS, LOW, MEDIAN
from models.forecast.blend import FAMILIES, Blend, Family
from models.forecast.boosting import Boosting
from models.score import pinball
from models.training import fit_boosting, fit_convolution, fit_dense, fit_forest
from models.training.families import BoostingConfig, ConvolutionConfig, DenseConfig, ForestConfig
from models.training.lesson import Lesson, lesson_of
from models.training.rows import RunRows, rows_of
from schemas.records import AreaPoint
from tests import checks
from tests.forecast_world import SOLAR, WIND, history

EAST = replace(WIND, plant_id="wind-2")
CHECKS = [check for name, check in vars(checks).items() if name.startswith("check_family")]


@cache
def plants(kind: str) -> list[RunRows]:
    """Two wind farms that are each other's grid point, or a solar plant."""
    if kind == "solar":
        return [rows_of(history(SOLAR))]
    made = []
    for plant, other in ((WIND, EAST), (EAST, WIND)):
        known = history(plant)
        points = [(AreaPoint(other.plant_id, None, None, dict(run.columns)),) for run in known.runs]
        runs = [replace(run, points=p) for run, p in zip(known.runs, points, strict=True)]
        made.append(rows_of(replace(known, runs=runs)))
    return made


@cache
def lesson(kind: str) -> Lesson:
    return lesson_of(plants(kind), kind == "solar")


def fit(family: str, told: Lesson) -> Family:
    """A model of a second or two."""
    if family == "boosting":
        return fit_boosting.fit(told, BoostingConfig(trees=40, rate=0.15, bins=31), 1, 1)
    if family == "forest":
        return fit_forest.fit(told, ForestConfig(trees=15, feature_fraction=0.3), 1)
    if family == "dense":
        return fit_dense.fit(told, DenseConfig(hidden=32, epochs=12, batch=64), 1)
    return fit_convolution.fit(told, ConvolutionConfig(channels=16, local=16, epochs=25, batch=4), 1)


@cache
def fitted(family: str, kind: str) -> Family:
    return fit(family, lesson(kind))


@pytest.mark.parametrize("kind", ["wind", "solar"])
@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_every_family_keeps_its_promises(check, family, kind) -> None:
    plant = plants(kind)[0]
    check(fitted(family, kind), plant.plant.plant_id, plant.made[3])


@pytest.mark.parametrize("kind", ["wind", "solar"])
@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_learns_more_than_the_usual(family, kind) -> None:
    """On ten days that it has not seen it halves what the plant's own quantiles lose."""
    told = lesson(kind)
    late = told.hours_ms > told.hours_ms.max() - 12 * 86_400_000
    model = fit(family, told.without(late))
    plant = plants(kind)[0]
    usual = np.nanquantile(plant.power, KNOTS)
    lost, lost_usual = [], []
    for run in range(len(plant.made) - 10, len(plant.made)):
        power = plant.power[plant.run == run]
        q = np.sort(model.say(plant.plant.plant_id, plant.made[run], plant.made[run].hours_ms), axis=1)
        lost.append(np.nanmean(pinball(power[:, None], q, np.array(KNOTS))))
        lost_usual.append(np.nanmean(pinball(power[:, None], usual, np.array(KNOTS))))
    assert np.mean(lost) < 0.5 * np.mean(lost_usual)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_same_seed_gives_the_same_model(family) -> None:
    again = fit(family, lesson("wind"))
    made = plants("wind")[1].made[5]
    np.testing.assert_array_equal(
        again.say("wind-2", made, made.hours_ms), fitted(family, "wind").say("wind-2", made, made.hours_ms)
    )


def test_a_blend_rises_and_stretches_around_its_median() -> None:
    members = (fitted("boosting", "wind"), fitted("dense", "wind"))
    made = plants("wind")[0].made[3]
    needed = ("wind_speed_100m_ms",)
    blends = [Blend(members, (2.0, 1.0), spread, needed) for spread in (1.0, 1.5)]
    plain, wide = (blend.of_features("wind-1", made, made.hours_ms) for blend in blends)
    for q in (plain, wide):
        assert (np.diff(q, axis=1) >= 0).all()
    inside = (wide[:, LOW] > -0.05) & (wide[:, HIGH] < 1.0)
    assert inside.any()
    np.testing.assert_allclose(wide[inside, MEDIAN], plain[inside, MEDIAN], atol=1e-6)
    widths = [q[inside, HIGH] - q[inside, LOW] for q in (plain, wide)]
    np.testing.assert_allclose(widths[1], 1.5 * widths[0], atol=1e-5)


def test_a_blend_is_dark_at_night_and_silent_where_what_matters_is_missing() -> None:
    made = plants("solar")[0].made[3]
    model = Blend((fitted("boosting", "solar"),), (1.0,), 1.0, ("shortwave_radiation_w_m2",))
    q = model.of_features("solar-1", made, made.hours_ms)
    assert (q[made.columns["sun_elevation_deg"] < -10.0] == 0.0).all()
    blind = {n: v for n, v in made.columns.items() if n != "shortwave_radiation_w_m2"}
    assert np.isnan(model.of_features("solar-1", replace(made, columns=blind), made.hours_ms)).all()


def grown(features: int, rounds: int) -> str:
    rng = np.random.default_rng(rounds)
    rows = rng.normal(size=(300, features))
    learned = lightgbm.Dataset(rows, rows.sum(axis=1) + rng.normal(size=300))
    settings = {"objective": "quantile", "alpha": 0.3, "num_threads": 1, "verbose": -1}
    return lightgbm.train(settings, learned, rounds).model_to_string()


def test_ensembles_read_as_one_say_to_the_bit_what_each_says_alone() -> None:
    texts, rows = (grown(3, 12), grown(3, 5)), np.random.default_rng(0).normal(size=(50, 3))
    alone = [lightgbm.Booster(model_str=text).predict(rows, num_threads=1) for text in texts]
    assert np.array_equal(Boosting(("a", "b", "c"), texts).of_matrix(rows), np.stack(alone, axis=1))
    with pytest.raises(ValueError, match="different features"):
        Boosting(("a", "b", "c"), (texts[0], grown(9, 5))).of_matrix(rows)
