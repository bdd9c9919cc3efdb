"""A temporal convolution over a run: every grid point of the area hour by hour, with a head for each plant.

Hours see eight hours back and ahead through four residual layers. Trained in
`models/training/fit_convolution.py`; the same arithmetic stands there in torch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from models.forecast.area import CLOCK, AreaView
from models.forecast.base import HOUR_MS, KNOTS, Floats, Ints
from models.forecast.dense import AreaNet, outwards, standardised
from models.forecast.network import product, silu
from models.forecast.weather_features import RunFeatures

DILATIONS = (1, 2, 4, 1)


@dataclass(frozen=True, eq=False)
class Convolution(AreaNet):
    """Weights of one or more nets whose outputs are averaged.

    All plants share the trunk, which sees the points and the clock, or the plant's own features where there
    are no points; a plant's head sees the trunk and, through a layer of its own, the plant's features.
    `tensors`: `mean`, `scale` of the inputs of `view`, and of member m `m/in_weight`, `m/in_bias`, for layer
    i `m/layer_i_{left,centre,right}`, `m/layer_i_bias`, and by plant `m/local_weight` (plants, own, local),
    `m/local_bias`, `m/out_weight` (plants, channels + local, 13), `m/out_bias`.
    """

    family: ClassVar[str] = "convolution"

    def say(self, plant_id: str, made: RunFeatures, hours_ms: Ints) -> Floats:
        """Quantiles (n, 13) of hours of the run, rising; the whole run is looked at in any case."""
        raw = self.view.of(plant_id, made, made.hours_ms)
        x = standardised(raw, self.tensors["mean"], self.tensors["scale"])
        total = np.zeros((len(x), len(KNOTS)))
        for m in range(self.members):
            total = total + outwards(self._outputs(m, x, self.plants.index(plant_id)).astype(np.float64))
        q = total / self.members * self.scale(made, made.hours_ms)[:, None]
        return np.asarray(q[(hours_ms - made.hours_ms[0]) // HOUR_MS] if len(q) else q)

    def _outputs(self, m: int, x: NDArray[Any], plant: int) -> NDArray[Any]:
        t = {name.removeprefix(f"{m}/"): v for name, v in self.tensors.items() if name.startswith(f"{m}/")}
        shared, own = split(x, self.view)
        hidden = silu(product(shared, t["in_weight"]) + t["in_bias"])
        for i, step in enumerate(DILATIONS):
            moved = product(_moved(hidden, -step), t[f"layer_{i}_left"])
            moved = moved + product(hidden, t[f"layer_{i}_centre"])
            moved = moved + product(_moved(hidden, step), t[f"layer_{i}_right"])
            hidden = hidden + silu(moved + t[f"layer_{i}_bias"])
        local = silu(product(own, t["local_weight"][plant]) + t["local_bias"][plant])
        joined = np.concatenate([hidden, local], axis=1)
        return np.asarray(product(joined, t["out_weight"][plant]) + t["out_bias"][plant])


def split(x: NDArray[Any], view: AreaView) -> tuple[NDArray[Any], NDArray[Any]]:
    """What the trunk sees of inputs (n, grid + own + CLOCK), and what a plant's head sees."""
    last = x.shape[1] - CLOCK
    shared = x[:, : view.grid] if view.grid else x[:, :last]
    return np.concatenate([shared, x[:, last:]], axis=1), x[:, view.grid :]


def _moved(hidden: NDArray[Any], hours: int) -> NDArray[Any]:
    """Row i becomes row i + hours; 0 beyond the ends."""
    made = np.zeros_like(hidden)
    if abs(hours) < len(hidden):
        if hours > 0:
            made[:-hours] = hidden[hours:]
        else:
            made[-hours:] = hidden[:hours]
    return made
