"""Trains the correction net in torch. What is served is in `models/forecast/network.py`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from models.forecast.base import KNOTS, Singles
from models.forecast.correction_features import ISSUE_NAMES, STEP_NAMES
from models.forecast.network import EMBEDDING, GATE_SHIFT, RESIDUAL_SCALE
from models.training.correction_rows import Rows
from models.training.fit_loop import LoopSettings, Losses, optimise, pinball


@dataclass(frozen=True)
class NetConfig:
    """How the net is trained."""

    hidden: int = 48
    epochs: int = 12
    batch: int = 1024
    rate: float = 3e-3
    weight_decay: float = 1e-3
    dropout: float = 0.1
    unknown_plant: float = 0.1  # part of the rows that is shown without its plant
    members: int = 2
    seed: int = 1


@dataclass(frozen=True)
class Trained:
    """Weights as they are served, and how the losses fell (of the last member)."""

    tensors: dict[str, Singles]
    losses: Losses


class _Net(nn.Module):
    def __init__(self, plants: int, config: NetConfig) -> None:
        super().__init__()
        self.embedding = nn.Embedding(plants + 1, EMBEDDING)
        nn.init.normal_(self.embedding.weight, std=0.1)
        self.first = nn.Linear(len(ISSUE_NAMES) + EMBEDDING + len(STEP_NAMES), config.hidden)
        self.second = nn.Linear(config.hidden, config.hidden)
        self.last = nn.Linear(config.hidden, 2 * len(KNOTS))
        nn.init.zeros_(self.last.weight)
        nn.init.zeros_(self.last.bias)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, issue: Tensor, step: Tensor, plant: Tensor) -> Tensor:
        inputs = torch.cat([issue, self.embedding(plant), step], dim=1)
        hidden = self.dropout(nn.functional.silu(self.first(inputs)))
        hidden = self.dropout(nn.functional.silu(self.second(hidden)))
        return torch.as_tensor(self.last(hidden))


def train(
    rows: Rows,
    held_back: Rows | None,
    plants: int,
    left_out: tuple[list[int], list[int]],
    config: NetConfig,
    progress: Callable[[float], None],
) -> Trained:
    """Tensors as `Network` serves them; the same from the same seed on the same machine.

    `left_out`: places of the issue and of the step inputs that the net must not look at. `held_back` is only
    looked at.
    """
    torch.set_num_threads(1)  # the layers are too small to share
    flat = _flat(rows, left_out)
    moments = _moments(flat[0], flat[1])
    data = _tensors(flat, moments)
    outside = _tensors(_flat(held_back, left_out), moments) if held_back is not None else None
    tensors, losses = dict(moments), Losses([], [])
    for m in range(config.members):
        torch.manual_seed(config.seed + m)
        net = _Net(plants, config)

        def said(part: float, m: int = m) -> None:
            progress((m + part) / config.members)

        losses = _optimise(net, data, outside, plants, config, said)
        tensors |= {f"{m}/{name}": tensor for name, tensor in _export(net, left_out).items()}
    return Trained(tensors, losses)


def _flat(rows: Rows, left_out: tuple[list[int], list[int]]) -> list[np.ndarray]:
    """One row for each step that something came of: issue and step inputs, plant, start, anchor, scale,
    target.
    """
    issue, step = np.nonzero(np.isfinite(rows.target))
    of_issue, of_step = rows.issue[issue], rows.step[issue, step]
    of_issue[:, left_out[0]] = 0.0
    of_step[:, left_out[1]] = 0.0
    rest = (rows.start, rows.anchor, rows.scale, rows.target)
    return [of_issue, of_step, rows.plant[issue], *(a[issue, step] for a in rest)]


def _moments(issue: Singles, step: Singles) -> dict[str, Singles]:
    made = {}
    for name, values in (("issue", issue), ("step", step)):
        spread = values.std(axis=0)
        made[f"{name}_mean"] = values.mean(axis=0).astype(np.float32)
        made[f"{name}_scale"] = np.where(spread > 1e-4, spread, 1.0).astype(np.float32)
    return made


def _tensors(flat: list[np.ndarray], moments: dict[str, Singles]) -> list[Tensor]:
    issue = (flat[0] - moments["issue_mean"]) / moments["issue_scale"]
    step = (flat[1] - moments["step_mean"]) / moments["step_scale"]
    return [torch.from_numpy(np.ascontiguousarray(a)) for a in (issue, step, *flat[2:])]


def _optimise(
    net: _Net,
    data: list[Tensor],
    outside: list[Tensor] | None,
    plants: int,
    config: NetConfig,
    progress: Callable[[float], None],
) -> Losses:
    def loss(rows: Tensor) -> Tensor:
        issue, step, plant, start, anchor, scale, target = (d[rows] for d in data)
        plant = torch.where(torch.rand(len(plant)) < config.unknown_plant, plants, plant)
        return pinball(_quantiles(net(issue, step, plant), start, anchor, scale), target)

    def judge() -> float | None:
        if outside is None:
            return None
        issue, step, plant, start, anchor, scale, target = outside
        return float(pinball(_quantiles(net(issue, step, plant), start, anchor, scale), target))

    settings = LoopSettings(config.epochs, config.batch, config.rate, config.weight_decay)
    return optimise(net, len(data[0]), loss, judge, settings, progress)


def _quantiles(out: Tensor, start: Tensor, anchor: Tensor, scale: Tensor) -> Tensor:
    gate = torch.sigmoid(out[:, : len(KNOTS)] + GATE_SHIFT)
    return start + gate * (anchor - start) + RESIDUAL_SCALE * scale[:, None] * out[:, len(KNOTS) :]


def _export(net: _Net, left_out: tuple[list[int], list[int]]) -> dict[str, Singles]:
    """Weights turned so that rows times weights is a layer; the unknown plant's row is what was learned for
    it.
    """
    split = len(ISSUE_NAMES) + EMBEDDING
    first = net.first.weight.detach().numpy().T.copy()
    first[left_out[0]] = 0.0
    first[[split + i for i in left_out[1]]] = 0.0
    made = {
        "issue_weight": first[:split],
        "step_weight": first[split:],
        "bias_1": net.first.bias,
        "weight_2": net.second.weight.detach().numpy().T,
        "bias_2": net.second.bias,
        "weight_3": net.last.weight.detach().numpy().T,
        "bias_3": net.last.bias,
        "embedding": net.embedding.weight,
    }
    plain = {k: v.detach().numpy() if isinstance(v, Tensor) else v for k, v in made.items()}
    return {k: np.array(v, dtype=np.float32, order="C") for k, v in plain.items()}
