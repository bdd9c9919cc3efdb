"""Which days a candidate is judged on: each plant's newest ones, that neither it nor the champion has seen.

Plants may live in different years, so what is held back is counted from the end of each plant's telemetry.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from models.release import Release
from models.training.dataset import PlantHistory

DAY_MS = 86_400_000
LEAST_DAYS = 14  # a champion that was trained is challenged on no fewer
LARGEST_PART = 1 / 3  # of a plant's telemetry: a short history must not be held back whole


@dataclass(frozen=True)
class Range:
    """The held-back part of one plant's telemetry.

    The candidate has seen nothing after `cut_ms`, the champion nothing after `from_ms`, which is not before
    it; `to_ms` is the end of the telemetry. `trained`: whether a release that was trained on the plant
    serves it.
    """

    cut_ms: int
    from_ms: int
    to_ms: int
    trained: bool

    @property
    def days(self) -> int:
        """Days that neither has seen, rounded: a training a week after another finds seven."""
        return round((self.to_ms - self.from_ms) / DAY_MS)

    @property
    def enough(self) -> bool:
        """Whether a verdict can rest on it: `LEAST_DAYS` where a trained champion is challenged."""
        return self.days >= (LEAST_DAYS if self.trained else 1)


@dataclass(frozen=True)
class Split:
    """`seen` is for training the candidate; `ranges` are by plant."""

    seen: list[PlantHistory]
    whole: list[PlantHistory]
    ranges: Mapping[str, Range]

    @property
    def judged(self) -> list[PlantHistory]:
        """The histories with enough days that both have not seen."""
        return [h for h in self.whole if self.ranges[h.plant.plant_id].enough]


def split(histories: Sequence[PlantHistory], days: int, champions: Mapping[str, Release]) -> Split:
    """Hold back the newest `days` of each plant, at most a third of its telemetry.

    `champions`: what serves each plant now; a plant without one is served by nothing that was trained.
    """
    whole = [history for history in histories if len(history.end_ms)]
    ranges = {h.plant.plant_id: _range(h, days, champions.get(h.plant.plant_id)) for h in whole}
    return Split([history.before(ranges[history.plant.plant_id].cut_ms) for history in whole], whole, ranges)


def _range(history: PlantHistory, days: int, champion: Release | None) -> Range:
    cut_ms, last_ms = _cut_ms(history, days), int(history.end_ms[-1])
    known = None if champion is None else champion.manifest.get("plants", {}).get(history.plant.plant_id)
    if known is None:
        return Range(cut_ms, cut_ms, last_ms, trained=False)
    return Range(cut_ms, min(max(cut_ms, _seen_until_ms(known)), last_ms), last_ms, trained=True)


def _seen_until_ms(about: Mapping[str, Any]) -> int:
    """The end of what a release was trained on of a plant, by its manifest; for ever, where it is silent."""
    try:
        return round(datetime.fromisoformat(str(about["to"])).timestamp() * 1000)
    except (KeyError, ValueError):
        return 2**53


def _cut_ms(history: PlantHistory, days: int) -> int:
    first, last = int(history.end_ms[0]), int(history.end_ms[-1])
    held_ms = min(days * DAY_MS, int((last - first) * LARGEST_PART))
    return (last - held_ms) // DAY_MS * DAY_MS if held_ms > DAY_MS else last - held_ms
