"""The second stage: corrections learned from telemetry on top of the closed form, and the choice among them.

Where several are named they are trained without every fourth block of ten days and judged on those blocks;
the best is trained again on all. A family named earlier serves unless a later one is better by more than
chance could make it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from models.forecast import sequence
from models.forecast.base import HIGH, LOW, MEDIAN, Floats
from models.forecast.closed_form import ClosedForm
from models.forecast.correction_features import left_out
from models.forecast.learned import LearnedCorrection, Mixture, trusted
from models.forecast.network import Network
from models.forecast.sequence import SequenceNet
from models.training import correction_rows
from models.training.config import Progress, TrainConfig, stage
from models.training.correction_rows import JUDGED_LEADS_H, Judged, Rows
from models.training.samples import Teller

MARGIN = 0.01  # part of the loss that a family named later must be better by; less is chance
LEAST_JUDGED = 100  # issues; with fewer the first family named serves
CLOSED_FORM = "closed form"  # always in the table, never chosen: it serves where nothing was learned
ASKED_LEVELS = np.array([0.1, 0.5, 0.9])
ASKED = [LOW, MEDIAN, HIGH]


@dataclass(frozen=True)
class Fitted:
    """The correction that serves (None: the closed form alone), and what the manifest says of the choice."""

    correction: LearnedCorrection | None = None
    manifest: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class _Stage:
    """What every family of one training is given."""

    start: ClosedForm
    plants: tuple[str, ...]
    left_out: tuple[list[int], list[int]]
    config: TrainConfig
    progress: Progress


def fit(tellers: Sequence[Teller], start: ClosedForm, config: TrainConfig, progress: Progress) -> Fitted:
    """The best of `config.corrections` for all plants together; none where there is nothing to learn.

    Raises:
        ValueError: a name is none of `NAMES`.
    """
    unknown = sorted(set(config.corrections) - set(NAMES))
    if unknown:
        raise ValueError(f"no correction is called {unknown[0]!r}; there are {', '.join(NAMES)}")
    able = correction_rows.able(tellers)
    if not able or not config.corrections:
        return Fitted()
    progress("samples for the correction", 0.0)
    rng = np.random.default_rng(config.seed)
    rows = correction_rows.draw(able, start, config.net.rows, config.net.steps, rng)
    rows = rows.take(np.flatnonzero(np.isfinite(rows.target).any(axis=1)))
    if not len(rows.target):
        return Fitted()
    days = sum(int(np.isfinite(t.history.hourly()[1]).sum()) for t in able) / 24.0
    plants = tuple(t.history.plant.plant_id for t in able)
    made = _Stage(start, plants, left_out(days), config, progress)
    name, about = _choose(made, rows, correction_rows.judged(able))
    correction, losses = _learn(name, rows, None, made, "correction", {})
    learning = about.pop("learning", {name: losses})
    return Fitted(correction, {"corrections": about, "learning": learning})


def _choose(made: _Stage, rows: Rows, held_back: list[Judged]) -> tuple[str, dict[str, Any]]:
    """The family that serves, and the table of all."""
    names = made.config.corrections
    known = rows.take(correction_rows.apart(rows.issued_ms))
    outside = rows.take(correction_rows.held_back(rows.issued_ms))
    judged = sum(int(np.isfinite(one.told.y).any(axis=1).sum()) for one in held_back)
    if len(names) < 2 or judged < LEAST_JUDGED or not len(known.target) or not len(outside.target):
        return names[0], {"serves": names[0], "why": "the only one" if len(names) < 2 else "little history"}
    shared: dict[str, tuple[LearnedCorrection, dict[str, list[float]]]] = {}
    table = {CLOSED_FORM: score(None, made.start, held_back)}
    learning = {}
    for name in names:
        correction, learning[name] = _learn(name, known, outside, made, f"correction, trying {name}", shared)
        table[name] = score(correction, made.start, held_back)
    name = best(names, table)
    return name, {"serves": name, "why": "held-back skill", "table": table, "learning": learning}


def best(names: Sequence[str], table: dict[str, dict[str, float]]) -> str:
    """The first name whose loss no later one beats by more than `MARGIN`."""
    chosen = names[0]
    for name in names[1:]:
        if table[name]["pinball"] < table[chosen]["pinball"] * (1.0 - MARGIN):
            chosen = name
    return chosen


def score(
    correction: LearnedCorrection | None, start: ClosedForm, held_back: Sequence[Judged]
) -> dict[str, float]:
    """Mean pinball loss over 0.1, 0.5 and 0.9 in % of capacity, over all lead times and by each; plants
    count the same.
    """
    losses = []
    for one in held_back:
        q = _served(correction, start, one)[..., ASKED]
        miss = one.told.y[..., None] - q
        loss = np.maximum(ASKED_LEVELS * miss, (ASKED_LEVELS - 1.0) * miss).mean(axis=-1)
        heard = np.isfinite(one.told.y) & np.isfinite(one.told.x.last)[:, None]
        count = heard.sum(axis=0)
        losses.append(np.where(heard, loss, 0.0).sum(axis=0) / np.where(count, count, np.nan))
    by_lead = 100.0 * np.nanmean(losses, axis=0)
    found = {f"{h}h": round(float(v), 4) for h, v in zip(JUDGED_LEADS_H, by_lead, strict=True)}
    return {"pinball": round(float(np.nanmean(by_lead)), 4)} | found


def _served(correction: LearnedCorrection | None, start: ClosedForm, one: Judged) -> Floats:
    """Quantiles (N, S, 13) as they would have been published, but for calibration."""
    x = one.told.x
    q = start.correct(x)
    if correction is not None:
        q = np.where(trusted(correction, x)[..., None], correction.correct(x, q), q)
    return np.where(x.daylight[..., None], q, 0.0)


Losses = dict[str, list[float]]
Shared = dict[str, tuple[LearnedCorrection, Losses]]


def _learn(
    name: str, rows: Rows, outside: Rows | None, made: _Stage, said: str, shared: Shared
) -> tuple[LearnedCorrection, Losses]:
    """One family, trained; `shared` holds the nets that were trained on the same rows already."""
    if name == "mean":
        part, losses = _learn("net", rows, outside, made, said, shared)
        return Mixture(part), losses
    if name not in shared:
        told = stage(made.progress, said)
        shared[name] = (
            _net(rows, outside, made, told) if name == "net" else _sequence(name, rows, outside, made, told)
        )
    return shared[name]


def _net(
    rows: Rows, outside: Rows | None, made: _Stage, progress: Callable[[float], None]
) -> tuple[LearnedCorrection, Losses]:
    from models.training import fit_network

    settings = made.config.net
    net = fit_network.NetConfig(epochs=settings.epochs, members=settings.members, seed=made.config.seed)
    trained = fit_network.train(rows, outside, len(made.plants), made.left_out, net, progress)
    return Network(trained.tensors, made.plants, net.members), asdict(trained.losses)


def _sequence(
    name: str, rows: Rows, outside: Rows | None, made: _Stage, progress: Callable[[float], None]
) -> tuple[LearnedCorrection, Losses]:
    from models.training import fit_sequence

    encoder, _, form = name.partition("-")
    settings = fit_sequence.SequenceConfig(epochs=made.config.net.epochs, seed=made.config.seed)
    trained = fit_sequence.train(
        rows, outside, len(made.plants), made.left_out, (encoder, form), settings, progress
    )
    return SequenceNet(trained.tensors, made.plants, encoder, form), asdict(trained.losses)


#: What `TrainConfig.corrections` may name.
NAMES = ("net", "mean", *sequence.NAMES)
