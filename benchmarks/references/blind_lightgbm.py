"""LightGBM without telemetry, as a competition asks for: calendar and the newest published weather alone.

One boosting for each plant and level, for all hours; 13 levels, straight lines between them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from benchmarks.references.direct_lightgbm import Settings, boosted, known_targets
from benchmarks.references.features import calendar, weather
from benchmarks.references.known import DAY_MS, Known

F8 = NDArray[np.float64]
I8 = NDArray[np.int64]

KNOTS: Final = (0.01, 0.05, *(round(0.1 * k, 1) for k in range(1, 10)), 0.95, 0.99)


def forecast(
    plant: Known, issued_ms: I8, valid_ms: I8, until_ms: int, levels: Sequence[float], settings: Settings
) -> F8:
    """Quantiles (n, K) as shares of capacity for `valid_ms`, with the weather published by `issued_ms`.

    Fitted on what was known before `until_ms`, each hour with the weather of its day's first minute. NaN
    where no target was known.
    """
    end_ms, target = known_targets(plant, until_ms)
    if not len(target):
        return np.full((len(valid_ms), len(levels)), np.nan)
    morning_ms = (end_ms - 1) // DAY_MS * DAY_MS
    said = boosted(
        _rows(plant, morning_ms, end_ms), target, _rows(plant, issued_ms, valid_ms), KNOTS, settings
    )
    return np.stack([np.interp(levels, KNOTS, row) for row in said])


def _rows(plant: Known, issued_ms: I8, valid_ms: I8) -> F8:
    columns = {**calendar(valid_ms), **weather(plant, issued_ms, valid_ms)}
    return np.stack(list(columns.values()), axis=1)
