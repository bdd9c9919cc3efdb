"""Trains the sequence networks in torch: one loop for all encoders and forms. What is served is in
`models/forecast/sequence.py`.

Gaps must not hurt, so sequences are shown with holes and noise that are drawn anew for each batch.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from models.forecast.base import HIGH, KNOTS, LOW, Singles
from models.forecast.correction_features import STEP_NAMES
from models.forecast.network import EMBEDDING, GATE_SHIFT, RESIDUAL_SCALE
from models.forecast.sequence import DECODED_H, OUTPUTS, between
from models.forecast.sequence_tokens import KNOWN, STATIC, TOKENS, TOLD
from models.training.correction_rows import Rows
from models.training.fit_encoders import ENCODERS, plain
from models.training.fit_loop import LoopSettings, Losses, optimise, pinball

LOG_LEAD = STEP_NAMES.index("log_lead")
MOST_JUDGED = 4000  # issues of the held-back loss of each epoch


@dataclass(frozen=True)
class SequenceConfig:
    """How a sequence net is trained."""

    hidden: int = 32
    decoder: int = 64
    epochs: int = 8
    issues: int = 128  # of a batch
    dropout: float = 0.1
    unknown_plant: float = 0.1  # part of the issues that is shown without its plant
    holed: float = 0.3  # part of the issues with a stretch of hours missing
    missing: float = 0.05  # part of the hours missing one by one
    noise: float = 0.02  # of power and error, shares; of scores ten times that
    seed: int = 1


@dataclass(frozen=True)
class Trained:
    """Weights as `SequenceNet` serves them, and how the losses fell."""

    tensors: dict[str, Singles]
    losses: Losses


@dataclass(frozen=True)
class _Data:
    """All issues (N,) as tensors: sequences, whether known, static and step inputs, plant, lead time, what
    is corrected, full trust in now, size of a residual (N, S), target.
    """

    tokens: Tensor
    known: Tensor
    static: Tensor
    step: Tensor
    plant: Tensor
    left: Tensor
    part: Tensor
    from_: Tensor
    anchor: Tensor
    size: Tensor
    target: Tensor

    def take(self, rows: Tensor) -> _Data:
        return _Data(**{name: values[rows] for name, values in vars(self).items()})


class _Net(nn.Module):
    def __init__(self, encoder: str, form: str, plants: int, config: SequenceConfig) -> None:
        super().__init__()
        self.encoder = ENCODERS[encoder](config.hidden)
        self.multi = form == "multi"
        self.embedding = nn.Embedding(plants + 1, EMBEDDING)
        nn.init.normal_(self.embedding.weight, std=0.1)
        self.issue = nn.Linear(self.encoder.size + len(STATIC) + EMBEDDING, config.decoder)
        self.step = nn.Linear(len(STEP_NAMES), config.decoder, bias=False)
        self.second = nn.Linear(config.decoder, config.decoder)
        self.last = nn.Linear(config.decoder, OUTPUTS * (len(DECODED_H) if self.multi else 1))
        nn.init.zeros_(self.last.weight)
        nn.init.zeros_(self.last.bias)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, d: _Data, plant: Tensor) -> Tensor:
        context = self.encoder(d.tokens, d.known)
        encoded = self.issue(torch.cat([context, d.static, self.embedding(plant)], dim=1))
        if self.multi:
            all_ = self.last(self.dropout(nn.functional.silu(encoded))).unflatten(1, (-1, OUTPUTS))
            issue = torch.arange(len(all_))[:, None]
            lower, upper = all_[issue, d.left], all_[issue, d.left + 1]
            out = lower + d.part[..., None] * (upper - lower)
        else:
            hidden = self.dropout(nn.functional.silu(encoded[:, None] + self.step(d.step)))
            out = self.last(self.dropout(nn.functional.silu(self.second(hidden))))
        gate = torch.sigmoid(out[..., : len(KNOTS)] + GATE_SHIFT)
        residual = RESIDUAL_SCALE * d.size[..., None] * out[..., len(KNOTS) :]
        return torch.as_tensor(d.from_ + gate * (d.anchor - d.from_) + residual)


def train(
    rows: Rows,
    held_back: Rows | None,
    plants: int,
    left_out: tuple[list[int], list[int]],
    name: tuple[str, str],
    config: SequenceConfig,
    progress: Callable[[float], None],
) -> Trained:
    """Tensors of the net with this encoder and form (`name`); the same from the same seed on one machine.

    `left_out`: places of the issue and of the step inputs that the net must not look at. `held_back` is only
    looked at.
    """
    torch.set_num_threads(1)  # the layers are too small to share
    torch.manual_seed(config.seed)
    encoder, form = name
    shown = [i for i, place in enumerate(STATIC) if place not in left_out[0]]
    steps = [i for i in range(len(STEP_NAMES)) if i not in left_out[1]]
    moments = _moments(rows)
    data = _data(rows, form, moments, shown, steps)
    outside = None
    if held_back is not None:
        judged = np.linspace(0, len(held_back.target) - 1, min(MOST_JUDGED, len(held_back.target)))
        outside = _data(held_back.take(judged.astype(np.int64)), form, moments, shown, steps)
    net = _Net(encoder, form, plants, config)

    def loss(places: Tensor) -> Tensor:
        batch = data.take(places)
        plant = torch.where(torch.rand(len(places)) < config.unknown_plant, plants, batch.plant)
        return pinball(net(_worn(batch, moments, config), plant), batch.target)

    def judge() -> float | None:
        return None if outside is None else float(pinball(net(outside, outside.plant), outside.target))

    settings = LoopSettings(config.epochs, config.issues)
    losses = optimise(net, len(rows.target), loss, judge, settings, progress)
    return Trained(moments | _export(net, shown, steps), losses)


def _moments(rows: Rows) -> dict[str, Singles]:
    """Mean and scale of each input."""
    made = {}
    for name, values in (("token", rows.tokens), ("issue", rows.issue[:, STATIC]), ("step", rows.step)):
        flat = values.reshape(-1, values.shape[-1])
        spread = flat.std(axis=0)
        made[f"{name}_mean"] = flat.mean(axis=0).astype(np.float32)
        made[f"{name}_scale"] = np.where(spread > 1e-4, spread, 1.0).astype(np.float32)
    return made


def _data(rows: Rows, form: str, moments: dict[str, Singles], shown: list[int], steps: list[int]) -> _Data:
    def normal(values: Singles, name: str, kept: list[int] | None = None) -> Tensor:
        made = (values - moments[f"{name}_mean"]) / moments[f"{name}_scale"]
        if kept is not None:
            made[..., [i for i in range(made.shape[-1]) if i not in kept]] = 0.0
        return torch.from_numpy(np.ascontiguousarray(made))

    left, part = between(np.expm1(rows.step[..., LOG_LEAD].astype(np.float64)))
    width = rows.base[..., HIGH] - rows.base[..., LOW]
    size = np.where(rows.issue[:, :1] > 0, 1.0, 0.2) * width if form == "multi" else rows.scale
    return _Data(
        tokens=normal(rows.tokens, "token"),
        known=torch.from_numpy(np.ascontiguousarray(rows.tokens[..., KNOWN])),
        static=normal(rows.issue[:, STATIC], "issue", shown),
        step=normal(rows.step, "step", steps),
        plant=torch.from_numpy(rows.plant),
        left=torch.from_numpy(left),
        part=torch.from_numpy(part.astype(np.float32)),
        from_=torch.from_numpy(rows.start if form == "residual" else rows.base),
        anchor=torch.from_numpy(rows.anchor),
        size=torch.from_numpy(size.astype(np.float32)),
        target=torch.from_numpy(rows.target),
    )


def _worn(d: _Data, moments: dict[str, Singles], config: SequenceConfig) -> _Data:
    """The batch with holes and noise in its telemetry; the newest interval is never missing."""
    mean, scale = (torch.from_numpy(moments[f"token_{name}"]) for name in ("mean", "scale"))
    count = len(d.tokens)
    hour = torch.arange(TOKENS)
    first = torch.randint(0, TOKENS - 1, (count, 1))
    length = torch.randint(1, TOKENS, (count, 1))
    hole = (hour >= first) & (hour < first + length) & (torch.rand(count, 1) < config.holed)
    lost = (hole | (torch.rand(count, TOKENS) < config.missing)) & (hour < TOKENS - 1)
    spread = torch.tensor([config.noise, config.noise, 10.0 * config.noise]) / scale[:TOLD]
    values = d.tokens.clone()
    values[..., :TOLD] += torch.randn(count, TOKENS, TOLD) * spread * d.known[..., None]
    nothing = (-mean / scale)[: KNOWN + 1]
    values[..., : KNOWN + 1] = torch.where(lost[..., None], nothing, values[..., : KNOWN + 1])
    return _Data(**(vars(d) | {"tokens": values, "known": torch.where(lost, 0.0, d.known)}))


def _export(net: _Net, shown: list[int], steps: list[int]) -> dict[str, Singles]:
    """Weights turned so that rows times weights is a layer; inputs that were not shown weigh nothing."""
    made = {"embedding": net.embedding.weight, "issue_weight": net.issue.weight.T, "bias_1": net.issue.bias}
    if not net.multi:
        made |= {"step_weight": net.step.weight.T}
        made |= {"weight_2": net.second.weight.T, "bias_2": net.second.bias}
    made |= {"weight_3": net.last.weight.T, "bias_3": net.last.bias}
    made |= {f"encoder/{name}": weight for name, weight in net.encoder.export().items()}
    tensors = plain(made)
    hidden = [net.encoder.size + i for i in range(len(STATIC)) if i not in shown]
    tensors["issue_weight"][hidden] = 0.0
    if not net.multi:
        tensors["step_weight"][[i for i in range(len(STEP_NAMES)) if i not in steps]] = 0.0
    return tensors
