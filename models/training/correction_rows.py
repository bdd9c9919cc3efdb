"""What corrections learn from and are judged by: drawn once for every family, split by blocks of time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import numpy as np

from models.forecast.base import HOUR_MS, Flags, Ints, Singles
from models.forecast.closed_form import ClosedForm
from models.forecast.correction_features import build
from models.forecast.network import scale
from models.forecast.sequence_tokens import tokens
from models.training import samples
from models.training.samples import Samples, Teller

DAY_MS = 86_400_000
BLOCK_MS = 10 * DAY_MS
HELD_BACK_EVERY = 4  # blocks
REACH_MS = 48 * HOUR_MS  # of an issue's targets; the day before it is what it has seen
JUDGED_LEADS_H = (1, 2, 3, 6, 12, 24)
JUDGED_EVERY_MS = 3 * HOUR_MS
NO_WEATHER = 0.2  # part of the issues that is shown on climatology alone, as when the feed is down
DARK = 0.002  # share; under it a solar plant's base and power say nothing


@dataclass(frozen=True)
class Rows:
    """N issues of S steps each: inputs, plant index, the closed form, the base and what full trust in now
    gives (N, S, 13), what a residual is measured in, and the share that came, NaN where there is nothing to
    learn.
    """

    issue: Singles  # (N, issue inputs)
    step: Singles  # (N, S, step inputs)
    tokens: Singles  # (N, 25, 8), see `models/forecast/sequence_tokens.py`
    plant: Ints  # (N,)
    start: Singles
    base: Singles
    anchor: Singles
    scale: Singles  # (N, S)
    target: Singles  # (N, S)
    issued_ms: Ints  # (N,)

    def take(self, rows: Flags | Ints) -> Rows:
        """Some of the issues."""
        return Rows(**{f.name: getattr(self, f.name)[rows] for f in fields(self)})


@dataclass(frozen=True)
class Judged:
    """Issues (N,) of one plant with steps at `JUDGED_LEADS_H`, and what came."""

    plant_id: str
    told: Samples


def able(tellers: Sequence[Teller]) -> list[Teller]:
    """The plants with a day of telemetry or more."""
    return [t for t in tellers if len(t.issues(DAY_MS))]


def draw(
    tellers: Sequence[Teller], start: ClosedForm, rows: int, steps: int, rng: np.random.Generator
) -> Rows:
    """About so many rows, the same number of issues from each plant; a part of them without weather."""
    issues = max(rows // (steps * len(tellers)), 1)
    parts = []
    for place, teller in enumerate(tellers):
        dark = issues if teller.table is None else int(NO_WEATHER * issues)
        for own, count in ((teller, issues - dark), (replace(teller, table=None), dark)):
            if count:
                parts.append(_rows(samples.draw(own, count, steps, rng), start, place, rng))
    return Rows(**{f.name: np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(Rows)})


def _rows(told: Samples, start: ClosedForm, plant: int, rng: np.random.Generator) -> Rows:
    """Rows from the samples of one plant: without the night, the physical start and what was not heard."""
    heard = np.flatnonzero(samples.heard(told))
    x = samples.with_gaps(told.x, rng).take(heard)
    y = told.y[heard]
    good = ~x.physical & (~x.is_solar[:, None] | (x.base[..., -1] > DARK) | (y > DARK))
    made = build(x)
    return Rows(
        issue=made.issue,
        step=made.step,
        tokens=tokens(x),
        plant=np.full(len(heard), plant, np.int64),
        start=start.correct(x).astype(np.float32),
        base=x.base.astype(np.float32),
        anchor=made.anchor.astype(np.float32),
        scale=scale(x).astype(np.float32),
        target=np.where(good, y, np.nan).astype(np.float32),
        issued_ms=told.issued_ms[heard],
    )


def held_back(issued_ms: Ints) -> Flags:
    """Issues (N,) of the blocks of time that a choice is made by."""
    return np.asarray(issued_ms // BLOCK_MS % HELD_BACK_EVERY == HELD_BACK_EVERY - 1)


def apart(issued_ms: Ints) -> Flags:
    """Issues (N,) that neither look at nor foretell a held-back block."""
    return ~(held_back(issued_ms) | held_back(issued_ms + REACH_MS) | held_back(issued_ms - DAY_MS))


def judged(tellers: Sequence[Teller]) -> list[Judged]:
    """The held-back issues of each plant, every three hours, as they would have been served."""
    made = []
    for teller in tellers:
        issued = teller.issues(JUDGED_EVERY_MS)
        issued = issued[held_back(issued)]
        if len(issued):
            valid = issued[:, None] + np.array(JUDGED_LEADS_H) * HOUR_MS
            hourly = np.full(valid.shape, max(teller.history.plant.resolution_s, 3600))
            told = teller.tell(issued, valid, hourly, np.zeros(len(issued), np.int64))
            made.append(Judged(teller.history.plant.plant_id, told))
    return made
