"""A release: all models of one training, as one object."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from models.forecast import physical_start
from models.forecast.base import KNOTS, CorrectionInput, Flags, Floats, Ints, Singles, of_planes
from models.forecast.blend import Blend
from models.forecast.climatology import Climatology
from models.forecast.closed_form import ClosedForm
from models.forecast.learned import LearnedCorrection, trusted

if TYPE_CHECKING:
    from schemas.records import PlantVersion, WeatherRun

CHUNK = 128  # issues corrected at a time: what is worked on stays in the processor's cache


@dataclass(frozen=True)
class Base:
    """Quantiles (n, 13) of hours, NaN where nothing is said; hours (n,) that are of the physical start."""

    q: Floats
    physical: Flags


@dataclass(frozen=True)
class Release:
    """The models that forecast together; `sha256` is of the file they came from, empty for the built-in
    cold start.

    `weather` holds the model of each plant that it was trained on; `reference`, by plant and input, values
    of the time of training.
    """

    name: str
    version: str
    sha256: str
    climatology: Climatology
    closed_form: ClosedForm
    correction: LearnedCorrection | None = None
    weather: Mapping[str, Blend] = field(default_factory=dict)
    reference: Mapping[str, Mapping[str, Floats]] = field(default_factory=dict)
    manifest: Mapping[str, Any] = field(default_factory=dict)

    def knows(self, plant_id: str) -> bool:
        """Whether the release was trained on this plant."""
        return plant_id in self.manifest.get("plants", {})

    def completed(self, plant: PlantVersion) -> PlantVersion:
        """The plant with the position and the panels that training found, where the registry has none."""
        found = self.manifest.get("sites", {}).get(plant.plant_id, {})
        open_fields: dict[str, Any] = {
            name: value for name, value in found.items() if getattr(plant, name) is None
        }
        return replace(plant, **open_fields) if open_fields else plant

    def base(self, plant: PlantVersion, run: WeatherRun, hours_ms: Ints) -> Base:
        """What a run says of the hours that end at `hours_ms` (n,).

        By the weather model where it learned from this source; else, and for hours that lack what it
        needs, by the physical start.
        """
        plant = self.completed(plant)
        model, q = self.weather.get(plant.plant_id), np.full((len(hours_ms), len(KNOTS)), np.nan)
        if model is not None and model.knows(run):
            q = model.base(plant, run, hours_ms)
        open_hours = np.isnan(q[:, 0])
        if open_hours.any():
            q[open_hours] = physical_start.base(plant, run, hours_ms[open_hours])
        return Base(q, open_hours)

    def correct(self, x: CorrectionInput) -> Singles:
        """Quantiles (N, S, 13): the learned correction where it may speak, else the closed form."""
        if len(x.plant_ids) <= CHUNK:
            return self._correct(x)
        made = of_planes(np.empty((x.base.shape[-1], *x.lead_s.shape), np.float32))
        for first in range(0, len(x.plant_ids), CHUNK):
            rows = slice(first, first + CHUNK)
            made[rows] = self._correct(x.take(rows))
        return made

    def _correct(self, x: CorrectionInput) -> Singles:
        plain = self.closed_form.correct(x)
        if self.correction is None:
            return plain
        trained = trusted(self.correction, x)
        if not trained.any():
            return plain
        learned = self.correction.correct(x, plain)
        return learned if trained.all() else np.where(trained[..., None], learned, plain)

    def min_share(self, plant: PlantVersion) -> float:
        """The plant's lower limit in shares of capacity: the registry's, else what its telemetry showed,
        else 0.
        """
        if plant.min_kw is not None:
            return plant.min_kw / plant.capacity_kw
        return float(self.manifest.get("plants", {}).get(plant.plant_id, {}).get("min_share", 0.0))


def cold_start() -> Release:
    """The release that works before anything was trained: generic climatology, closed-form correction."""
    return Release("cold-start", "0", "", Climatology(), ClosedForm())
