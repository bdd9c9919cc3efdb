"""Champion or not: two releases issue the same held-back days, and the better one on the mean pinball loss
wins.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from models.forecast.base import HIGH, HOUR_MS, KNOTS, LOW, MEDIAN, Floats
from models.forecast.weather_features import hour_grid
from models.release import Release
from models.score import VISIBLE_SHARE, coverage
from models.training import samples
from models.training.dataset import PlantHistory
from models.training.samples import Teller

LEADS_H = (1, 2, 3, 6, 12, 24)
DAY_MS = 86_400_000
AT_LEAST_BETTER = 0.0  # part of the champion's loss
LEAST_PAIRS = 24


@dataclass(frozen=True)
class Score:
    """Of one plant and lead time: n pairs, mean absolute error of the median and mean pinball loss over the
    knots, both in shares of capacity, part of the actuals inside the 80 % band, and the error of the last
    value kept.
    """

    n: int
    nmae: float
    pinball: float
    coverage80: float
    nmae_persistence: float


Scores = Mapping[str, Mapping[str, Score]]  # by plant and lead time ("6h")


@dataclass(frozen=True)
class Verdict:
    """What was found: whether the candidate is better, why in one line, and the scores of both."""

    better: bool
    reason: str
    candidate: Scores
    champion: Scores


def judge(candidate: Release, champion: Release, held_back: Sequence[PlantHistory], from_ms: int) -> Verdict:
    """Compare two releases on what came after `from_ms`, which the candidate was not trained on.

    Hourly issues without calibration, the same for both; plants count the same. Without enough pairs the
    candidate is not better.
    """
    new, old = (scores(r, held_back, from_ms) for r in (candidate, champion))
    loss_new, loss_old = _loss(new), _loss(old)
    if loss_new is None or loss_old is None:
        return Verdict(False, "too few held-back hours to judge", new, old)
    better = loss_new < loss_old * (1.0 - AT_LEAST_BETTER)
    change = 100.0 * (loss_new / loss_old - 1.0)
    reason = (
        f"mean pinball {100 * loss_new:.3f} % of capacity against {100 * loss_old:.3f} % ({change:+.1f} %)"
    )
    return Verdict(better, reason, new, old)


def scores(release: Release, held_back: Sequence[PlantHistory], from_ms: int) -> dict[str, dict[str, Score]]:
    """Scores by plant and lead time of hourly issues after `from_ms`; plants and leads with under 24 pairs
    are left out.
    """
    made = {h.plant.plant_id: _of_plant(release, h, from_ms) for h in held_back if len(h.end_ms)}
    return {plant_id: found for plant_id, found in made.items() if found}


def with_scores(release: Release, found: Scores) -> Release:
    """The release with its scores in the manifest, in % of capacity."""
    plain = {p: {lead: _plain(s) for lead, s in leads.items()} for p, leads in found.items()}
    return replace(release, manifest={**release.manifest, "scores": plain})


def _plain(score: Score) -> dict[str, Any]:
    percent = {k: round(100.0 * getattr(score, k), 4) for k in ("nmae", "pinball", "nmae_persistence")}
    return {"n": score.n, "coverage80": round(score.coverage80, 4), **percent}


def _loss(found: Scores) -> float | None:
    """Mean over plants of the mean over lead times."""
    if not found:
        return None
    return float(np.mean([np.mean([s.pinball for s in leads.values()]) for leads in found.values()]))


def _of_plant(release: Release, history: PlantHistory, from_ms: int) -> dict[str, Score]:
    teller = Teller(history, release.climatology, _table(release, history, from_ms))
    first = -(-max(from_ms, int(history.end_ms[0]) + DAY_MS) // HOUR_MS)
    issued = np.arange(first, int(history.end_ms[-1]) // HOUR_MS, dtype=np.int64) * HOUR_MS
    if not len(issued):
        return {}
    valid = issued[:, None] + np.array(LEADS_H) * HOUR_MS
    told = teller.tell(issued, valid, np.full(valid.shape, 3600), np.zeros(len(issued), np.int64))
    known = samples.heard(told)[:, None, None]
    q = np.where(known, release.correct(told.x), told.x.base)
    q = np.where(told.x.daylight[..., None], q, 0.0)
    last = told.x.trailing[:, 0]
    made = {f"{h}h": _score(q[:, i], told.y[:, i], last) for i, h in enumerate(LEADS_H)}
    return {lead: score for lead, score in made.items() if score.n >= LEAST_PAIRS}


def _table(release: Release, history: PlantHistory, from_ms: int) -> samples.BaseTable | None:
    runs = [r for r in history.runs if r.valid_at_ms.size and int(r.valid_at_ms.max()) > from_ms - 2 * DAY_MS]
    if not runs:
        return None
    runs = sorted(runs, key=lambda r: (max(r.published_at_ms, r.known_at_ms), r.source))
    hours = [hour_grid(run.valid_at_ms) for run in runs]
    bases = [release.base(history.plant, run, h) for run, h in zip(runs, hours, strict=True)]
    return samples.table_of(
        np.array([max(run.published_at_ms, run.known_at_ms) for run in runs], np.int64),
        np.repeat(np.arange(len(runs)), [len(h) for h in hours]),
        np.concatenate(hours),
        np.concatenate([base.q for base in bases]),
        np.concatenate([base.physical for base in bases]),
    )


def _score(q: Floats, y: Floats, last: Floats) -> Score:
    both = np.isfinite(y) & np.isfinite(last)
    q, y, last = q[both], y[both], last[both]
    if not len(y):
        return Score(0, np.nan, np.nan, np.nan, np.nan)
    miss, levels = y[:, None] - q, np.array(KNOTS)
    return Score(
        n=len(y),
        nmae=float(np.abs(y - q[:, MEDIAN]).mean()),
        pinball=float(np.maximum(levels * miss, (levels - 1.0) * miss).mean()),
        coverage80=coverage(y, q[:, LOW], q[:, HIGH], VISIBLE_SHARE).inside,
        nmae_persistence=float(np.abs(y - last).mean()),
    )
