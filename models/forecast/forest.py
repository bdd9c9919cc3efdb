"""Quantile forest: random trees whose leaves keep what was seen in them, pooled over the trees.

After Meinshausen (2006), Quantile Regression Forests. Each leaf keeps eight quantiles of its actuals, so that
every tree weighs the same and a leaf of a thousand nights costs no more than one of five hours.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from models.forecast.base import KNOTS, Floats, Ints
from models.forecast.boosting import Tensors, pack_text, unpack_text
from models.forecast.weather_features import RunFeatures

if TYPE_CHECKING:
    import lightgbm

KEPT = 8  # actuals of a leaf
GRID = 20_000  # they are whole multiples of 1 / GRID of capacity
ROWS = 512  # at a time; bounds memory


@dataclass(frozen=True, eq=False)
class Forest:
    """Trees as LightGBM writes them, and `leaves` i2 (trees, most leaves, KEPT) of actuals on the grid."""

    family: ClassVar[str] = "forest"
    names: tuple[str, ...]
    text: str
    leaves: NDArray[np.int16]

    @cached_property
    def _trees(self) -> lightgbm.Booster:
        import lightgbm

        return lightgbm.Booster(model_str=self.text)

    def say(self, plant_id: str, made: RunFeatures, hours_ms: Ints) -> Floats:  # noqa: ARG002 - one plant, or alike for all
        """Quantiles (n, 13) of hours, rising."""
        return self.of_matrix(made.matrix(self.names, hours_ms))

    def of_matrix(self, matrix: NDArray[np.floating]) -> Floats:
        """The same from named features (n, len(names))."""
        parts = [self._some(matrix[i : i + ROWS]) for i in range(0, len(matrix), ROWS)]
        return np.concatenate(parts) if parts else np.empty((0, len(KNOTS)))

    def _some(self, matrix: NDArray[np.floating]) -> Floats:
        leaf = np.asarray(self._trees.predict(matrix, pred_leaf=True, num_threads=1), np.int64)
        seen = self.leaves[np.arange(len(self.leaves)), leaf.reshape(len(matrix), -1)]
        return quantiles(np.sort(seen.reshape(len(matrix), -1), axis=1)) / GRID

    def packed(self) -> tuple[dict[str, Any], Tensors]:
        """What a release file holds of it."""
        return {"names": self.names}, {"text": pack_text(self.text), "leaves": self.leaves}

    @classmethod
    def unpacked(cls, head: Mapping[str, Any], tensors: Mapping[str, NDArray[Any]]) -> Forest:
        """The model of what a release file holds."""
        return cls(tuple(head["names"]), unpack_text(tensors["text"]), tensors["leaves"])


def quantiles(rising: NDArray[Any], levels: tuple[float, ...] = KNOTS) -> Floats:
    """Quantiles (n, K) of values (n, m) that rise along the last axis, on the line between them."""
    place = np.asarray(levels) * rising.shape[1] - 0.5
    left = np.clip(np.floor(place).astype(np.int64), 0, rising.shape[1] - 2)
    part = np.clip(place - left, 0.0, 1.0)
    lower, upper = rising[:, left].astype(np.float64), rising[:, left + 1].astype(np.float64)
    return np.asarray(lower + part * (upper - lower))
