"""A dense net that gives all quantiles at once: the median, and steps outwards that are never negative.

For solar the outputs are parts of the clear sky on the panel. Trained in `models/training/fit_dense.py`; the
same arithmetic stands there in torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from models.forecast.area import AreaView
from models.forecast.base import KNOTS, MEDIAN, Floats, Ints
from models.forecast.boosting import Tensors
from models.forecast.network import product, silu
from models.forecast.weather_features import CLEAR_PANEL, RunFeatures

LEAST_CLEAR = 0.02  # kW/m2; a scale under it would let a night's error grow without bound
FURTHEST = 5.0  # standard deviations that an input may lie from the mean of training


@dataclass(frozen=True, eq=False)
class AreaNet:
    """What nets for all plants have in common: the view of their inputs, the plants, `members` whose
    outputs are averaged, and `tensors`. `of_clear_sky`: outputs are parts of the feature `CLEAR_PANEL`.
    """

    view: AreaView
    plants: tuple[str, ...]
    members: int
    of_clear_sky: bool
    tensors: Mapping[str, NDArray[Any]]

    @property
    def names(self) -> tuple[str, ...]:
        """The features that it asks for."""
        return (*self.view.names, CLEAR_PANEL) if self.of_clear_sky else self.view.names

    def scale(self, made: RunFeatures, hours_ms: Ints) -> Floats:
        """What the outputs (n,) are measured in."""
        if not self.of_clear_sky:
            return np.ones(len(hours_ms))
        return clear_scale(made.matrix((CLEAR_PANEL,), hours_ms)[:, 0])

    def packed(self) -> tuple[dict[str, Any], Tensors]:
        """What a release file holds of it."""
        head = {"view": self.view.head(), "plants": self.plants, "members": self.members}
        return head | {"of_clear_sky": self.of_clear_sky}, dict(self.tensors)

    @classmethod
    def unpacked(cls, head: Mapping[str, Any], tensors: Mapping[str, NDArray[Any]]) -> Self:
        """The model of what a release file holds."""
        view, plants = AreaView.of_head(head["view"]), tuple(head["plants"])
        return cls(view, plants, int(head["members"]), bool(head["of_clear_sky"]), tensors)


@dataclass(frozen=True, eq=False)
class Dense(AreaNet):
    """Weights of one or more nets of the same shape whose outputs are averaged.

    `tensors`: `mean`, `scale` (F,) of the inputs of `view`, and of member m `m/weight_1` (F + embedding,
    hidden), `m/bias_1`, ..., `m/weight_3` (hidden, 13), `m/embedding` (plants, width). `of_clear_sky`:
    outputs are parts of the feature `CLEAR_PANEL`.
    """

    family: ClassVar[str] = "dense"

    def say(self, plant_id: str, made: RunFeatures, hours_ms: Ints) -> Floats:
        """Quantiles (n, 13) of hours, rising."""
        raw = self.view.of(plant_id, made, hours_ms)
        x = standardised(raw, self.tensors["mean"], self.tensors["scale"])
        total = np.zeros((len(hours_ms), len(KNOTS)))
        for m in range(self.members):
            total = total + outwards(self._outputs(m, x, plant_id).astype(np.float64))
        return total / self.members * self.scale(made, hours_ms)[:, None]

    def _outputs(self, m: int, x: NDArray[Any], plant_id: str) -> NDArray[Any]:
        t = {name.removeprefix(f"{m}/"): v for name, v in self.tensors.items() if name.startswith(f"{m}/")}
        row = self.plants.index(plant_id)
        known = np.broadcast_to(t["embedding"][row], (len(x), t["embedding"].shape[1]))
        hidden = silu(product(np.concatenate([x, known], axis=1), t["weight_1"]) + t["bias_1"])
        hidden = silu(product(hidden, t["weight_2"]) + t["bias_2"])
        return np.asarray(product(hidden, t["weight_3"]) + t["bias_3"])


def clear_scale(clear: NDArray[np.floating]) -> Floats:
    """What parts (n,) of the clear sky are measured in."""
    return np.maximum(np.nan_to_num(clear.astype(np.float64)), LEAST_CLEAR)


def standardised(values: NDArray[np.floating], mean: NDArray[Any], scale: NDArray[Any]) -> NDArray[Any]:
    """Features (n, F) around 0 with spread 1; 0 where missing."""
    made = np.clip((values - mean) / scale, -FURTHEST, FURTHEST)
    return np.where(np.isfinite(made), made, 0.0).astype(np.float32)


def outwards(out: Floats) -> Floats:
    """Rising quantiles (..., 13) from outputs (..., 13): the median in its place, around it the steps."""
    step = np.logaddexp(0.0, out)
    middle = out[..., MEDIAN : MEDIAN + 1]
    up = middle + np.cumsum(step[..., MEDIAN + 1 :], axis=-1)
    down = middle - np.cumsum(step[..., :MEDIAN][..., ::-1], axis=-1)[..., ::-1]
    return np.concatenate([down, middle, up], axis=-1)
