"""The correction net, served by NumPy: two hidden layers, a gate towards what the plant does now, a small
residual.

quantiles = start + sigmoid(gate - 3) (anchor - start) + scale 0.3 residual, knot by knot, where `start` is
what the closed form says. So an untrained net is nearly the closed form, and with little to learn from it
stays near it. Trained in `models/training/fit_network.py`; the same arithmetic stands there in torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from models.forecast.base import KNOTS, CorrectionInput, Floats, Ints, Singles, of_planes, planes_of
from models.forecast.correction_features import ISSUE_NAMES, STEP_NAMES, NetInput, build

# Of every matrix product: its last bits depend on its shape, and so small a one stays in one thread.
ROWS = 64
GATE_SHIFT, RESIDUAL_SCALE = -3.0, 0.3
EMBEDDING = 8


@dataclass(frozen=True)
class Network:
    """Weights of one or more nets of the same shape whose outputs are averaged.

    `tensors` of member m: `m/issue_weight` (issue inputs + EMBEDDING, hidden), `m/step_weight`, `m/bias_1`,
    `m/weight_2`, `m/bias_2`, `m/weight_3` (hidden, 26), `m/bias_3`, `m/embedding` (plants + 1, EMBEDDING;
    the last row is the mean). Inputs are shifted by `issue_mean`, `step_mean` and divided by `issue_scale`,
    `step_scale`.
    """

    tensors: Mapping[str, Singles]
    plants: tuple[str, ...]
    members: int

    def __post_init__(self) -> None:
        issue, step = len(self.tensors["issue_mean"]), len(self.tensors["step_mean"])
        made = len(ISSUE_NAMES), len(STEP_NAMES)
        if (issue, step) != made:
            raise ValueError(f"the net takes {issue} + {step} inputs, this code makes {made[0]} + {made[1]}")

    def about(self) -> dict[str, Any]:
        """What beside the tensors makes the net again; JSON-able."""
        return {"family": "net", "plants": list(self.plants), "members": self.members}

    def correct(self, x: CorrectionInput, start: Singles) -> Singles:
        """Quantiles (N, S, 13), rising along the last axis, from those of the closed form (`start`).

        Issues without a last value stay with the closed form.
        """
        made, t = build(x, ROWS), self.tensors
        issue = (made.issue - t["issue_mean"]) / t["issue_scale"]
        made.columns[...] -= t["step_mean"][:, None]
        row = np.array([self._places.get(p, len(self.plants)) for p in x.plant_ids], np.int64)
        total = self._member(self._layers[0], issue, made, row)
        for layers in self._layers[1:]:
            total += self._member(layers, issue, made, row)
        if self.members > 1:
            total /= np.float32(self.members)
        out = of_planes(total[:, : x.lead_s.size].reshape(-1, *x.lead_s.shape))
        q = combine(start, made.anchor, out, scale(x))
        heard = np.isfinite(x.last)
        return q if heard.all() else np.where(heard[:, None, None], q, start)

    @cached_property
    def _places(self) -> dict[str, int]:
        return {plant_id: i for i, plant_id in enumerate(self.plants)}

    @cached_property
    def _layers(self) -> list[_Layers]:
        return [_Layers.of(self.tensors, m) for m in range(self.members)]

    def _member(self, layers: _Layers, issue: Singles, made: NetInput, row: Ints) -> Singles:
        """Outputs (26, columns) of one net."""
        issues, steps, _ = made.anchor.shape
        whole = np.concatenate([issue, layers.embedding[row]], axis=1)
        shared = product(whole, layers.issue_weight) + layers.bias_1
        hidden = of_columns(layers.step_weight, made.columns)
        by_issue = hidden[:, : issues * steps].reshape(-1, issues, steps)
        by_issue += shared.T[:, :, None]
        hidden = of_columns(layers.weight_2, _minus_silu(hidden))
        hidden += layers.bias_2
        out = of_columns(layers.weight_3, _minus_silu(hidden))
        out += layers.bias_3
        return out


@dataclass(frozen=True)
class _Layers:
    """One net as it is multiplied with columns of inputs: hidden layers have the other sign (so that none has
    to be changed for the exponential), the scale of the steps' inputs is in the weights.
    """

    embedding: Singles
    issue_weight: Singles
    bias_1: Singles
    step_weight: Singles  # (hidden, step inputs), as the two after it
    weight_2: Singles
    bias_2: Singles  # (hidden, 1), as the one after it
    weight_3: Singles
    bias_3: Singles

    @classmethod
    def of(cls, tensors: Mapping[str, Singles], member: int) -> _Layers:
        own = {name.partition("/")[2]: t for name, t in tensors.items() if name.startswith(f"{member}/")}
        return cls(
            own["embedding"],
            -own["issue_weight"],
            -own["bias_1"],
            np.ascontiguousarray(-(own["step_weight"] / tensors["step_scale"][:, None]).T),
            np.ascontiguousarray(own["weight_2"].T),
            -own["bias_2"][:, None],
            np.ascontiguousarray(-own["weight_3"].T),
            own["bias_3"][:, None],
        )


def combine(start: Singles, anchor: Singles, out: Singles, size: Floats) -> Singles:
    """Quantiles (N, S, 13), in order, from the outputs (N, S, 26), gates before residuals, on start and
    anchor (N, S, 13); residuals in `size` (N, S).
    """
    said, begin = planes_of(out), planes_of(start)
    q = np.add(said[: len(KNOTS)], np.float32(GATE_SHIFT), order="C")
    q = logistic(q)
    q *= planes_of(anchor) - begin
    q += begin
    q += said[len(KNOTS) :] * (RESIDUAL_SCALE * size).astype(np.float32)
    issue, step = np.nonzero((q[1:] < q[:-1]).any(axis=0))
    q[:, issue, step] = np.sort(q[:, issue, step], axis=0)
    return of_planes(q)


def scale(x: CorrectionInput) -> Floats:
    """What a residual (N, S) is measured in: capacity for wind, the most that is likely for solar (none at
    night).
    """
    return np.where(x.is_solar[:, None], np.clip(x.base[..., -1], 0.0, 1.0), 1.0)


def logistic(values: Singles) -> Singles:
    """Between 0 and 1, elementwise."""
    made = np.negative(values)
    with np.errstate(over="ignore"):
        np.exp(made, out=made)
    made += np.float32(1.0)
    return np.reciprocal(made, out=made)


def silu(values: Singles) -> Singles:
    """x times its logistic function, elementwise."""
    made = np.negative(values)
    with np.errstate(over="ignore"):
        np.exp(made, out=made)
    made += np.float32(1.0)
    return np.divide(values, made, out=made)


def _minus_silu(minus: Singles) -> Singles:
    """-silu(x) from -x."""
    with np.errstate(over="ignore"):
        made = np.exp(minus)
    made += np.float32(1.0)
    return np.divide(minus, made, out=made)


def product(rows: Singles, weight: Singles) -> Singles:
    """Rows (n, inputs) times weights (inputs, outputs), always in blocks of `ROWS`, the last one padded."""
    blocks = -(-len(rows) // ROWS)
    padded = rows
    if len(rows) % ROWS:
        padded = np.zeros((blocks * ROWS, rows.shape[1]), np.float32)
        padded[: len(rows)] = rows
    made = np.matmul(padded.reshape(blocks, ROWS, -1), weight)
    return np.asarray(made.reshape(blocks * ROWS, -1)[: len(rows)])


def of_columns(weight: Singles, columns: Singles) -> Singles:
    """Weights (outputs, inputs) times columns (inputs, n), in blocks of `ROWS` columns, all of them whole."""
    made = np.empty((len(weight), columns.shape[1]), np.float32)
    np.matmul(weight, _in_blocks(columns), out=_in_blocks(made))
    return made


def _in_blocks(columns: Singles) -> Singles:
    """A view of columns (k, n) as blocks (blocks, k, ROWS)."""
    return columns.reshape(len(columns), -1, ROWS).transpose(1, 0, 2)
