"""The loop that every torch correction is trained by, and its loss; losses by epoch are kept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from models.forecast.base import KNOTS


@dataclass(frozen=True)
class LoopSettings:
    """How long and how fast; `batch` in items of the caller (rows, or issues)."""

    epochs: int
    batch: int
    rate: float = 3e-3
    weight_decay: float = 1e-3
    clip: float = 1.0  # of the gradient's norm


@dataclass(frozen=True)
class Losses:
    """Mean pinball loss over the knots by epoch, in shares of capacity; `held_back` is empty without any."""

    train: list[float]
    held_back: list[float]


def optimise(
    net: nn.Module,
    count: int,
    loss: Callable[[Tensor], Tensor],
    held_back: Callable[[], float | None],
    settings: LoopSettings,
    progress: Callable[[float], None],
) -> Losses:
    """Train on `count` items; `loss` is told the places of a batch (b,), `held_back` judges, dropout off."""
    batches = max(count // settings.batch, 1)
    adam = torch.optim.AdamW(net.parameters(), lr=settings.rate, weight_decay=settings.weight_decay)
    cycle = torch.optim.lr_scheduler.OneCycleLR(adam, settings.rate, total_steps=batches * settings.epochs)
    losses = Losses([], [])
    for epoch in range(settings.epochs):
        net.train()
        order, total = torch.randperm(count), 0.0
        for b in range(batches):
            found = loss(order[b * settings.batch : (b + 1) * settings.batch])
            adam.zero_grad()
            torch.autograd.backward(found)
            nn.utils.clip_grad_norm_(net.parameters(), settings.clip)
            adam.step()
            cycle.step()
            total += float(found.detach())
        losses.train.append(total / batches)
        net.eval()
        with torch.no_grad():
            outside = held_back()
        if outside is not None:
            losses.held_back.append(outside)
        progress((epoch + 1) / settings.epochs)
    return losses


def pinball(q: Tensor, target: Tensor) -> Tensor:
    """Mean loss of quantiles (..., 13) at the knots; targets (...) that are NaN do not count."""
    levels = torch.tensor(KNOTS, dtype=torch.float32)
    known = torch.isfinite(target)
    miss = torch.where(known, target, 0.0)[..., None] - q
    each = torch.maximum(levels * miss, (levels - 1.0) * miss).mean(dim=-1)
    return torch.where(known, each, 0.0).sum() / known.sum().clamp(min=1)
