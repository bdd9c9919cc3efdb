"""Fits the closed-form correction: a ridge regression of the normal score at each lead time on what is
known now.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from models.forecast.base import HIGH, HOUR_MS, LOW, Floats, single
from models.forecast.closed_form import (
    CLIMATOLOGY,
    FEATURES,
    LEADS_H,
    SOLAR,
    WEATHER,
    WIND,
    ClosedForm,
    scores,
)
from models.forecast.normal_scores import score
from models.training.samples import Teller

START_ROWS = 500.0
LEAST_ROWS = 300
MOST_ISSUES = 4000
# A solar plant's hourly means go over the night and lie too close together to be told apart.
USED = {
    WIND: list(range(len(FEATURES))),
    SOLAR: [FEATURES.index(name) for name in ("now", "mean_24h", "one")],
}
WIDE_DAY = (
    0.05  # of a solar base's 80 % band: at dawn the scores lie close together and say nothing of the day
)
NARROWEST, WIDEST = 0.05, 1.3  # of a spread: normal scores of a base that fits have 1


def fit(tellers: Sequence[Teller], start: ClosedForm, rng: np.random.Generator) -> ClosedForm:
    """Weights for both kinds of plant, on climatology and on a trained base; those of `start` where there is
    too little to learn from, and on the physical start, whose plants have no history.
    """
    weights, spread = start.weights.copy(), start.spread.copy()
    for kind, name in ((WIND, "wind"), (SOLAR, "solar")):
        own = [t for t in tellers if t.history.plant.kind == name]
        plain = [Teller(t.history, t.climatology, None) for t in own]
        for base, used in ((WEATHER, [t for t in own if t.table is not None]), (CLIMATOLOGY, plain)):
            for lead, lead_h in enumerate(LEADS_H):
                z, target = _rows(used, lead_h, rng)
                if len(target) >= LEAST_ROWS:
                    place = base, kind, lead
                    weights[place], spread[place] = _ridge(
                        z, target, USED[kind], start.weights[place], float(start.spread[place])
                    )
    return ClosedForm(single(weights), single(spread))


def _rows(tellers: Sequence[Teller], lead_h: float, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Scores known now (n, 6) and the score that came (n,)."""
    parts = [_of_plant(t, lead_h, rng) for t in tellers if t.history.plant.resolution_s <= lead_h * 3600]
    if not parts:
        return np.empty((0, len(FEATURES))), np.empty(0)
    return np.concatenate([z for z, _ in parts]), np.concatenate([y for _, y in parts])


def _of_plant(teller: Teller, lead_h: float, rng: np.random.Generator) -> tuple[Floats, Floats]:
    if not len(teller.issues(HOUR_MS)):
        return np.empty((0, len(FEATURES))), np.empty(0)
    step_s = teller.history.plant.resolution_s if lead_h < 1.0 else 3600
    lead_ms = max(int(lead_h * HOUR_MS) // (step_s * 1000), 1) * step_s * 1000
    possible = teller.issues(HOUR_MS)
    issued = np.sort(rng.choice(possible, size=min(MOST_ISSUES, len(possible)), replace=False))
    valid = (issued + lead_ms)[:, None]
    told = teller.tell(issued, valid, np.full(valid.shape, step_s), np.zeros(len(issued), np.int64))
    base = CLIMATOLOGY if teller.table is None else WEATHER
    z, target = scores(told.x, base), score(told.y[:, 0], told.x.base[:, 0])
    good = np.isfinite(z).all(axis=1) & np.isfinite(target)
    if teller.history.plant.kind == "solar":
        good &= told.x.base[:, 0, HIGH] - told.x.base[:, 0, LOW] > WIDE_DAY
    if teller.table is not None:
        good &= told.x.weather_based[:, 0]
    return z[good], target[good]


def _ridge(z: Floats, target: Floats, used: list[int], start: Floats, spread: float) -> tuple[Floats, float]:
    """Weights (6,) and spread drawn towards those of the start, which weigh as `START_ROWS` rows do."""
    weights, own = start.copy(), z[:, used]
    rest = target - z @ start
    weights[used] += np.linalg.solve(own.T @ own + START_ROWS * np.eye(len(used)), own.T @ rest)
    variance = np.var(target - z @ weights)
    drawn = (len(target) * variance + START_ROWS * spread**2) / (len(target) + START_ROWS)
    return weights, float(np.clip(np.sqrt(drawn), NARROWEST, WIDEST))
