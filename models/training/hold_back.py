"""Judging a candidate on days that it has not seen, each plant on its own newest days.

Plants may live in different years, so what is held back is counted from the end of each plant's telemetry.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from models.release import Release
from models.training import select
from models.training.dataset import PlantHistory
from models.training.select import Verdict

DAY_MS = 86_400_000
LARGEST_PART = 0.25  # of a plant's telemetry: a short history must not be held back whole


@dataclass(frozen=True)
class Split:
    """`seen` is for training; `from_ms` says for each plant where its held-back days begin."""

    seen: list[PlantHistory]
    whole: list[PlantHistory]
    from_ms: Mapping[str, int]


def split(histories: Sequence[PlantHistory], days: int) -> Split:
    """Hold back the newest `days` of each plant, at most a quarter of its telemetry."""
    whole = [history for history in histories if len(history.end_ms)]
    from_ms = {history.plant.plant_id: _cut_ms(history, days) for history in whole}
    return Split([history.before(from_ms[history.plant.plant_id]) for history in whole], whole, from_ms)


def _cut_ms(history: PlantHistory, days: int) -> int:
    first, last = int(history.end_ms[0]), int(history.end_ms[-1])
    held_ms = min(days * DAY_MS, int((last - first) * LARGEST_PART))
    return (last - held_ms) // DAY_MS * DAY_MS if held_ms > DAY_MS else last - held_ms


def judge(candidate: Release, champion: Release, held_back: Split) -> Verdict:
    """Compare two releases on what was held back; plants count the same, whatever their number of days."""
    alone = [
        select.judge(candidate, champion, [history], held_back.from_ms[history.plant.plant_id])
        for history in held_back.whole
    ]
    new = {plant_id: scores for verdict in alone for plant_id, scores in verdict.candidate.items()}
    old = {plant_id: scores for verdict in alone for plant_id, scores in verdict.champion.items()}
    if len(alone) == 1 or not new or not old:
        return alone[0] if alone else Verdict(False, "there is no plant with telemetry", {}, {})
    loss_new, loss_old = _loss(new), _loss(old)
    change = 100.0 * (loss_new / loss_old - 1.0)
    reason = (
        f"mean pinball {100 * loss_new:.3f} % of capacity against {100 * loss_old:.3f} % ({change:+.1f} %)"
        f" over {len(new)} plants"
    )
    return Verdict(loss_new < loss_old, reason, new, old)


def _loss(found: select.Scores) -> float:
    return float(np.mean([np.mean([one.pinball for one in leads.values()]) for leads in found.values()]))
