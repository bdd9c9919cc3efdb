"""Trains the correction net in torch; the only file that imports it. What is served is in
`models/forecast/network.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor, nn

from models.forecast.base import KNOTS
from models.forecast.correction_features import ISSUE_NAMES, STEP_NAMES, Singles
from models.forecast.network import EMBEDDING, GATE_SHIFT, RESIDUAL_SCALE


@dataclass(frozen=True)
class NetConfig:
    """How the net is trained."""

    hidden: int = 64
    epochs: int = 12
    batch: int = 1024
    rate: float = 3e-3
    weight_decay: float = 1e-3
    dropout: float = 0.1
    unknown_plant: float = 0.1  # part of the rows that is shown without its plant
    members: int = 2
    seed: int = 1


@dataclass(frozen=True)
class NetRows:
    """Rows (n,) of one issue and one step each: inputs, plant index, start and anchor (n, 13), residual
    scale, target.
    """

    issue: Singles
    step: Singles
    plant: np.ndarray
    start: Singles
    anchor: Singles
    scale: Singles
    target: Singles


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
    rows: NetRows,
    plants: int,
    left_out: tuple[list[int], list[int]],
    config: NetConfig,
    progress: Callable[[float], None],
) -> dict[str, Singles]:
    """Tensors as `Network` serves them; the same from the same seed on the same machine.

    `left_out`: places of the issue and of the step inputs that the net must not look at.
    """
    torch.set_num_threads(1)  # the layers are too small to share
    issue, step = rows.issue.copy(), rows.step.copy()
    issue[:, left_out[0]] = 0.0
    step[:, left_out[1]] = 0.0
    rows = replace(rows, issue=issue, step=step)
    moments = _moments(rows)
    tensors = dict(moments)
    data = [torch.from_numpy(np.ascontiguousarray(a)) for a in _inputs(rows, moments)]
    for m in range(config.members):
        torch.manual_seed(config.seed + m)
        net = _Net(plants, config)

        def said(part: float, m: int = m) -> None:
            progress((m + part) / config.members)

        _optimise(net, data, plants, config, said)
        tensors |= {f"{m}/{name}": tensor for name, tensor in _export(net, left_out).items()}
    return tensors


def _moments(rows: NetRows) -> dict[str, Singles]:
    made = {}
    for name, values in (("issue", rows.issue), ("step", rows.step)):
        spread = values.std(axis=0)
        made[f"{name}_mean"] = values.mean(axis=0).astype(np.float32)
        made[f"{name}_scale"] = np.where(spread > 1e-4, spread, 1.0).astype(np.float32)
    return made


def _inputs(rows: NetRows, moments: dict[str, Singles]) -> list[np.ndarray]:
    issue = (rows.issue - moments["issue_mean"]) / moments["issue_scale"]
    step = (rows.step - moments["step_mean"]) / moments["step_scale"]
    return [issue, step, rows.plant.astype(np.int64), rows.start, rows.anchor, rows.scale, rows.target]


def _optimise(
    net: _Net, data: list[Tensor], plants: int, config: NetConfig, progress: Callable[[float], None]
) -> None:
    count = len(data[0])
    batches = max(count // config.batch, 1)
    adam = torch.optim.AdamW(net.parameters(), lr=config.rate, weight_decay=config.weight_decay)
    cycle = torch.optim.lr_scheduler.OneCycleLR(adam, config.rate, total_steps=batches * config.epochs)
    levels = torch.tensor(KNOTS, dtype=torch.float32)
    net.train()
    for epoch in range(config.epochs):
        order = torch.randperm(count)
        for b in range(batches):
            issue, step, plant, start, anchor, scale, target = (
                d[order[b * config.batch : (b + 1) * config.batch]] for d in data
            )
            plant = torch.where(torch.rand(len(plant)) < config.unknown_plant, plants, plant)
            loss = _pinball(_quantiles(net(issue, step, plant), start, anchor, scale), target, levels)
            adam.zero_grad()
            torch.autograd.backward(loss)
            adam.step()
            cycle.step()
        progress((epoch + 1) / config.epochs)


def _quantiles(out: Tensor, start: Tensor, anchor: Tensor, scale: Tensor) -> Tensor:
    gate = torch.sigmoid(out[:, : len(KNOTS)] + GATE_SHIFT)
    return start + gate * (anchor - start) + RESIDUAL_SCALE * scale[:, None] * out[:, len(KNOTS) :]


def _pinball(q: Tensor, target: Tensor, levels: Tensor) -> Tensor:
    miss = target[:, None] - q
    return torch.maximum(levels * miss, (levels - 1.0) * miss).mean()


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
