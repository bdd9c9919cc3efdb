"""What every forecast model promises, whatever its kind: run over each family by
`test_forecast_promises.py`.
"""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Callable
from copy import deepcopy
from dataclasses import fields, replace

import numpy as np

from models import release_file
from models.forecast.base import KNOTS, TRAILING_HOURS, Correction, CorrectionInput, Floats, Ints
from models.forecast.blend import FAMILIES, Family
from models.forecast.weather_features import RunFeatures
from models.release import Release
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


def check_correction_bears_what_is_missing(correction: Correction) -> None:
    """Hours, whole days and the newest value may be missing: quantiles come out, the rest is as it was."""
    x = made_up_input(12, 6, seed=3)
    for hour in range(0, TRAILING_HOURS, 5):
        trailing = x.trailing.copy()
        trailing[:, hour] = np.nan
        check_shape_and_order(correction.correct(replace(x, trailing=trailing)), (12, 6))
    nothing = replace(x, trailing=np.full_like(x.trailing, np.nan))
    check_shape_and_order(correction.correct(nothing), (12, 6))
    silent = np.arange(12) % 2 == 0
    holed = replace(x, last=np.where(silent, np.nan, x.last))
    said = correction.correct(holed)
    check_shape_and_order(said, (12, 6))
    np.testing.assert_array_equal(said[~silent], correction.correct(x)[~silent])


def check_correction_bears_constant_input(correction: Correction) -> None:
    """Constant telemetry on a base without any width (night, calm, full power) is answered, equals alike."""
    for share in (0.0, 0.4, 1.0):
        x = made_up_input(1, 4, seed=4).take(np.zeros(70, np.int64))
        levels = {name: np.full(getattr(x, name).shape, share) for name in ("last", "trailing", "base")}
        levels |= {name: np.full(getattr(x, name).shape, share) for name in ("base_last", "base_trailing")}
        levels |= {name: np.full(getattr(x, name).shape, share) for name in ("usual_last", "usual_trailing")}
        q = correction.correct(replace(x, **levels))
        check_shape_and_order(q, (70, 4))
        np.testing.assert_array_equal(q, np.broadcast_to(q[:1], q.shape))


def check_correction_does_not_mind_the_order_of_plants(correction: Correction) -> None:
    """Plants together, in any order, or each one alone: the same bits."""
    x = made_up_input(60, 4, seed=5)
    whole = correction.correct(x)
    names = np.array(x.plant_ids)
    for order in (("solar-1", "nobody", "wind-1"), ("nobody", "wind-1", "solar-1")):
        rows = np.concatenate([np.flatnonzero(names == name) for name in order])
        np.testing.assert_array_equal(correction.correct(x.take(rows)), whole[rows])
    for name in ("wind-1", "solar-1", "nobody"):
        rows = np.flatnonzero(names == name)
        np.testing.assert_array_equal(correction.correct(x.take(rows)), whole[rows])


def check_correction_keeps_no_memory(correction: Correction) -> None:
    """What is allocated is given back, and grows no faster than the number of issues."""
    small, large = made_up_input(64, 8, seed=6), made_up_input(512, 8, seed=6)
    correction.correct(small)
    tracemalloc.start()
    try:
        peaks = [_peak(correction, x) for x in (small, large, large)]
        left = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert max(peaks[1:]) < 10 * peaks[0]
    assert left < 200_000


def _peak(correction: Correction, x: CorrectionInput) -> int:
    tracemalloc.reset_peak()
    correction.correct(x)
    return tracemalloc.get_traced_memory()[1]


def check_correction_survives_save_and_load(release: Release) -> None:
    """A release that was written and read says the same bits."""
    x = made_up_input(30, 5, seed=7)
    again = release_file.load(release_file.save(release))
    np.testing.assert_array_equal(again.correct(x), release.correct(x))


def check_base_is_the_same_hour_by_hour(base: Base, hours_ms: Ints) -> None:
    """An hour's base is the same bits whether it is asked for alone, with others, or backwards."""
    whole = base(hours_ms)
    np.testing.assert_array_equal(base(hours_ms[::-1])[::-1], whole)
    for i in range(0, len(hours_ms), 7):
        np.testing.assert_array_equal(base(hours_ms[i : i + 1]), whole[i : i + 1])


def check_family_speaks_alike_hour_by_hour(family: Family, plant_id: str, made: RunFeatures) -> None:
    """Finite quantiles of every hour, the same bits whichever hours are asked for."""
    whole = family.say(plant_id, made, made.hours_ms)
    assert whole.shape == (len(made.hours_ms), len(KNOTS))
    assert np.isfinite(whole).all()
    for i in range(0, len(made.hours_ms), 5):
        some = made.hours_ms[[i, (7 * i + 3) % len(made.hours_ms)]]
        rows = ((some - made.hours_ms[0]) // 3_600_000).astype(int)
        np.testing.assert_array_equal(family.say(plant_id, made, some), whole[rows])


def check_family_leaves_its_input_alone(family: Family, plant_id: str, made: RunFeatures) -> None:
    """Nothing of the caller's is changed."""
    before = deepcopy(made.columns)
    family.say(plant_id, made, made.hours_ms)
    for name, values in made.columns.items():
        np.testing.assert_array_equal(values, before[name])


def check_family_bears_what_is_missing(family: Family, plant_id: str, made: RunFeatures) -> None:
    """Any column may be missing, and any hours of all of them."""
    for gone in range(0, len(made.columns), 9):
        name = list(made.columns)[gone]
        rest = {n: v for n, v in made.columns.items() if n != name}
        assert np.isfinite(family.say(plant_id, RunFeatures(made.hours_ms, rest), made.hours_ms)).all()
    holed = {n: np.where(np.arange(len(v)) % 7 == 3, np.nan, v) for n, v in made.columns.items()}
    assert np.isfinite(family.say(plant_id, RunFeatures(made.hours_ms, holed), made.hours_ms)).all()


def check_family_bears_constant_input(family: Family, plant_id: str, made: RunFeatures) -> None:
    """A weather without any change is answered."""
    flat = {name: np.full(len(values), np.nanmean(values)) for name, values in made.columns.items()}
    assert np.isfinite(family.say(plant_id, RunFeatures(made.hours_ms, flat), made.hours_ms)).all()


def check_family_survives_packing(family: Family, plant_id: str, made: RunFeatures) -> None:
    """What a release file holds of it says the same bits."""
    head, tensors = family.packed()
    again = FAMILIES[family.family].unpacked(json.loads(json.dumps(head)), tensors)
    assert again.names == family.names
    np.testing.assert_array_equal(
        again.say(plant_id, made, made.hours_ms), family.say(plant_id, made, made.hours_ms)
    )
