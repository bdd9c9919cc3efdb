"""Trains the temporal convolution in torch. What is served is in `models/forecast/convolution.py`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from models.forecast.base import KNOTS, MEDIAN, Floats
from models.forecast.convolution import DILATIONS, Convolution, inputs
from models.forecast.dense import clear_scale, standardised
from models.forecast.weather_features import CLEAR_PANEL
from models.training.families import ConvolutionConfig
from models.training.fit_dense import moments, pinball, rising
from models.training.lesson import SEASONS_KNOWN_DAYS, Lesson, of_point
from models.training.rows import DAY_MS

Told = Callable[[float], None]


class _Net(nn.Module):
    def __init__(self, width: int, plants: int, config: ConvolutionConfig) -> None:
        super().__init__()
        self.enter = nn.Linear(width, config.channels)
        self.embedding = nn.Embedding(plants + 1, config.channels)
        nn.init.normal_(self.embedding.weight, std=0.05)
        self.layers = nn.ModuleList(
            nn.Conv1d(config.channels, config.channels, 3, padding=step, dilation=step) for step in DILATIONS
        )
        self.local = nn.Linear(width, config.local, bias=False)
        self.local_bias = nn.Embedding(plants + 1, config.local)
        nn.init.zeros_(self.local_bias.weight)
        self.leave = nn.Linear(config.channels + config.local, len(KNOTS))
        nn.init.constant_(self.leave.bias, -2.5)
        nn.init.constant_(self.leave.bias[MEDIAN : MEDIAN + 1], 0.3)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, x: Tensor, plant: Tensor, inside: Tensor) -> Tensor:
        """Quantiles (crops, hours, 13) from inputs (crops, hours, width) and plants (crops,); hours that are
        not `inside` a run are as nothing to the others.
        """
        hidden = nn.functional.silu(self.enter(x) + self.embedding(plant)[:, None])
        for layer in self.layers:
            moved = layer((self.dropout(hidden) * inside[..., None]).transpose(1, 2)).transpose(1, 2)
            hidden = hidden + nn.functional.silu(moved)
        local = nn.functional.silu(self.local(x) + self.local_bias(plant)[:, None])
        return rising(torch.as_tensor(self.leave(self.dropout(torch.cat([hidden, local], dim=2)))))


@dataclass(frozen=True)
class _Sequences:
    """Rows in the order of the lesson, and where each run's rows begin and end."""

    x: Tensor
    power: Tensor
    unit: Tensor
    plant: Tensor
    crops: NDArray[Any]  # (c, 2) first row and row after the last


def fit(
    lesson: Lesson, config: ConvolutionConfig, seed: int, progress: Told = lambda _part: None
) -> Convolution:
    """A net of all runs of a lesson; the same from the same seed on the same machine."""
    torch.set_num_threads(1)
    model = _empty(lesson, config)
    raw = _inputs(lesson, model)
    known = lesson.known
    mean, scale = moments(raw[known].astype(np.float32))
    tensors: dict[str, NDArray[Any]] = {"mean": mean, "scale": scale}
    made = replace(model, tensors=tensors)
    for m in range(config.members):
        torch.manual_seed(seed + m)
        draw = np.random.default_rng(seed + m)
        net = _Net(raw.shape[1], len(lesson.plants), config)
        _optimise(net, _sequences(lesson, made, raw), len(lesson.plants), config, draw, progress)
        tensors |= {f"{m}/{name}": tensor for name, tensor in _export(net).items()}
    return replace(model, tensors=tensors)


def _empty(lesson: Lesson, config: ConvolutionConfig) -> Convolution:
    grid = [n for n in lesson.names if of_point(n) and "@" not in n]
    points = tuple(sorted({n.split("/")[0] for n in grid} | set(lesson.plants))) if grid else ()
    marks = ("@", "~", "/")
    extra = [n for n in lesson.names if lesson.solar and not any(m in n for m in marks)]
    extra = [n for n in extra if n not in ("lead_h", "hour_utc", "day_of_year")]
    own = tuple(dict.fromkeys((*lesson.own, *extra)))
    days = int(lesson.hours_ms.max() - lesson.hours_ms.min()) // DAY_MS
    return Convolution(
        names=tuple(dict.fromkeys((*own, *grid))),
        points=points,
        columns=lesson.own if grid else (),
        own=own,
        plants=lesson.plants,
        members=config.members,
        of_clear_sky=lesson.solar and CLEAR_PANEL in lesson.names,
        seasons=days >= SEASONS_KNOWN_DAYS,
        tensors={},
    )


def _inputs(lesson: Lesson, model: Convolution) -> Floats:
    table = lesson.of(model.names, np.ones(len(lesson.power), np.bool_)).astype(np.float64)
    parts = []
    for i, plant_id in enumerate(lesson.plants):
        rows = lesson.plant == i
        parts.append(inputs(model, plant_id, table[rows], lesson.hours_ms[rows]))
    return np.concatenate(parts)


def _sequences(lesson: Lesson, model: Convolution, raw: Floats) -> _Sequences:
    unit = np.ones(len(raw))
    if model.of_clear_sky:
        unit = clear_scale(lesson.of((CLEAR_PANEL,), np.ones(len(raw), np.bool_))[:, 0])
    edges = np.flatnonzero(np.diff(lesson.run, prepend=-1, append=-1))
    return _Sequences(
        torch.from_numpy(standardised(raw, model.tensors["mean"], model.tensors["scale"])),
        torch.from_numpy(lesson.power.astype(np.float32)),
        torch.from_numpy(unit.astype(np.float32)),
        torch.from_numpy(lesson.plant.astype(np.int64)),
        np.stack([edges[:-1], edges[1:]], axis=1),
    )


def _crops(told: _Sequences, crop_h: int, draw: np.random.Generator) -> NDArray[Any]:
    """Rows (c, crop_h) of stretches of the runs, other ones each time; -1 beyond a run's ends."""
    made = []
    for first, end in told.crops.tolist():
        start = first - int(draw.integers(crop_h)) if end - first > crop_h else first
        begins = np.arange(start, end, crop_h)
        rows = begins[:, None] + np.arange(crop_h)
        made.append(np.where((rows >= first) & (rows < end), rows, -1))
    crops = np.concatenate(made)
    power = told.power.numpy()
    taught = (np.isfinite(power[crops]) & (crops >= 0)).any(axis=1)
    return np.asarray(crops[taught])


def _optimise(
    net: _Net,
    told: _Sequences,
    plants: int,
    config: ConvolutionConfig,
    draw: np.random.Generator,
    progress: Told,
) -> None:
    crops = _crops(told, config.crop_h, draw)
    share = min(1.0, config.max_rows / max(crops.size, 1))
    batches = max(int(len(crops) * share) // config.batch, 1)
    adam = torch.optim.AdamW(net.parameters(), lr=config.rate, weight_decay=config.weight_decay)
    cycle = torch.optim.lr_scheduler.OneCycleLR(adam, config.rate, total_steps=batches * config.epochs)
    net.train()
    for epoch in range(config.epochs):
        crops = _crops(told, config.crop_h, draw)
        order = draw.permutation(len(crops))
        for b in range(batches):
            rows = crops[order[b * config.batch : (b + 1) * config.batch]]
            if not len(rows):
                continue
            adam.zero_grad()
            torch.autograd.backward(_loss(net, told, rows, plants, config))
            adam.step()
            cycle.step()
        progress((epoch + 1) / config.epochs)


def _loss(net: _Net, told: _Sequences, rows: NDArray[Any], plants: int, config: ConvolutionConfig) -> Tensor:
    place = torch.from_numpy(np.maximum(rows, 0))
    inside = torch.from_numpy(rows >= 0)
    x = told.x[place] + config.noise * torch.randn(*place.shape, told.x.shape[1])
    hit = torch.rand(len(place), 1, x.shape[2]) < config.masked / 4
    x = torch.where(hit, torch.zeros(()), x)
    plant = told.plant[place[torch.arange(len(place)), inside.int().argmax(dim=1)]]
    plant = torch.where(torch.rand(len(plant)) < config.unknown_plant, plants, plant)
    power = torch.where(inside, told.power[place], torch.nan)
    return pinball(net(x, plant, inside) * told.unit[place][..., None], power)


def _export(net: _Net) -> dict[str, NDArray[Any]]:
    made: dict[str, Tensor | None] = {
        "in_weight": net.enter.weight.T,
        "in_bias": net.enter.bias,
        "embedding": net.embedding.weight,
        "local_weight": net.local.weight.T,
        "local_bias": net.local_bias.weight,
        "out_weight": net.leave.weight.T,
        "out_bias": net.leave.bias,
    }
    for i, each in enumerate(net.layers):
        layer = cast(nn.Conv1d, each)
        left, centre, right = (layer.weight[:, :, k].T for k in range(3))
        made |= {f"layer_{i}_left": left, f"layer_{i}_centre": centre, f"layer_{i}_right": right}
        made |= {f"layer_{i}_bias": layer.bias}
    return {
        name: np.array(v.detach().numpy(), np.float32, order="C") for name, v in made.items() if v is not None
    }
