"""The correction net, served by NumPy: two hidden layers, a gate towards what the plant does now, a small
residual.

quantiles = start + sigmoid(gate - 3) (anchor - start) + scale 0.3 residual, knot by knot, where `start` is
what the closed form says. So an untrained net is nearly the closed form, and with little to learn from it
stays near it. Trained in `models/training/fit_network.py`; the same arithmetic stands there in torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from models.forecast.base import KNOTS, CorrectionInput, Floats, of_planes
from models.forecast.correction_features import ISSUE_NAMES, STEP_NAMES, Singles, build

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

    def correct(self, x: CorrectionInput, start: Floats) -> Floats:
        """Quantiles (N, S, 13), rising along the last axis, from those of the closed form (`start`).

        Issues without a last value stay with the closed form.
        """
        made, t = build(x), self.tensors
        issue = (made.issue - t["issue_mean"]) / t["issue_scale"]
        step = (made.step - t["step_mean"]) / t["step_scale"]
        place = {plant_id: i for i, plant_id in enumerate(self.plants)}
        row = np.array([place.get(p, len(self.plants)) for p in x.plant_ids], np.int64)
        total = self._member(0, issue, step, row)
        for m in range(1, self.members):
            total += self._member(m, issue, step, row)
        if self.members > 1:
            total /= np.float32(self.members)
        q = combine(start.astype(np.float32), made.anchor, total, scale(x))
        heard = np.isfinite(x.last)
        return q if heard.all() else np.where(heard[:, None, None], q, start)

    def _member(self, m: int, issue: Singles, step: Singles, row: np.ndarray) -> Singles:
        t = {
            name.removeprefix(f"{m}/"): tensor
            for name, tensor in self.tensors.items()
            if name.startswith(f"{m}/")
        }
        count, steps, inputs = step.shape
        whole = np.concatenate([issue, t["embedding"][row]], axis=1)
        shared = product(whole, t["issue_weight"]) + t["bias_1"]
        hidden = product(step.reshape(-1, inputs), t["step_weight"]).reshape(count, steps, -1)
        hidden += shared[:, None]
        hidden = product(silu(hidden.reshape(count * steps, -1)), t["weight_2"])
        hidden += t["bias_2"]
        out = product(silu(hidden), t["weight_3"])
        out += t["bias_3"]
        return out.reshape(count, steps, -1)


def combine(start: Singles, anchor: Singles, out: Singles, size: Floats) -> Floats:
    """Quantiles (N, S, 13), in order, from the outputs (N, S, 26), gates before residuals, on start and
    anchor (N, S, 13); residuals in `size` (N, S).
    """
    said, begin = np.ascontiguousarray(np.moveaxis(out, -1, 0)), np.moveaxis(start, -1, 0)
    q = said[: len(KNOTS)]
    q += np.float32(GATE_SHIFT)
    q = logistic(q)
    q *= np.moveaxis(anchor, -1, 0) - begin
    q += begin
    residual = said[len(KNOTS) :]
    residual *= (RESIDUAL_SCALE * size).astype(np.float32)
    q += residual
    issue, step = np.nonzero((q[1:] < q[:-1]).any(axis=0))
    q[:, issue, step] = np.sort(q[:, issue, step], axis=0)
    return of_planes(q.astype(np.float64))


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


def product(rows: Singles, weight: Singles) -> Singles:
    """Rows (n, inputs) times weights (inputs, outputs), always in blocks of `ROWS`, the last one padded."""
    blocks = -(-len(rows) // ROWS)
    padded = rows
    if len(rows) % ROWS:
        padded = np.zeros((blocks * ROWS, rows.shape[1]), np.float32)
        padded[: len(rows)] = rows
    made = np.matmul(padded.reshape(blocks, ROWS, -1), weight)
    return np.asarray(made.reshape(blocks * ROWS, -1)[: len(rows)])
