"""A temporal convolution over a run: every grid point of the area hour by hour, with a branch for each plant.

Hours see six hours back and ahead through four residual layers; what a run does not reach is as its mean.
Trained in `models/training/fit_convolution.py`; the same arithmetic stands there in torch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from models.forecast.base import HOUR_MS, KNOTS, Floats, Ints
from models.forecast.boosting import Tensors
from models.forecast.dense import clear_scale, outwards, standardised
from models.forecast.network import product, silu
from models.forecast.weather_features import CLEAR_PANEL, RunFeatures

DILATIONS = (1, 2, 4, 1)
CLOCK = ("hour_sin", "hour_cos", "season_sin", "season_cos")


@dataclass(frozen=True, eq=False)
class Convolution:
    """Weights of one or more nets whose outputs are averaged.

    A plant's inputs are `columns` of each grid point in `points`, its own place in its own slot where it has
    one, then `own` features of the plant itself, then the clock. `tensors`: `mean`, `scale` of the inputs
    (see `inputs`), and of member m `m/in_weight`, `m/in_bias`, for layer i `m/layer_i_{left,centre,right}`
    and `m/layer_i_bias`, `m/local_weight`, `m/local_bias`, `m/out_weight` (channels + local, 13),
    `m/out_bias`, and by plant `m/embedding` (plants + 1, channels).
    """

    family: ClassVar[str] = "convolution"
    names: tuple[str, ...]  # of the features that are asked for
    points: tuple[str, ...]
    columns: tuple[str, ...]
    own: tuple[str, ...]
    plants: tuple[str, ...]
    members: int
    of_clear_sky: bool
    seasons: bool
    tensors: Mapping[str, NDArray[Any]]

    def say(self, plant_id: str, made: RunFeatures, hours_ms: Ints) -> Floats:
        """Quantiles (n, 13) of hours of the run, rising; the whole run is looked at in any case."""
        table = made.matrix(self.names, made.hours_ms)
        raw = inputs(self, plant_id, table, made.hours_ms)
        x = standardised(raw, self.tensors["mean"], self.tensors["scale"])
        total = np.zeros((len(x), len(KNOTS)))
        for m in range(self.members):
            total = total + outwards(self._outputs(m, x, plant_id).astype(np.float64))
        q = total / self.members * self._scale(made)[:, None]
        row = (hours_ms - made.hours_ms[0]) // HOUR_MS if len(q) else hours_ms
        return q[row]

    def _outputs(self, m: int, x: NDArray[Any], plant_id: str) -> NDArray[Any]:
        t = {name.removeprefix(f"{m}/"): v for name, v in self.tensors.items() if name.startswith(f"{m}/")}
        row = self.plants.index(plant_id) if plant_id in self.plants else len(self.plants)
        hidden = silu(product(x, t["in_weight"]) + t["in_bias"] + t["embedding"][row])
        for i, step in enumerate(DILATIONS):
            moved = product(_moved(hidden, -step), t[f"layer_{i}_left"])
            moved = moved + product(hidden, t[f"layer_{i}_centre"])
            moved = moved + product(_moved(hidden, step), t[f"layer_{i}_right"])
            hidden = hidden + silu(moved + t[f"layer_{i}_bias"])
        local = silu(product(x, t["local_weight"]) + t["local_bias"][row])
        return np.asarray(product(np.concatenate([hidden, local], axis=1), t["out_weight"]) + t["out_bias"])

    def _scale(self, made: RunFeatures) -> Floats:
        if not self.of_clear_sky:
            return np.ones(len(made.hours_ms))
        return clear_scale(made.matrix((CLEAR_PANEL,), made.hours_ms)[:, 0])

    def packed(self) -> tuple[dict[str, Any], Tensors]:
        """What a release file holds of it."""
        return {name: getattr(self, name) for name in _HEAD}, dict(self.tensors)

    @classmethod
    def unpacked(cls, head: Mapping[str, Any], tensors: Mapping[str, NDArray[Any]]) -> Convolution:
        """The model of what a release file holds."""
        names, points, columns, own, plants = (tuple(head[name]) for name in _HEAD[:5])
        flags = bool(head["of_clear_sky"]), bool(head["seasons"])
        return cls(names, points, columns, own, plants, int(head["members"]), *flags, tensors)


_HEAD = ("names", "points", "columns", "own", "plants", "members", "of_clear_sky", "seasons")


def inputs(model: Convolution, plant_id: str, table: NDArray[np.floating], hours_ms: Ints) -> Floats:
    """Inputs (n, points x columns + own + clock) of a plant from its features (n, names)."""
    place = {name: i for i, name in enumerate(model.names)}
    empty = np.full(len(table), np.nan)

    def feature(point: str, column: str) -> NDArray[np.floating]:
        name = column if point == plant_id else f"{point}/{column}"
        return table[:, place[name]] if name in place else empty

    grid = [feature(point, column) for point in model.points for column in model.columns]
    own = [table[:, place[name]] for name in model.own]
    columns: list[NDArray[np.floating]] = [*grid, *own, *clock(hours_ms, model.seasons)]
    return np.stack(columns, axis=1).astype(np.float64)


def clock(hours_ms: Ints, seasons: bool) -> Sequence[Floats]:
    """Where in the UTC day and in the year each hour (n,) lies, on two circles."""
    day = (hours_ms / 3_600_000.0 - 0.5) / 24.0
    year = day / 365.2425 * (2.0 * np.pi) * seasons
    turn = day * (2.0 * np.pi)
    return np.sin(turn), np.cos(turn), np.sin(year), np.cos(year)


def _moved(hidden: NDArray[Any], hours: int) -> NDArray[Any]:
    """Row i becomes row i + hours; 0 beyond the ends."""
    made = np.zeros_like(hidden)
    if abs(hours) < len(hidden):
        if hours > 0:
            made[:-hours] = hidden[hours:]
        else:
            made[-hours:] = hidden[:hours]
    return made
