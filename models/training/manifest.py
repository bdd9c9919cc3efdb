"""What a release was trained on: its manifest, and the values that its inputs are compared with later."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import numpy as np

from models.forecast.base import HOUR_MS, KNOTS, Floats, single
from models.forecast.blend import Blend
from models.forecast.correction_features import ISSUE_NAMES, STEP_NAMES
from models.forecast.limits import LOWEST_SHARE
from models.training.clean import counts
from models.training.config import TrainConfig
from models.training.dataset import PlantHistory
from models.training.rows import usable_runs

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
    histories: Sequence[PlantHistory], models: dict[str, Blend], config: TrainConfig
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
        "weather": _weather(histories, config),
        "data": _data(histories),
        "scores": {},
    }


def brief(manifest: Mapping[str, Any], most_bytes: int) -> dict[str, Any]:
    """The manifest, without its longest lists where it would be longer than `most_bytes` as JSON.

    A Kafka message has a limit; the artifact keeps the whole. What a plant was trained until always stays.
    """
    made = dict(manifest)
    for name in ("features", "correction_features", "learning", "corrections", "scores"):
        if _size(made) <= most_bytes:
            return made
        made.pop(name, None)
        made["shortened"] = True
    if _size(made) > most_bytes and "verdict" in made:
        made["verdict"] = {
            k: v for k, v in dict(made["verdict"]).items() if k not in ("plants", "not_judged")
        }
    if _size(made) > most_bytes:
        kept = ("kind", "to")
        plants = dict(made.get("plants", {}))
        made["plants"] = {p: {k: about[k] for k in kept if k in about} for p, about in plants.items()}
    return made


def _size(manifest: Mapping[str, Any]) -> int:
    return len(json.dumps(manifest, sort_keys=True).encode())


def data_sha256(history: PlantHistory) -> str:
    """A hash of all that training sees of a plant: intervals, power, what is clean, runs."""
    digest = hashlib.sha256(repr((history.plant, history.versions)).encode())
    for values in (history.end_ms, history.power_kw, history.clean):
        digest.update(np.ascontiguousarray(values).tobytes())
    for run in history.runs:
        digest.update(f"{run.source}|{run.published_at_ms}|{run.known_at_ms}".encode())
        digest.update(run.valid_at_ms.tobytes())
        for columns in (run.columns, *(point.columns for point in run.points)):
            for name, column in columns.items():
                digest.update(name.encode())
                digest.update(np.ascontiguousarray(column).tobytes())
    return digest.hexdigest()


def _data(histories: Sequence[PlantHistory]) -> dict[str, str]:
    """First and last interval of all plants, and a hash of everything."""
    hashes = [f"{h.plant.plant_id}={data_sha256(h)}" for h in histories]
    return {
        "from": _iso(min(int(h.end_ms[0]) for h in histories)),
        "to": _iso(max(int(h.end_ms[-1]) for h in histories)),
        "sha256": hashlib.sha256("\n".join(sorted(hashes)).encode()).hexdigest(),
    }


def _weather(histories: Sequence[PlantHistory], config: TrainConfig) -> dict[str, dict[str, Any]]:
    """Each source of weather: how many runs, and whether they were made after the fact."""
    found: dict[str, dict[str, Any]] = {}
    for history in histories:
        for run in usable_runs(history.runs):
            afterwards = config.hindsight or run.source.endswith(ARCHIVE)
            about = found.setdefault(run.source, {"runs": 0, "hindsight": afterwards})
            about["runs"] += 1
    return dict(sorted(found.items()))


def _made_afterwards(history: PlantHistory) -> bool:
    """Whether any weather it learned from is of an archive: a reanalysis knows what came, a forecast does
    not.
    """
    return any(run.source.endswith(ARCHIVE) for run in usable_runs(history.runs))


def _about(history: PlantHistory, models: dict[str, Blend]) -> dict[str, Any]:
    plant, share = history.plant, history.share[np.isfinite(history.share)]
    lowest = float(np.quantile(share, LOWEST_QUANTILE)) if len(share) else 0.0
    model = models.get(plant.plant_id)
    runs = usable_runs(history.runs)
    return {
        "kind": str(plant.kind),
        "from": _iso(int(history.end_ms[0])),
        "to": _iso(int(history.end_ms[-1])),
        "intervals": len(share),
        "clean_part": round(float(history.clean.mean()), 4),
        "left_out": {} if history.causes is None else counts(history.causes),
        "min_share": round(float(np.clip(lowest, LOWEST_SHARE, 0.0)), 6),
        "weather_model": None if model is None else "+".join(one.family for one in model.members),
        "weather_sources": sorted({run.source for run in runs}),
        "weather_runs": len(runs),
        "weather_columns": sorted({name for run in runs for name in run.columns}),
    }


def _iso(time_ms: int) -> str:
    return datetime.fromtimestamp(time_ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
