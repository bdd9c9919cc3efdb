"""The weather model: gradient-boosted trees, one ensemble for each quantile knot, served one row at a time
alike.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from models.forecast.base import KNOTS, Floats, Ints, single
from models.forecast.limits import LOWEST_SHARE
from models.forecast.weather_features import RunFeatures, RunShape, features
from schemas.records import family_of

if TYPE_CHECKING:
    import lightgbm

    from schemas.records import PlantVersion, WeatherRun

NEEDED = 0.5  # part of the columns that matter most which an hour must have, or the run says nothing about it


@dataclass(frozen=True)
class BoostedWeather:
    """Trees as LightGBM writes them (`texts`, one for each knot) on named features.

    `needed` are the run's own columns that matter most (wind, or radiation and cloud); `panels` tilt and
    azimuth in degrees of the solar plants whose registry does not give them; `sources` the weather it
    learned from, and `shape` what of it.
    """

    names: tuple[str, ...]
    needed: tuple[str, ...]
    texts: tuple[str, ...]
    panels: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    sources: tuple[str, ...] = ()
    shape: RunShape = field(default_factory=RunShape)

    def knows(self, run: WeatherRun) -> bool:
        """Whether the run is of a family of sources that the model learned from."""
        return run.family in {family_of(source) for source in self.sources}

    @cached_property
    def _boosters(self) -> list[lightgbm.Booster]:
        import lightgbm

        return [lightgbm.Booster(model_str=text) for text in self.texts]

    def base(self, plant: PlantVersion, run: WeatherRun, hours_ms: Ints) -> Floats:
        """Quantiles (n, 13) of the mean power of the hours that end at `hours_ms`, in shares of capacity.

        NaN where the run does not reach or lacks most of what the model needs.
        """
        return self.of_features(features(with_panel(plant, self.panels), self.shape.cut(run)), hours_ms)

    def of_features(self, made: RunFeatures, hours_ms: Ints) -> Floats:
        """The same from features that were made before."""
        known = np.isfinite(made.matrix(self.needed, hours_ms)).mean(axis=1) >= NEEDED
        q = np.full((len(hours_ms), len(KNOTS)), np.nan)
        if known.any():
            q[known] = self.of_matrix(made.matrix(self.names, hours_ms[known]))
        return q

    def of_matrix(self, matrix: Floats) -> Floats:
        """Rising quantiles (n, 13) from named features (n, len(names))."""
        columns = [np.asarray(b.predict(matrix, num_threads=1)) for b in self._boosters]
        return single(np.sort(np.clip(np.stack(columns, axis=1), LOWEST_SHARE, 1.0), axis=1))


def with_panel(plant: PlantVersion, panels: Mapping[str, tuple[float, float]]) -> PlantVersion:
    """The plant with tilt and azimuth as found in training, where the registry does not give them."""
    if plant.tilt_deg is not None or plant.plant_id not in panels:
        return plant
    tilt, azimuth = panels[plant.plant_id]
    return replace(plant, tilt_deg=tilt, azimuth_deg=azimuth)
