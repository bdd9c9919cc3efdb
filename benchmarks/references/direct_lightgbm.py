"""Direct LightGBM: for each plant, horizon and level a boosting of its own, on what was known at the issue.

What a careful data scientist would build first, and what a forecasting system has to beat to be worth its
while. It sees the same telemetry and weather as gridcast at the same issues (`benchmarks.references.known`),
and is fitted on targets that were known before `until_ms` alone. See Ke et al. (2017), LightGBM.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from benchmarks.references.features import features
from benchmarks.references.known import Known

F8 = NDArray[np.float64]
I8 = NDArray[np.int64]

LEVELS: Final = (0.1, 0.5, 0.9)
#: Fewer rows than this teach nothing: then the levels of all known targets are said.
_FEWEST_ROWS: Final = 100


@dataclass(frozen=True)
class Settings:
    """Of each boosting. The defaults were the best of five on months before the tests (docs/decisions)."""

    trees: int = 200
    leaves: int = 15
    rate: float = 0.05
    min_rows: int = 20
    feature_fraction: float = 0.8
    bagging_fraction: float = 0.8
    seed: int = 1
    threads: int = 1

    def for_level(self, level: float) -> dict[str, object]:
        """LightGBM's parameters for one quantile level."""
        return {
            "objective": "quantile",
            "alpha": level,
            "num_leaves": self.leaves,
            "learning_rate": self.rate,
            "min_data_in_leaf": self.min_rows,
            "feature_fraction": self.feature_fraction,
            "bagging_fraction": self.bagging_fraction,
            "bagging_freq": 1,
            "num_threads": self.threads,
            "seed": self.seed,
            "deterministic": True,
            "force_row_wise": True,
            "verbosity": -1,
        }


def forecast(plant: Known, issued_ms: I8, lead_ms: int, until_ms: int, settings: Settings) -> F8:
    """Quantiles (n, 3) of `LEVELS` as shares of capacity for `issued_ms + lead_ms`; not crossing.

    Fitted on every issue whose target was known before `until_ms`. NaN where no target was known.
    """
    end_ms, target = known_targets(plant, until_ms)
    if not len(target):
        return np.full((len(issued_ms), len(LEVELS)), np.nan)
    _, known = features(plant, end_ms - lead_ms, lead_ms)
    _, asked = features(plant, issued_ms, lead_ms)
    return boosted(known, target, asked, LEVELS, settings)


def known_targets(plant: Known, until_ms: int) -> tuple[I8, F8]:
    """Ends [ms] and power (share) of the intervals that were measured and known before a time."""
    power = plant.power
    good = (power.known_ms < until_ms) & (power.end_ms < until_ms) & np.isfinite(power.share)
    return power.end_ms[good], power.share[good]


def boosted(known: F8, target: F8, asked: F8, levels: Sequence[float], settings: Settings) -> F8:
    """Quantiles (n, K) for the rows of `asked` (n, F), from a boosting for each level on `known` (m, F).

    Sorted, and within what was seen: not under the least target (or 0), not over the capacity. Under 100
    rows, the quantiles of the targets.
    """
    if len(target) < _FEWEST_ROWS:
        return np.broadcast_to(np.quantile(target, levels), (len(asked), len(levels))).copy()
    said = np.stack([_fit(known, target, asked, settings, level) for level in levels], axis=1)
    return np.clip(np.sort(said, axis=1), min(0.0, float(target.min())), 1.0)


def _fit(known: F8, target: F8, asked: F8, settings: Settings, level: float) -> F8:
    import lightgbm

    rows = lightgbm.Dataset(known, label=target)
    booster = lightgbm.train(settings.for_level(level), rows, num_boost_round=settings.trees)
    return np.asarray(booster.predict(asked, num_threads=settings.threads), np.float64)
