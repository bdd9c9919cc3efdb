"""Champion or not: two releases issue the same held-back days, and daily losses are compared.

A candidate is promoted when its mean loss is lower and it is worse for no plant: Diebold and Mariano's test
of each plant's days, at 5 % for all plants together (Bonferroni): among a hundred plants a candidate that
equals the champion would look worse for five.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

import numpy as np

from models.diebold_mariano import SIGNIFICANT, Comparison, compare
from models.forecast.base import Floats, Ints
from models.release import Release
from models.training.hold_back import LEAST_DAYS, Range, Split
from models.training.select import Scores, Trial, trial

LEAST_TESTED = 10  # days with pairs in each plant whose trained champion is challenged
DAY_MS = 86_400_000


@dataclass(frozen=True)
class PlantVerdict:
    """One plant: mean daily losses in shares of capacity over `days` days from `from_ms` on, and the test."""

    from_ms: int
    to_ms: int
    days: int
    against: str
    candidate: float
    champion: float
    test: Comparison | None

    def to_json(self) -> dict[str, Any]:
        """For a manifest: losses in % of capacity."""
        return {
            "from": _iso(self.from_ms),
            "to": _iso(self.to_ms),
            "days": self.days,
            "against": self.against,
            "candidate_pinball": round(100 * self.candidate, 4),
            "champion_pinball": round(100 * self.champion, 4),
            "test": None if self.test is None else self.test.to_json(),
        }


@dataclass(frozen=True)
class Verdict:
    """What was found: whether the candidate is to serve, why in one line, the scores of both by plant and
    lead time on what the candidate has not seen, the tests, and why plants were not judged.
    """

    better: bool
    reason: str
    candidate: Scores = field(default_factory=dict)
    champion: Scores = field(default_factory=dict)
    overall: Comparison | None = None
    plants: Mapping[str, PlantVerdict] = field(default_factory=dict)
    not_judged: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """For a manifest."""
        return {
            "promoted": self.better,
            "reason": self.reason,
            "test": None if self.overall is None else self.overall.to_json(),
            "plants": {plant_id: one.to_json() for plant_id, one in self.plants.items()},
            "not_judged": dict(self.not_judged),
        }


def too_early(split: Split) -> Verdict | None:
    """The verdict that can be said before anything is trained: too little that neither has seen."""
    if 2 * len(split.judged) >= max(len(split.whole), 1):
        return None
    short = _short(split)
    most = max((one.days for one in split.ranges.values() if not one.enough), default=0)
    reason = (
        f"too few days to judge: {len(short)} of {len(split.whole)} plants have under {LEAST_DAYS} days that"
        f" neither the candidate nor the champion has seen (at most {most})"
    )
    return Verdict(False, reason, not_judged=short)


def judge(candidate: Release, champions: Mapping[str, Release], fallback: Release, split: Split) -> Verdict:
    """Judge a candidate that was trained on `split.seen`.

    `champions` by plant, `fallback` for the others. Plants count the same, whatever their number of days.
    """
    new, old, found, missing = {}, {}, {}, _short(split)
    pairs: dict[str, tuple[Ints, Floats]] = {}
    flaws = 0
    for history in split.whole:
        plant_id, held = history.plant.plant_id, split.ranges[history.plant.plant_id]
        champion = champions.get(plant_id, fallback)
        a, b = (trial(release, history, held.cut_ms) for release in (candidate, champion))
        new[plant_id], old[plant_id] = a.scores, b.scores
        flaws += a.flawed
        if not held.enough:
            continue
        verdict, gap = _of_plant(a, b, held, f"{champion.name} {champion.version}")
        if verdict is None:
            missing[plant_id] = "too few held-back hours to judge"
        else:
            found[plant_id], pairs[plant_id] = verdict, gap
    scored = {p: s for p, s in new.items() if s}, {p: s for p, s in old.items() if s}
    better, reason = _decide(found, len(split.whole), flaws)
    return Verdict(better, reason, *scored, _overall(pairs), found, missing)


def _decide(found: Mapping[str, PlantVerdict], plants: int, flaws: int) -> tuple[bool, str]:
    if flaws:
        return False, f"{flaws} of its held-back forecasts are not finite or out of the plant's limits"
    if not found or 2 * len(found) < plants:
        return False, f"too few held-back hours to judge: of {plants} plants {len(found)} have enough"
    loss_new = float(np.mean([one.candidate for one in found.values()]))
    loss_old = float(np.mean([one.champion for one in found.values()]))
    change = 100.0 * (loss_new / loss_old - 1.0) if loss_old > 0 else 0.0
    reason = (
        f"mean pinball {100 * loss_new:.3f} % of capacity against {100 * loss_old:.3f} % ({change:+.1f} %)"
        f" over {len(found)} plant{'s' if len(found) > 1 else ''}"
    )
    if loss_new >= loss_old:
        return False, reason
    harmed = worse_plants({plant_id: one.test for plant_id, one in found.items()})
    if harmed:
        told = ", ".join(f"{plant_id} (p = {_p(found[plant_id]):.4f})" for plant_id in harmed[:5])
        return False, f"{reason}, but worse for {told}"
    return True, reason


def worse_plants(tests: Mapping[str, Comparison | None], level: float = SIGNIFICANT) -> list[str]:
    """Plants for which the first is worse, with at most `level` of a false alarm among all of them."""
    known = {plant_id: test for plant_id, test in tests.items() if test is not None}
    return sorted(plant_id for plant_id, test in known.items() if test.worse(level / len(known)))


def _p(verdict: PlantVerdict) -> float:
    return 1.0 if verdict.test is None else verdict.test.p_worse


def _of_plant(
    a: Trial, b: Trial, held: Range, against: str
) -> tuple[PlantVerdict | None, tuple[Ints, Floats]]:
    """The verdict on one plant with its daily differences (d,); None with too few days."""
    day, i, j = np.intersect1d(a.day, b.day, return_indices=True)
    unseen = day * DAY_MS >= held.from_ms
    day, loss_a, loss_b = day[unseen], a.loss[i][unseen], b.loss[j][unseen]
    gap = (day, loss_a - loss_b)
    if len(day) < (LEAST_TESTED if held.trained else 1) or not a.scores:
        return None, gap
    means = float(loss_a.mean()), float(loss_b.mean())
    test = compare(loss_a, loss_b, day)
    return PlantVerdict(held.from_ms, held.to_ms, len(day), against, *means, test), gap


def _overall(pairs: Mapping[str, tuple[Ints, Floats]]) -> Comparison | None:
    """The test of all plants together: each day the mean of those that have it."""
    if not pairs:
        return None
    days = np.concatenate([day for day, _ in pairs.values()])
    gaps = np.concatenate([gap for _, gap in pairs.values()])
    line, place = np.unique(days, return_inverse=True)
    mean = np.bincount(place, weights=gaps) / np.bincount(place)
    return compare(mean, np.zeros(len(mean)), line)


def _short(split: Split) -> dict[str, str]:
    return {
        plant_id: f"{one.days} days that neither has seen, {LEAST_DAYS} are needed"
        for plant_id, one in split.ranges.items()
        if not one.enough
    }


def scores_json(found: Scores) -> dict[str, Any]:
    """Scores as plain objects, shares of capacity."""
    return {plant: {lead: asdict(one) for lead, one in leads.items()} for plant, leads in found.items()}


def _iso(time_ms: int) -> str:
    return datetime.fromtimestamp(time_ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
