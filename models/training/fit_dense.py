"""Trains the dense net in torch. What is served is in `models/forecast/dense.py`."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from models.forecast.area import CLOCK, AreaView
from models.forecast.base import KNOTS, MEDIAN, Flags, Floats
from models.forecast.dense import Dense, clear_scale, standardised
from models.forecast.weather_features import CLEAR_PANEL
from models.training.families import DenseConfig
from models.training.lesson import Lesson, area_view, groups

Told = Callable[[float], None]


class _Net(nn.Module):
    def __init__(self, inputs: int, plants: int, config: DenseConfig) -> None:
        super().__init__()
        self.embedding = nn.Embedding(plants, config.embedding)
        nn.init.normal_(self.embedding.weight, std=0.1)
        self.first = nn.Linear(inputs + config.embedding, config.hidden)
        self.second = nn.Linear(config.hidden, config.hidden)
        self.last = nn.Linear(config.hidden, len(KNOTS))
        nn.init.constant_(self.last.bias, -2.5)
        nn.init.constant_(self.last.bias[MEDIAN : MEDIAN + 1], 0.5)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, x: Tensor, plant: Tensor) -> Tensor:
        hidden = torch.cat([x, self.embedding(plant)], dim=1)
        hidden = self.dropout(nn.functional.silu(self.first(hidden)))
        hidden = self.dropout(nn.functional.silu(self.second(hidden)))
        return rising(torch.as_tensor(self.last(hidden)))


def fit(lesson: Lesson, config: DenseConfig, seed: int, progress: Told = lambda _part: None) -> Dense:
    """A net of all known rows of a lesson; the same from the same seed on the same machine."""
    torch.set_num_threads(1)  # the layers are too small to share
    view = area_view(lesson, lesson.row_names, neighbours=len(lesson.plants) > 1)
    rows = _chosen(lesson, config.max_rows)
    raw = inputs(lesson, view, rows)
    mean, scale = moments(raw)
    of_clear_sky = lesson.solar and CLEAR_PANEL in lesson.names
    unit = clear_scale(lesson.of((CLEAR_PANEL,), rows)[:, 0]) if of_clear_sky else np.ones(int(rows.sum()))
    data = [
        torch.from_numpy(standardised(raw, mean, scale)),
        torch.from_numpy(lesson.plant[rows]),
        torch.from_numpy(unit.astype(np.float32)),
        torch.from_numpy(lesson.power[rows].astype(np.float32)),
    ]
    tensors: dict[str, np.ndarray] = {"mean": mean, "scale": scale}
    for m in range(config.members):
        torch.manual_seed(seed + m)
        net = _Net(raw.shape[1], len(lesson.plants), config)
        _optimise(net, data, groups(lesson.own, input_names(view)), config, progress)
        tensors |= {f"{m}/{name}": tensor for name, tensor in _export(net).items()}
    return Dense(view, lesson.plants, config.members, of_clear_sky, tensors)


def _chosen(lesson: Lesson, most: int) -> NDArray[np.bool_]:
    every = max(-(-int(lesson.known.sum()) // most), 1)
    rows = np.zeros(len(lesson.power), np.bool_)
    rows[np.flatnonzero(lesson.known)[::every]] = True
    return rows


def inputs(lesson: Lesson, view: AreaView, rows: Flags) -> Floats:
    """What a net sees of the rows of a mask."""
    table, plant, hours = lesson.of(view.names, rows), lesson.plant[rows], lesson.hours_ms[rows]
    made = np.empty((len(plant), len(input_names(view))))
    for i, plant_id in enumerate(lesson.plants):
        own = plant == i
        made[own] = view.of_table(plant_id, table[own], hours[own])
    return made


def input_names(view: AreaView) -> list[str]:
    """What each input is made of."""
    slots = [f"{point}/{column}" for point in view.points for column in view.columns]
    return [*slots, *view.own, *["clock"] * CLOCK]


def moments(values: NDArray[np.floating]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Mean and spread (F,) of the known values (n, F)."""
    known = np.isfinite(values)
    count = np.maximum(known.sum(axis=0), 1)
    filled = np.where(known, values, 0.0).astype(np.float64)
    mean = filled.sum(axis=0) / count
    spread = np.sqrt((np.where(known, values - mean, 0.0) ** 2).sum(axis=0) / count)
    return mean.astype(np.float32), np.where(spread > 1e-6, spread, 1.0).astype(np.float32)


def _optimise(
    net: _Net, data: list[Tensor], masks: list[list[int]], config: DenseConfig, progress: Told
) -> None:
    count = len(data[0])
    batches = max(count // config.batch, 1)
    adam = torch.optim.AdamW(net.parameters(), lr=config.rate, weight_decay=config.weight_decay)
    cycle = torch.optim.lr_scheduler.OneCycleLR(adam, config.rate, total_steps=batches * config.epochs)
    net.train()
    for epoch in range(config.epochs):
        order = torch.randperm(count)
        for b in range(batches):
            x, plant, unit, power = (d[order[b * config.batch : (b + 1) * config.batch]] for d in data)
            q = net(_disturbed(x, masks, config), plant) * unit[:, None]
            adam.zero_grad()
            torch.autograd.backward(pinball(q, power))
            adam.step()
            cycle.step()
        progress((epoch + 1) / config.epochs)


def _disturbed(x: Tensor, masks: list[list[int]], config: DenseConfig) -> Tensor:
    x = x + config.noise * torch.randn_like(x)
    if len(masks) > 1:
        hit = torch.rand(len(x)) < config.masked
        which = torch.randint(len(masks), (len(x),))
        for i, places in enumerate(masks):
            rows = torch.nonzero(hit & (which == i)).flatten()
            if len(rows) and places:
                x[rows[:, None], torch.tensor(places)] = 0.0
    return x


def rising(out: Tensor) -> Tensor:
    """Quantiles (..., 13) from outputs: the median in its place, around it steps that are never negative."""
    step = nn.functional.softplus(out)
    middle = out[..., MEDIAN : MEDIAN + 1]
    up = middle + torch.cumsum(step[..., MEDIAN + 1 :], dim=-1)
    down = middle - torch.cumsum(step[..., :MEDIAN].flip(-1), dim=-1).flip(-1)
    return torch.cat([down, middle, up], dim=-1)


def pinball(q: Tensor, power: Tensor) -> Tensor:
    """Mean loss of quantiles (..., 13) at `KNOTS` where the power (...) is known."""
    levels = torch.tensor(KNOTS, dtype=torch.float32)
    miss = power[..., None] - q
    loss = torch.maximum(levels * miss, (levels - 1.0) * miss).mean(dim=-1)
    return loss[torch.isfinite(power)].mean()


def _export(net: _Net) -> dict[str, np.ndarray]:
    layers = {"1": net.first, "2": net.second, "3": net.last}
    made = {f"weight_{i}": layer.weight.detach().numpy().T for i, layer in layers.items()}
    made |= {f"bias_{i}": layer.bias.detach().numpy() for i, layer in layers.items()}
    made |= {"embedding": net.embedding.weight.detach().numpy()}
    return {name: np.array(v, np.float32, order="C") for name, v in made.items()}
