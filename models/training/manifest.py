"""What a release was trained on: its manifest, and the values that its inputs are compared with later."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import numpy as np

from models.forecast.base import HOUR_MS, KNOTS, Floats, single
from models.forecast.boosting import BoostedWeather
from models.forecast.correction_features import ISSUE_NAMES, STEP_NAMES
from models.forecast.limits import LOWEST_SHARE
from models.training.config import TrainConfig
from models.training.dataset import PlantHistory
from models.training.fit_weather import usable_runs

DAY_MS = 86_400_000
ARCHIVE = ":archive"  # how the name of a source ends whose runs were made after the fact
LOWEST_QUANTILE = 0.001  # of telemetry: a plant's lower limit
REFERENCE_VALUES, LEAST_REFERENCE = 256, 50


def reference(history: PlantHistory, seed: int) -> dict[str, Floats]:
    """Values of the runs' columns in their first day, at whole hours, for the drift test of the inputs."""
    parts: dict[str, list[Floats]] = {}
    for run in usable_runs(history.runs):
        lead_ms = run.valid_at_ms - run.published_at_ms
        first_day = (lead_ms > 0) & (lead_ms <= DAY_MS) & (run.valid_at_ms % HOUR_MS == 0)
        for name, values in run.columns.items():
            parts.setdefault(name, []).append(values[first_day & np.isfinite(values)])
    draw = np.random.default_rng(seed)
    known = {name: np.concatenate(values) for name, values in sorted(parts.items())}
    return {
        name: single(draw.choice(values, min(len(values), REFERENCE_VALUES), replace=False))
        for name, values in known.items()
        if len(values) >= LEAST_REFERENCE
    }


def manifest(
    histories: Sequence[PlantHistory], models: dict[str, BoostedWeather], config: TrainConfig
) -> dict[str, Any]:
    """What was trained on what: JSON-able."""
    return {
        "plants": {h.plant.plant_id: _about(h, models) for h in histories},
        "knots": list(KNOTS),
        "features": {key: list(model.names) for key, model in models.items()},
        "correction_features": [*ISSUE_NAMES, *STEP_NAMES],
        "config": {k: v for k, v in asdict(config).items() if k not in ("name", "version", "code_version")},
        "code_version": config.code_version,
        "hindsight": config.hindsight or any(_made_afterwards(h) for h in histories),
        "scores": {},
    }


def _made_afterwards(history: PlantHistory) -> bool:
    """Whether any weather it learned from is of an archive: a reanalysis knows what came, a forecast does
    not.
    """
    return any(run.source.endswith(ARCHIVE) for run in usable_runs(history.runs))


def _about(history: PlantHistory, models: dict[str, BoostedWeather]) -> dict[str, Any]:
    plant, share = history.plant, history.share[np.isfinite(history.share)]
    lowest = float(np.quantile(share, LOWEST_QUANTILE)) if len(share) else 0.0
    kind = f"kind:{plant.kind}"
    model = plant.plant_id if plant.plant_id in models else kind if kind in models else None
    runs = usable_runs(history.runs)
    return {
        "kind": str(plant.kind),
        "from": _iso(int(history.end_ms[0])),
        "to": _iso(int(history.end_ms[-1])),
        "intervals": len(share),
        "clean_part": round(float(history.clean.mean()), 4),
        "min_share": round(float(np.clip(lowest, LOWEST_SHARE, 0.0)), 6),
        "weather_model": model,
        "panel_deg": models[model].panels.get(plant.plant_id) if model is not None else None,
        "weather_sources": sorted({run.source for run in runs}),
        "weather_runs": len(runs),
        "weather_columns": sorted({name for run in runs for name in run.columns}),
    }


def _iso(time_ms: int) -> str:
    return datetime.fromtimestamp(time_ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
