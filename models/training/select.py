"""What a release does on days held back: hourly issues as the worker would publish them, without calibration,
scored by lead time and by day.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from models.forecast import limits
from models.forecast.base import HIGH, HOUR_MS, KNOTS, LOW, MEDIAN, Flags, Floats, Ints
from models.forecast.run_hours import hour_grid
from models.release import Release
from models.score import VISIBLE_SHARE, coverage, flawed, pinball
from models.training import samples
from models.training.dataset import PlantHistory
from models.training.samples import Samples, Teller

LEADS_H = (1, 2, 3, 6, 12, 24)
DAY_MS = 86_400_000
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


@dataclass(frozen=True, eq=False)
class Trial:
    """One release on one plant's held-back days.

    `scores` by lead time; `day` (d,) the UTC days of issue that had pairs, as days since 1970, rising, and
    `loss` (d,) the mean pinball of each in shares of capacity, every lead time counting the same; `issues` is
    how many were made, `flawed` how many of them may not be published: not finite, crossing, or out of
    [lowest power, capacity].
    """

    scores: Mapping[str, Score]
    day: Ints
    loss: Floats
    issues: int
    flawed: int


def trial(release: Release, history: PlantHistory, from_ms: int) -> Trial:
    """Let a release issue each hour after `from_ms`; lead times with under 24 pairs are not scored."""
    first = -(-max(from_ms, int(history.end_ms[0]) + DAY_MS) // HOUR_MS)
    issued = np.arange(first, int(history.end_ms[-1]) // HOUR_MS, dtype=np.int64) * HOUR_MS
    if not len(issued):
        return Trial({}, np.empty(0, np.int64), np.empty(0), 0, 0)
    # With the position that its training found, as the worker has it: nights are dark by that.
    history = replace(history, plant=release.completed(history.plant))
    teller = Teller(history, release.climatology, _table(release, history, from_ms))
    valid = issued[:, None] + np.array(LEADS_H) * HOUR_MS
    told = teller.tell(issued, valid, np.full(valid.shape, 3600), np.zeros(len(issued), np.int64))
    q, bad = _published(release, history, told)
    pairs = np.isfinite(told.y) & np.isfinite(told.x.trailing[:, :1]) & ~bad[:, None]
    made = {f"{h}h": _score(q[:, i], told, pairs[:, i], i) for i, h in enumerate(LEADS_H)}
    kept = {lead: score for lead, score in made.items() if score.n >= LEAST_PAIRS}
    day, loss = _by_day(issued, _losses(q, told.y, pairs))
    return Trial(kept, day, loss, len(issued), int(bad.sum()))


def with_scores(release: Release, found: Scores) -> Release:
    """The release with its scores in the manifest, in % of capacity."""
    plain = {p: {lead: _plain(s) for lead, s in leads.items()} for p, leads in found.items()}
    return replace(release, manifest={**release.manifest, "scores": plain})


def _plain(score: Score) -> dict[str, Any]:
    percent = {k: round(100.0 * getattr(score, k), 4) for k in ("nmae", "pinball", "nmae_persistence")}
    return {"n": score.n, "coverage80": round(score.coverage80, 4), **percent}


def _published(release: Release, history: PlantHistory, told: Samples) -> tuple[Floats, Flags]:
    """Quantiles (N, S, 13) inside the plant's limits, on the published grid, and issues (N,) that may not be
    published as they are.
    """
    known = samples.heard(told)[:, None, None]
    raw = np.where(known, release.correct(told.x), told.x.base)
    hollow = ~np.isfinite(raw).all(axis=(1, 2))
    lowest = release.min_share(history.plant)
    safe = np.where(np.isfinite(raw), raw, 0.0)
    grid = limits.publish(safe, np.full(len(raw), lowest), told.x.daylight)
    q = limits.shares(grid)
    wrong = flawed(q.reshape(-1, q.shape[-1]), max(lowest, limits.LOWEST_SHARE) - 1e-4, 1.0)
    return q, np.asarray(hollow | wrong.reshape(q.shape[:2]).any(axis=1), np.bool_)


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


def _losses(q: Floats, y: Floats, pairs: Flags) -> Floats:
    """Mean pinball (N, S) over the knots, NaN where there is no pair."""
    return np.where(pairs, pinball(y[..., None], q, np.array(KNOTS)).mean(axis=-1), np.nan)


def _by_day(issued_ms: Ints, losses: Floats) -> tuple[Ints, Floats]:
    """The days (d,) of issue with a pair at any lead time, and the mean over lead times (d,) of each lead
    time's mean of the day.
    """
    day = issued_ms // DAY_MS
    place, size = day - day[0], int(day[-1] - day[0]) + 1
    means = np.full((losses.shape[1], size), np.nan)
    for lead in range(losses.shape[1]):
        good = np.isfinite(losses[:, lead])
        count = np.bincount(place[good], minlength=size)
        total = np.bincount(place[good], weights=losses[good, lead], minlength=size)
        means[lead] = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    there = np.isfinite(means).any(axis=0)
    return day[0] + np.flatnonzero(there), np.nanmean(means[:, there], axis=0)


def _score(q: Floats, told: Samples, pairs: Flags, lead: int) -> Score:
    q, y, last = q[pairs], told.y[pairs, lead], told.x.trailing[pairs, 0]
    if not len(y):
        return Score(0, np.nan, np.nan, np.nan, np.nan)
    return Score(
        n=len(y),
        nmae=float(np.abs(y - q[:, MEDIAN]).mean()),
        pinball=float(pinball(y[:, None], q, np.array(KNOTS)).mean()),
        coverage80=coverage(y, q[:, LOW], q[:, HIGH], VISIBLE_SHARE).inside,
        nmae_persistence=float(np.abs(y - last).mean()),
    )
