"""A release: all models of one training, as one object and as one file without pickle."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from models.forecast.base import Correction, CorrectionInput, Floats, WeatherModel
from models.forecast.climatology import Climatology
from models.forecast.closed_form import ClosedForm

if TYPE_CHECKING:
    from schemas.records import PlantVersion


@dataclass(frozen=True)
class Release:
    """The models that forecast together; `sha256` is of the file they came from, empty for the built-in
    cold start.
    """

    name: str
    version: str
    sha256: str
    climatology: Climatology
    closed_form: ClosedForm
    correction: Correction | None = None
    weather: Mapping[str, WeatherModel] = field(
        default_factory=dict
    )  # by plant, or "kind:wind", "kind:solar"
    manifest: Mapping[str, Any] = field(default_factory=dict)

    def knows(self, plant_id: str) -> bool:
        """Whether the release was trained on this plant."""
        return plant_id in self.manifest.get("plants", {})

    def weather_for(self, plant: PlantVersion) -> WeatherModel | None:
        """The plant's own weather model, else the pooled one of its kind, else None."""
        own = self.weather.get(plant.plant_id)
        return own if own is not None else self.weather.get(f"kind:{plant.kind}")

    def correct(self, x: CorrectionInput) -> Floats:
        """Quantiles (N, S, 13): the net where there is a weather base, the closed form elsewhere and
        without a net.
        """
        if self.correction is None:
            return self.closed_form.correct(x)
        if x.weather_based.all():
            return self.correction.correct(x)
        plain = self.closed_form.correct(x)
        if not x.weather_based.any():
            return plain
        return np.where(x.weather_based[..., None], self.correction.correct(x), plain)

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
