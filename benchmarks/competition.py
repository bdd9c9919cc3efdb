"""Scores as GEFCom2014 counted them: mean pinball loss over the levels, by month, as shares of capacity."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.references import blind_lightgbm, climatology
from benchmarks.references.direct_lightgbm import Settings
from benchmarks.references.known import DAY_MS, Known
from models import score
from models.backtest_scores import milliseconds

F8 = NDArray[np.float64]
I8 = NDArray[np.int64]
#: name -> loss of each row, f8[n]
Losses = dict[str, F8]


def months(
    plants: Mapping[str, Known],
    said: pd.DataFrame,
    fits_ms: Sequence[int],
    levels: Sequence[float],
    settings: Settings,
    told: Callable[[str], None],
) -> dict[str, dict[str, float]]:
    """{name: {month: loss}}: a month's mean over its plants of the mean over hours and levels.

    `ours` are the forecasts; beside them what the references say, which like them know no actual after the
    last of `fits_ms`. An hour of night counts as any other, as in the competition.
    """
    parts = []
    for plant_id, rows in said.groupby("plant_id", sort=True):
        told(str(plant_id))
        parts.append(_plant(plants[str(plant_id)], rows, fits_ms, levels, settings))
    table = pd.concat(parts, ignore_index=True)
    by_plant = table.groupby(["month", "plant"]).mean()
    means = by_plant.groupby("month").mean()
    return {str(name): {str(m): float(v) for m, v in column.items()} for name, column in means.items()}


def over_months(by_month: Mapping[str, float], first: str, last: str) -> float:
    """The mean of the months (`2013-07`) from the first to the last, NaN where there is none."""
    known = [loss for month, loss in by_month.items() if first <= month <= last and np.isfinite(loss)]
    return float(np.mean(known)) if known else float("nan")


def _plant(
    plant: Known, rows: pd.DataFrame, fits_ms: Sequence[int], levels: Sequence[float], settings: Settings
) -> pd.DataFrame:
    issued, valid = milliseconds(rows["issued_at"]), milliseconds(rows["valid_at"])
    actual = plant.power.at(valid, np.iinfo(np.int64).max)
    quantiles = rows[[f"{level:g}" for level in levels]].to_numpy(np.float64) / plant.capacity_kw
    came = np.isfinite(actual)
    losses: dict[str, Any] = {"ours": _loss(actual[came], quantiles[came], levels)}
    losses |= _references(plant, issued[came], valid[came], actual[came], fits_ms, levels, settings)
    # Midnight ends the day before it, so a month's last hour belongs to it.
    stamp = pd.to_datetime(valid[came] - 1, unit="ms")
    return pd.DataFrame({"plant": plant.plant_id, "month": stamp.strftime("%Y-%m"), **losses})


def _references(
    plant: Known,
    issued: I8,
    valid: I8,
    actual: F8,
    fits_ms: Sequence[int],
    levels: Sequence[float],
    settings: Settings,
) -> Losses:
    made = {
        name: np.full(len(valid), np.nan) for name in ("lightgbm", "climatology", "persistence", "yesterday")
    }
    for fit_ms, end_ms in zip(fits_ms, [*fits_ms[1:], np.iinfo(np.int64).max], strict=True):
        own = (issued >= fit_ms) & (issued < end_ms)
        if not own.any():
            continue
        boosted = blind_lightgbm.forecast(plant, issued[own], valid[own], fit_ms, levels, settings)
        usual = climatology.forecast(plant, valid[own], fit_ms, levels)
        made["lightgbm"][own] = _loss(actual[own], boosted, levels)
        made["climatology"][own] = _loss(actual[own], usual, levels)
        last = plant.power.at(plant.power.last(np.full(own.sum(), fit_ms)), fit_ms)
        days = -(-(valid[own] - fit_ms) // DAY_MS)
        same_hour = plant.power.at(valid[own] - days * DAY_MS, fit_ms)
        made["persistence"][own] = _loss(actual[own], last[:, None], levels)
        made["yesterday"][own] = _loss(actual[own], same_hour[:, None], levels)
    return made


def _loss(actual: F8, quantiles: F8, levels: Sequence[float]) -> F8:
    """Mean loss over the levels, (n,); a single column is said at every level."""
    return np.asarray(score.pinball(actual[:, None], quantiles, np.asarray(levels)).mean(axis=1))
