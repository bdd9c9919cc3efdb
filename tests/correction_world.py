"""Every family of corrections, with weights that make a difference: for tests of what they all promise."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np

from models.forecast.base import Correction
from models.forecast.closed_form import ClosedForm
from models.forecast.learned import LearnedCorrection, Mixture
from models.forecast.run_hours import hour_grid
from models.release import Release, cold_start
from models.training import correction, samples
from models.training.config import NetSettings, TrainConfig
from models.training.samples import Teller
from schemas.records import PlantVersion
from tests.forecast_world import SOLAR, WIND, history, small_release

PLAIN = ("start weights", "cold start", "fitted weights")
FAMILIES = (*PLAIN, *correction.NAMES)


@cache
def tellers() -> list[Teller]:
    """The plants of the small release, told with what its weather models say."""
    return [_teller(plant) for plant in (WIND, SOLAR)]


def _teller(plant: PlantVersion) -> Teller:
    release, past = small_release(), history(plant)
    hours = [hour_grid(run.valid_at_ms) for run in past.runs]
    said = [release.base(past.plant, run, h) for run, h in zip(past.runs, hours, strict=True)]
    table = samples.table_of(
        np.array([run.published_at_ms for run in past.runs], np.int64),
        np.repeat(np.arange(len(hours)), [len(h) for h in hours]),
        np.concatenate(hours),
        np.concatenate([base.q for base in said]),
    )
    return Teller(past, release.climatology, table)


@cache
def trained(name: str, rows: int = 1500, epochs: int = 1) -> correction.Fitted:
    """A family by its name, trained on next to nothing unless told otherwise."""
    settings = NetSettings(rows=rows, epochs=epochs, members=1)
    config = TrainConfig(corrections=(name,), net=settings)
    return correction.fit(tellers(), small_release().closed_form, config, lambda _said, _part: None)


def shaken(learned: LearnedCorrection) -> LearnedCorrection:
    """The same with an output layer that is far from where training starts, so that every input counts."""
    if isinstance(learned, Mixture):
        return replace(learned, part=shaken(learned.part))
    draw = np.random.default_rng(11)
    made = {
        name: draw.normal(0.0, 0.3, t.shape).astype(np.float32) if name.endswith("weight_3") else t
        for name, t in learned.tensors.items()
    }
    return replace(learned, tensors=made)  # type: ignore[type-var]


@cache
def release_with(name: str) -> Release:
    """The small release with another correction."""
    learned = trained(name).correction
    assert learned is not None
    return replace(small_release(), correction=shaken(learned))


@cache
def family(name: str) -> Correction:
    """A correction by its name."""
    if name in PLAIN:
        made = {"start weights": ClosedForm, "cold start": cold_start}
        return made[name]() if name in made else small_release().closed_form
    return release_with(name)
