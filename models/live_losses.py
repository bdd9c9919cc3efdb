"""How a release does live, by day: against the shadow that runs beside it, and against what it promised.

Promised is how much better than persistence it was on its held-back days. A calm month lowers every error, so
live errors are measured by live persistence too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from models.diebold_mariano import SIGNIFICANT, Comparison, compare

#: Below, a live step is shorter than the hour that promises are made for, and persistence fresher.
PROMISED_LEADS: Final = ("3h", "6h", "12h", "24h")


@dataclass(frozen=True)
class LiveDay:
    """Of one plant, UTC day (days since 1970) and lead time ("6h"): means over `n` pairs of the losses of two
    forecasts of the same intervals, in shares of capacity.
    """

    plant_id: str
    day: int
    lead: str
    n: int
    first: float
    second: float


@dataclass(frozen=True)
class Live:
    """Two live forecasts compared: mean daily losses in shares of capacity, over days and plants, and the
    test; None with too few days.
    """

    first: float
    second: float
    days: int
    plants: int
    test: Comparison | None

    def worse(self, least_days: int) -> bool:
        """Whether the first is worse at 5 %, over at least so many days."""
        return self.days >= least_days and self.test is not None and self.test.worse(SIGNIFICANT)

    def to_json(self) -> dict[str, Any]:
        """For a manifest and for people: losses in % of capacity."""
        return {
            "days": self.days,
            "plants": self.plants,
            "loss": round(100 * self.first, 4),
            "reference": round(100 * self.second, 4),
            "test": None if self.test is None else self.test.to_json(),
        }


def compared(rows: Iterable[LiveDay]) -> Live:
    """The comparison by day: lead times of a plant count the same, and plants of a day."""
    plants: dict[tuple[int, str], list[tuple[float, float]]] = {}
    for row in rows:
        plants.setdefault((row.day, row.plant_id), []).append((row.first, row.second))
    days: dict[int, list[np.ndarray[Any, np.dtype[np.float64]]]] = {}
    for (day, _), pairs in plants.items():
        days.setdefault(day, []).append(np.mean(pairs, axis=0))
    if not days:
        return Live(np.nan, np.nan, 0, 0, None)
    line = np.array(sorted(days), np.int64)
    means = np.array([np.mean(days[day], axis=0) for day in line.tolist()])
    first, second = means.mean(axis=0)
    test = compare(means[:, 0], means[:, 1], line)
    return Live(float(first), float(second), len(line), len({plant for _, plant in plants}), test)


def against_promise(
    rows: Sequence[LiveDay], scores: Mapping[str, Mapping[str, Mapping[str, Any]]], factor: float
) -> Live:
    """Live errors (`first`) against live persistence (`second`) times what was promised of it.

    `scores` as in a manifest: by plant and lead time `nmae` and `nmae_persistence`. The reference is what the
    errors would be if the release did `factor` times worse than promised; plants and lead times without a
    promise are left out.
    """
    kept = []
    for row in rows:
        promised = scores.get(row.plant_id, {}).get(row.lead, {}) if row.lead in PROMISED_LEADS else {}
        error, persistence = promised.get("nmae"), promised.get("nmae_persistence")
        if error is not None and persistence:
            reference = factor * float(error) / float(persistence) * row.second
            kept.append(LiveDay(row.plant_id, row.day, row.lead, row.n, row.first, reference))
    return compared(kept)
