"""The first stage: weather models of all plants, and what they say out of fold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from models.forecast.base import Floats
from models.forecast.boosting import BoostedWeather
from models.training import fit_weather, samples
from models.training.config import Progress, TrainConfig, stage
from models.training.dataset import PlantHistory
from models.training.fit_weather import RunRows
from models.training.samples import BaseTable

DAY_MS = 86_400_000


@dataclass(frozen=True)
class WeatherStage:
    models: dict[str, BoostedWeather]
    tables: dict[str, BaseTable]


def fit(histories: Sequence[PlantHistory], config: TrainConfig, progress: Progress) -> WeatherStage:
    """A model of its own for each plant with enough history, one for each kind of the plants together,
    bases out of fold.
    """
    trees = replace(config.trees, threads=config.threads, seed=config.seed)
    made = WeatherStage({}, {})
    for kind in ("wind", "solar"):
        own = [h for h in histories if h.plant.kind == kind and h.runs]
        rows = {h.plant.plant_id: fit_weather.rows_of(h) for h in own}
        usable = [r for r in rows.values() if fit_weather.enough(r, trees)]
        rich = {r.plant.plant_id for r in usable if _days(r) >= config.least_days}
        for r in usable:
            if r.plant.plant_id in rich:
                said = f"weather model of {r.plant.plant_id}"
                made.models[r.plant.plant_id], outside = fit_weather.fit(
                    [r], kind == "solar", trees, stage(progress, said)
                )
                made.tables[r.plant.plant_id] = _table(r, outside[r.plant.plant_id])
        if len(usable) > 1 or (usable and not rich):
            said = f"weather model of all {kind} plants"
            made.models[f"kind:{kind}"], outside = fit_weather.fit(
                usable, kind == "solar", trees, stage(progress, said)
            )
            made.tables.update(
                {
                    r.plant.plant_id: _table(r, outside[r.plant.plant_id])
                    for r in usable
                    if r.plant.plant_id not in rich
                }
            )
    return made


def _table(rows: RunRows, outside: Floats) -> BaseTable:
    return samples.table_of(rows.published_ms, rows.run, rows.hours_ms, outside)


def _days(rows: RunRows) -> int:
    return len(np.unique(rows.hours_ms[np.isfinite(rows.power)] // DAY_MS))
