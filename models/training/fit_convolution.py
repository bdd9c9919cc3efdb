"""Trains the temporal convolution in torch. What is served is in `models/forecast/convolution.py`.

Runs of several plants that were published together and speak of the same hours pass the trunk once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from models.forecast.area import AreaView
from models.forecast.base import HOUR_MS, KNOTS, MEDIAN, Floats, Ints
from models.forecast.convolution import DILATIONS, Convolution, split
from models.forecast.dense import clear_scale, standardised
from models.forecast.weather_features import CLEAR_PANEL
from models.training.families import ConvolutionConfig
from models.training.fit_dense import inputs, moments, pinball, rising
from models.training.lesson import Lesson, area_view

Told = Callable[[float], None]


class _Net(nn.Module):
    def __init__(self, shared: int, own: int, plants: int, config: ConvolutionConfig) -> None:
        super().__init__()
        self.enter = nn.Linear(shared, config.channels)
        self.layers = nn.ModuleList(
            nn.Conv1d(config.channels, config.channels, 3, padding=step, dilation=step) for step in DILATIONS
        )
        self.local_weight = nn.Parameter(torch.randn(plants, own, config.local) / own**0.5)
        self.local_bias = nn.Parameter(torch.zeros(plants, config.local))
        wide = config.channels + config.local
        self.out_weight = nn.Parameter(0.5 * torch.randn(plants, wide, len(KNOTS)) / wide**0.5)
        bias = torch.full((plants, len(KNOTS)), -2.5)
        bias[:, MEDIAN] = 0.3
        self.out_bias = nn.Parameter(bias)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, shared: Tensor, own: Tensor, inside: Tensor) -> Tensor:
        """Quantiles (crops, plants, hours, 13) from what the trunk sees (crops, hours, shared) and each plant
        (crops, plants, hours, own); hours that are not `inside` a run are as nothing to the others.
        """
        hidden = nn.functional.silu(self.enter(shared))
        for layer in self.layers:
            moved = layer((self.dropout(hidden) * inside[..., None]).transpose(1, 2)).transpose(1, 2)
            hidden = hidden + nn.functional.silu(moved)
        local = torch.einsum("cpho,pol->cphl", own, self.local_weight) + self.local_bias[:, None]
        everyone = hidden[:, None].expand(-1, own.shape[1], -1, -1)
        joined = self.dropout(torch.cat([everyone, nn.functional.silu(local)], dim=3))
        return rising(torch.einsum("cphw,pwk->cphk", joined, self.out_weight) + self.out_bias[:, None])


@dataclass(frozen=True)
class _Sequences:
    """Rows as the lesson has them, and of each joint run (g, plants) the first row of each plant, -1 where it
    has none, with the number of its hours (g,).
    """

    shared: Tensor
    own: Tensor
    power: Tensor
    unit: Tensor
    first: Ints
    hours: Ints


def fit(
    lesson: Lesson, config: ConvolutionConfig, seed: int, progress: Told = lambda _part: None
) -> Convolution:
    """A net of all runs of a lesson; the same from the same seed on the same machine."""
    torch.set_num_threads(1)
    view = _view(lesson)
    raw = inputs(lesson, view, np.ones(len(lesson.power), np.bool_))
    mean, scale = moments(raw[lesson.known])
    tensors = {"mean": mean, "scale": scale}
    clear = lesson.solar and CLEAR_PANEL in lesson.names
    model = Convolution(view, lesson.plants, config.members, clear, tensors)
    told = _sequences(lesson, model, raw)
    for m in range(config.members):
        torch.manual_seed(seed + m)
        net = _Net(told.shared.shape[1], told.own.shape[1], len(lesson.plants), config)
        _optimise(net, told, config, np.random.default_rng(seed + m), progress)
        tensors |= {f"{m}/{name}": tensor for name, tensor in _export(net).items()}
    return replace(model, tensors=tensors)


def _view(lesson: Lesson) -> AreaView:
    marks = ("@", "~", "/")
    sun = [n for n in lesson.row_names if lesson.solar and not any(mark in n for mark in marks)]
    own = tuple(dict.fromkeys((*lesson.own, *(n for n in sun if n not in ("lead_h", "day_of_year")))))
    return area_view(lesson, own, neighbours=False)


def _sequences(lesson: Lesson, model: Convolution, raw: Floats) -> _Sequences:
    unit = np.ones(len(raw))
    if model.of_clear_sky:
        unit = clear_scale(lesson.of((CLEAR_PANEL,), np.ones(len(raw), np.bool_))[:, 0])
    x = standardised(raw, model.tensors["mean"], model.tensors["scale"])
    shared, own = split(x, model.view)
    first, hours = _joint_runs(lesson, together=model.view.grid > 0)
    return _Sequences(
        torch.from_numpy(shared),
        torch.from_numpy(np.ascontiguousarray(own)),
        torch.from_numpy(lesson.power.astype(np.float32)),
        torch.from_numpy(unit.astype(np.float32)),
        first,
        hours,
    )


def _joint_runs(lesson: Lesson, together: bool) -> tuple[Ints, Ints]:
    """First rows (g, plants) and hours (g,) of runs that were published at one time for the same hours."""
    edges = np.flatnonzero(np.diff(lesson.run, prepend=-1, append=-1))
    lead = lesson.matrix[:, lesson.names.index("lead_h")]
    joint: dict[tuple[int, int, int, int], list[int]] = {}
    for begin, end in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        plant = int(lesson.plant[begin])
        published = int(lesson.hours_ms[begin]) - round(float(lead[begin]) * HOUR_MS)
        key = (published, int(lesson.hours_ms[begin]), end - begin, -1 if together else plant)
        joint.setdefault(key, [-1] * len(lesson.plants))[plant] = begin
    first = np.array(list(joint.values()), np.int64).reshape(-1, len(lesson.plants))
    return first, np.array([hours for _, _, hours, _ in joint], np.int64)


def _crops(told: _Sequences, crop_h: int, draw: np.random.Generator) -> tuple[Ints, Ints]:
    """Crops of the joint runs, other ones each time: their run (c,) and hour (c, crop_h), -1 beyond the
    run's ends.
    """
    runs, places = [], []
    for run, hours in enumerate(told.hours.tolist()):
        start = -int(draw.integers(crop_h)) if hours > crop_h else 0
        place = np.arange(start, hours, crop_h)[:, None] + np.arange(crop_h)
        places.append(np.where((place >= 0) & (place < hours), place, -1))
        runs.append(np.full(len(place), run))
    return np.concatenate(runs), np.concatenate(places)


def _optimise(
    net: _Net, told: _Sequences, config: ConvolutionConfig, draw: np.random.Generator, progress: Told
) -> None:
    batches = max(-(-len(_crops(told, config.crop_h, draw)[0]) // config.batch), 1)
    batches = min(batches, config.most_batches)
    adam = torch.optim.AdamW(net.parameters(), lr=config.rate, weight_decay=config.weight_decay)
    cycle = torch.optim.lr_scheduler.OneCycleLR(adam, config.rate, total_steps=batches * config.epochs)
    net.train()
    for epoch in range(config.epochs):
        runs, places = _crops(told, config.crop_h, draw)
        order = draw.permutation(len(runs))
        for b in range(batches):
            some = order[b * config.batch : (b + 1) * config.batch]
            loss = _loss(net, told, runs[some], places[some], config, draw) if len(some) else None
            if loss is not None:
                adam.zero_grad()
                torch.autograd.backward(loss)
                adam.step()
            cycle.step()
        progress((epoch + 1) / config.epochs)


def _loss(
    net: _Net,
    told: _Sequences,
    runs: Ints,
    places: Ints,
    config: ConvolutionConfig,
    draw: np.random.Generator,
) -> Tensor | None:
    first, inside = told.first[runs], places >= 0
    there = (first >= 0)[:, :, None] & inside[:, None, :]
    rows = torch.from_numpy(np.where(there, first[:, :, None] + places[:, None, :], 0))
    power = torch.where(torch.from_numpy(there), told.power[rows], torch.nan)
    if not torch.isfinite(power).any():
        return None
    eye = (draw.random(first.shape) * (first >= 0)).argmax(axis=1)  # through whose run the trunk looks
    shared = _disturbed(told.shared[rows[torch.arange(len(rows)), torch.from_numpy(eye)]], config)
    q = net(shared, _disturbed(told.own[rows], config), torch.from_numpy(inside).float())
    return pinball(q * told.unit[rows][..., None], power)


def _disturbed(x: Tensor, config: ConvolutionConfig) -> Tensor:
    """With noise, and in some crops without one input or another."""
    gone = torch.rand(*x.shape[:-2], 1, x.shape[-1]) < config.masked
    return torch.where(gone, torch.zeros(()), x + config.noise * torch.randn_like(x))


def _export(net: _Net) -> dict[str, NDArray[np.float32]]:
    names = ("local_weight", "local_bias", "out_weight", "out_bias")
    made: dict[str, Tensor] = {name: getattr(net, name) for name in names}
    made |= {"in_weight": net.enter.weight.T, "in_bias": net.enter.bias}
    for i, each in enumerate(net.layers):
        layer = cast(nn.Conv1d, each)
        made |= {f"layer_{i}_{side}": layer.weight[:, :, k].T for k, side in enumerate(_SIDES)}
        made[f"layer_{i}_bias"] = cast(Tensor, layer.bias)
    return {name: np.array(v.detach().numpy(), np.float32, order="C") for name, v in made.items()}


_SIDES = ("left", "centre", "right")
