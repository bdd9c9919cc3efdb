"""Training: the weather model, what it says out of fold, the climatology, the corrections, and the
manifest.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import UTC, datetime
from typing import Any

import numpy as np

from models.forecast import climatology
from models.forecast.base import HOUR_MS, KNOTS, Floats, single
from models.forecast.boosting import BoostedWeather
from models.forecast.climatology import Climatology
from models.forecast.closed_form import ClosedForm
from models.forecast.correction_features import ISSUE_NAMES, STEP_NAMES, build, left_out
from models.forecast.limits import LOWEST_SHARE
from models.forecast.network import Network, scale
from models.release import Release
from models.training import fit_closed_form, fit_weather, samples
from models.training.dataset import PlantHistory
from models.training.fit_weather import RunRows, TreeConfig, usable_runs
from models.training.samples import BaseTable, Samples, Teller

DAY_MS = 86_400_000
ARCHIVE = ":archive"  # how the name of a source ends whose runs were made after the fact
LOWEST_QUANTILE = 0.001  # of telemetry: a plant's lower limit
REFERENCE_VALUES, LEAST_REFERENCE = 256, 50
Progress = Callable[[str, float], None]


@dataclass(frozen=True)
class NetSettings:
    """How much the net is shown and for how long; the rest stands in `models/training/fit_network.py`."""

    rows: int = 400_000
    steps: int = 8  # of each issue
    epochs: int = 12
    members: int = 2


@dataclass(frozen=True)
class TrainConfig:
    """One training. `blind`: nothing that corrects by telemetry is trained, for a forecast that never sees
    any.
    """

    seed: int = 1
    threads: int = 2
    blind: bool = False
    hindsight: bool = False  # whether the weather was made after the fact, said in the manifest
    name: str = "gridcast"
    version: str = "1"
    code_version: str = "unknown"
    least_days: int = 60  # of history for a weather model of the plant's own
    newest_days: int | None = None  # train on these alone
    trees: TreeConfig = field(default_factory=TreeConfig)
    net: NetSettings = field(default_factory=NetSettings)

    @classmethod
    def full(cls, **changes: Any) -> TrainConfig:
        """Everything that the recipes found worth its time."""
        return replace(cls(), **changes)

    @classmethod
    def fast(cls, **changes: Any) -> TrainConfig:
        """A few seconds for a plant: for the demo and for tests."""
        trees = TreeConfig(trees=60, rate=0.12, bins=63, folds=3, min_rows=40, max_rows=20_000)
        net = NetSettings(rows=60_000, epochs=5, members=1)
        return replace(cls(trees=trees, net=net), **changes)


@dataclass(frozen=True)
class _Weather:
    models: dict[str, BoostedWeather]
    tables: dict[str, BaseTable]


def train(histories: Sequence[PlantHistory], config: TrainConfig, progress: Progress) -> Release:
    """A release from the histories; deterministic for a seed on one machine.

    `progress` is told a stage and its part done, 0 to 1. Raises ValueError when there is no plant at all.
    """
    histories = [h for h in histories if len(h.end_ms)]
    if not histories:
        raise ValueError("there is no plant with telemetry to train on")
    if config.newest_days is not None:
        histories = [_newest(h, config.newest_days) for h in histories]
    tables = {h.plant.plant_id: climatology.fit(h.plant, *h.hourly(clean_only=True)) for h in histories}
    usual = Climatology({k: v for k, v in tables.items() if v is not None})
    weather = _weather(histories, config, progress)
    closed_form, net = ClosedForm(), None
    if not config.blind:
        tellers = [Teller(h, usual, weather.tables.get(h.plant.plant_id)) for h in histories]
        closed_form = fit_closed_form.fit(tellers, ClosedForm(), np.random.default_rng(config.seed))
        net = _net(tellers, closed_form, config, progress)
    return Release(
        name=config.name,
        version=config.version,
        sha256="",
        climatology=usual,
        closed_form=closed_form,
        correction=net,
        weather=weather.models,
        reference={h.plant.plant_id: _reference(h, config.seed) for h in histories if h.runs},
        manifest=manifest(histories, weather.models, config),
    )


def _newest(history: PlantHistory, days: int) -> PlantHistory:
    first = int(history.end_ms[-1]) - days * DAY_MS
    kept = history.end_ms > first
    runs = [r for r in history.runs if r.valid_at_ms.size and r.valid_at_ms[-1] > first]
    return replace(
        history,
        end_ms=history.end_ms[kept],
        power_kw=history.power_kw[kept],
        clean=history.clean[kept],
        runs=runs,
    )


def _weather(histories: Sequence[PlantHistory], config: TrainConfig, progress: Progress) -> _Weather:
    """A model of its own for each plant with enough history, one for each kind of the plants together,
    bases out of fold.
    """
    trees = replace(config.trees, threads=config.threads, seed=config.seed)
    made = _Weather({}, {})
    for kind in ("wind", "solar"):
        own = [h for h in histories if h.plant.kind == kind and h.runs]
        rows = {h.plant.plant_id: fit_weather.rows_of(h) for h in own}
        usable = [r for r in rows.values() if fit_weather.enough(r, trees)]
        rich = {r.plant.plant_id for r in usable if _days(r) >= config.least_days}
        for r in usable:
            if r.plant.plant_id in rich:
                said = f"weather model of {r.plant.plant_id}"
                made.models[r.plant.plant_id], outside = fit_weather.fit(
                    [r], kind == "solar", trees, _stage(progress, said)
                )
                made.tables[r.plant.plant_id] = _table(r, outside[r.plant.plant_id])
        if len(usable) > 1 or (usable and not rich):
            said = f"weather model of all {kind} plants"
            made.models[f"kind:{kind}"], outside = fit_weather.fit(
                usable, kind == "solar", trees, _stage(progress, said)
            )
            made.tables.update(
                {
                    r.plant.plant_id: _table(r, outside[r.plant.plant_id])
                    for r in usable
                    if r.plant.plant_id not in rich
                }
            )
    return made


def _stage(progress: Progress, said: str) -> Callable[[float], None]:
    return lambda part: progress(said, part)


def _table(rows: RunRows, outside: Floats) -> BaseTable:
    return samples.table_of(rows.published_ms, rows.run, rows.hours_ms, outside)


def _days(rows: RunRows) -> int:
    return len(np.unique(rows.hours_ms[np.isfinite(rows.power)] // DAY_MS))


def _net(
    tellers: Sequence[Teller], start: ClosedForm, config: TrainConfig, progress: Progress
) -> Network | None:
    """The correction net of all plants that have a weather base; None where there is none."""
    from models.training import fit_network

    able = [t for t in tellers if t.table is not None and len(t.issues(DAY_MS))]
    if not able:
        return None
    plants = tuple(t.history.plant.plant_id for t in able)
    rng = np.random.default_rng(config.seed)
    progress("samples for the correction", 0.0)
    issues = max(config.net.rows // (config.net.steps * len(able)), 1)
    parts = [_rows(samples.draw(t, issues, config.net.steps, rng), start, i, rng) for i, t in enumerate(able)]
    joined = {
        f.name: np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(fit_network.NetRows)
    }
    rows = fit_network.NetRows(**joined)
    if not len(rows.target):
        return None
    days = sum(int(np.isfinite(t.history.hourly()[1]).sum()) for t in able) / 24.0
    net = fit_network.NetConfig(epochs=config.net.epochs, members=config.net.members, seed=config.seed)
    tensors = fit_network.train(rows, len(plants), left_out(days), net, _stage(progress, "correction"))
    return Network(tensors, plants, net.members)


def _rows(told: Samples, start: ClosedForm, plant: int, rng: np.random.Generator) -> Any:
    """Rows for the net from the samples of one plant: known ones on a weather base, without the night."""
    from models.training import fit_network

    x = samples.with_gaps(told.x, rng)
    made = build(x)
    good = samples.heard(told)[:, None] & np.isfinite(told.y) & x.weather_based
    good &= ~x.is_solar[:, None] | (x.base[..., -1] > 0.002) | (told.y > 0.002)
    issue, step = np.nonzero(good)
    return fit_network.NetRows(
        issue=made.issue[issue],
        step=made.step[issue, step],
        plant=np.full(len(issue), plant, np.int64),
        start=start.correct(x)[issue, step].astype(np.float32),
        anchor=made.anchor[issue, step].astype(np.float32),
        scale=scale(x)[issue, step].astype(np.float32),
        target=told.y[issue, step].astype(np.float32),
    )


def _reference(history: PlantHistory, seed: int) -> dict[str, Floats]:
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
