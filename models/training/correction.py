"""The second stage: the correction learned from telemetry on top of the closed form."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

import numpy as np

from models.forecast.closed_form import ClosedForm
from models.forecast.correction_features import build, left_out
from models.forecast.network import Network, scale
from models.training import samples
from models.training.config import Progress, TrainConfig, stage
from models.training.samples import Samples, Teller

DAY_MS = 86_400_000


def fit(
    tellers: Sequence[Teller], start: ClosedForm, config: TrainConfig, progress: Progress
) -> Network | None:
    """The correction net of all plants that have a weather base; None where there is none."""
    from models.training import fit_network

    able = [t for t in tellers if t.table is not None and len(t.issues(DAY_MS))]
    if not able:
        return None
    plants = tuple(t.history.plant.plant_id for t in able)
    rng = np.random.default_rng(config.seed)
    progress("samples for the correction", 0.0)
    issues = max(config.net.rows // (config.net.steps * len(able)), 1)
    parts = [_rows(samples.draw(t, issues, config.net.steps, rng), start, i, rng) for i, t in enumerate(able)]
    joined = {
        f.name: np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(fit_network.NetRows)
    }
    rows = fit_network.NetRows(**joined)
    if not len(rows.target):
        return None
    days = sum(int(np.isfinite(t.history.hourly()[1]).sum()) for t in able) / 24.0
    net = fit_network.NetConfig(epochs=config.net.epochs, members=config.net.members, seed=config.seed)
    tensors = fit_network.train(rows, len(plants), left_out(days), net, stage(progress, "correction"))
    return Network(tensors, plants, net.members)


def _rows(told: Samples, start: ClosedForm, plant: int, rng: np.random.Generator) -> Any:
    """Rows for the net from the samples of one plant: known ones on a weather base, without the night."""
    from models.training import fit_network

    x = samples.with_gaps(told.x, rng)
    made = build(x)
    good = samples.heard(told)[:, None] & np.isfinite(told.y) & x.weather_based
    good &= ~x.is_solar[:, None] | (x.base[..., -1] > 0.002) | (told.y > 0.002)
    issue, step = np.nonzero(good)
    return fit_network.NetRows(
        issue=made.issue[issue],
        step=made.step[issue, step],
        plant=np.full(len(issue), plant, np.int64),
        start=start.correct(x)[issue, step].astype(np.float32),
        anchor=made.anchor[issue, step].astype(np.float32),
        scale=scale(x)[issue, step].astype(np.float32),
        target=told.y[issue, step].astype(np.float32),
    )
