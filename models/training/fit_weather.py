"""Fits the weather model: rows from runs and telemetry, trees by quantile, and what they say out of fold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from models import sun
from models.forecast import physical
from models.forecast.base import HOUR_MS, KNOTS, Flags, Floats, Ints
from models.forecast.boosting import BoostedWeather, with_panel
from models.forecast.weather_features import (
    RunFeatures,
    RunShape,
    common_shape,
    features,
    hour_grid,
    hourly,
    primary,
)
from models.training.dataset import PlantHistory
from schemas.records import PlantVersion, WeatherRun

DAY_MS = 86_400_000
BLOCK_MS = 10 * DAY_MS
SEASONS_KNOWN_DAYS = 330
MAX_LEAD_H = 48
MASKED = (
    0.1  # part of the rows that is repeated with columns taken away, so that the trees know what to do then
)
SITE_BOUND = ("hour_utc", "day_of_year")  # what a model for several plants may not use


@dataclass(frozen=True)
class TreeConfig:
    """How the trees are grown."""

    trees: int = 150
    leaves: int = 15
    rate: float = 0.06
    feature_fraction: float = 0.6
    bagging: float = 0.7
    min_rows: int = 80
    l2: float = 1.0
    bins: int = 255
    folds: int = 4
    max_rows: int = 60_000
    threads: int = 2
    seed: int = 1


@dataclass(frozen=True)
class RunRows:
    """Every hour that a plant's runs speak of, one row each, runs in the order of publication.

    `run` (n,) is the index of the run, `hours_ms` (n,) the end of the hour, `power` (n,) its share, NaN
    where unknown or not the weather's doing.
    """

    plant: PlantVersion  # with the panel that was found, where there is one
    sources: tuple[str, ...]
    shape: RunShape
    published_ms: Ints  # (runs,)
    made: list[RunFeatures]
    run: Ints
    hours_ms: Ints
    power: Floats

    def matrix(self, names: Sequence[str], rows: Flags | None = None) -> Floats:
        """Named features of the rows of a mask, or of all."""
        wanted = np.ones(len(self.run), np.bool_) if rows is None else rows
        if not self.made:
            return np.empty((0, len(names)))
        ends = np.cumsum([len(made.hours_ms) for made in self.made])[:-1]
        hours = [h[w] for h, w in zip(np.split(self.hours_ms, ends), np.split(wanted, ends), strict=True)]
        parts = [made.matrix(names, h) for made, h in zip(self.made, hours, strict=True)]
        return np.concatenate(parts)


def rows_of(history: PlantHistory, panels: Mapping[str, tuple[float, float]] | None = None) -> RunRows:
    """The rows of one plant, from the runs of one family of sources (`usable_runs`). Where a solar plant's
    panel is neither in the registry nor in `panels`, it is looked for.
    """
    runs = sorted(usable_runs(history.runs), key=lambda r: (r.published_at_ms, r.source))
    plant = with_panel(history.plant, panels if panels is not None else _panel(history, runs))
    made = [features(plant, run) for run in runs]
    published = np.array([max(run.published_at_ms, run.known_at_ms) for run in runs], np.int64)
    run_of = np.repeat(np.arange(len(runs)), [len(m.hours_ms) for m in made])
    hours = np.concatenate([m.hours_ms for m in made]) if made else np.empty(0, np.int64)
    power = history.hourly_at(hours, clean_only=True)
    sources = tuple(sorted({run.source for run in runs}))
    return RunRows(plant, sources, common_shape(runs), published, made, run_of, hours, power)


def usable_runs(runs: Sequence[WeatherRun]) -> list[WeatherRun]:
    """The runs of the family of sources that tells of most hours, in the shape that they have in common:
    models of the weather differ too much for one to learn from several.
    """
    hours: Counter[str] = Counter()
    for run in runs:
        hours[run.family] += len(run.valid_at_ms)
    most = min(hours, key=lambda family: (-hours[family], family), default="")
    own = [run for run in runs if run.family == most]
    shape = common_shape(own)
    return [shape.cut(run) for run in own]


def _panel(history: PlantHistory, runs: Sequence[WeatherRun]) -> dict[str, tuple[float, float]]:
    plant = history.plant
    if (
        plant.kind != "solar"
        or plant.tilt_deg is not None
        or plant.latitude is None
        or plant.longitude is None
    ):
        return {}
    hours = [hour_grid(run.valid_at_ms) for run in runs]
    tables = [hourly(run.valid_at_ms, run.columns, h) for run, h in zip(runs, hours, strict=True)]
    names = set.intersection(*(set(t) for t in tables)) if tables else set()
    own = {name: np.concatenate([t[name] for t in tables]) for name in names}
    every = np.concatenate(hours) if hours else np.empty(0, np.int64)
    at = sun.means(plant.latitude, plant.longitude, every, HOUR_MS // 1000)
    found = physical.fit_panel(plant, at, own, history.hourly_at(every, clean_only=True))
    return {} if found is None else {plant.plant_id: found}


def fit(
    plants: Sequence[RunRows], solar: bool, config: TreeConfig, progress: Callable[[float], None]
) -> tuple[BoostedWeather, dict[str, Floats]]:
    """A model of one plant, or of several together, and for each the base quantiles (n, 13) out of fold of
    all rows.

    Folds are blocks of 10 days, so that what an hour's neighbours tell of it stays out of its own model.
    """
    names = _names(plants)
    usable = [np.isfinite(p.power) & _lead_allowed(p) for p in plants]
    matrix = np.concatenate([p.matrix(names, u) for p, u in zip(plants, usable, strict=True)])
    power = np.concatenate([p.power[u] for p, u in zip(plants, usable, strict=True)])
    block = np.concatenate([p.hours_ms[u] // BLOCK_MS for p, u in zip(plants, usable, strict=True)])
    needed = tuple(n for n in _own_columns(names) if primary(n, solar)) or tuple(_own_columns(names))
    panels = {p.plant.plant_id: panel for p in plants if (panel := _found(p)) is not None}
    sources = tuple(sorted({source for p in plants for source in p.sources}))
    texts = _grow(names, matrix, power, config)
    model = BoostedWeather(names, needed, texts, panels, sources, _joined(plants))
    progress(1.0 / (config.folds + 1))
    outside = {p.plant.plant_id: np.full((len(p.run), len(KNOTS)), np.nan) for p in plants}
    for fold in range(config.folds):
        inside = block % config.folds != fold
        if int(inside.sum()) < 2 * config.min_rows:
            continue  # the history is too short to leave a block out
        part = BoostedWeather(names, needed, _grow(names, matrix[inside], power[inside], config))
        for p in plants:
            rows = p.hours_ms // BLOCK_MS % config.folds == fold
            outside[p.plant.plant_id][rows] = _say(part, p, rows)
        progress((fold + 2.0) / (config.folds + 1))
    return model, outside


def _joined(plants: Sequence[RunRows]) -> RunShape:
    """All that any of the plants' runs had."""
    return RunShape(
        tuple(sorted({name for p in plants for name in p.shape.columns})),
        tuple(sorted({point for p in plants for point in p.shape.points})),
    )


def enough(rows: RunRows, config: TreeConfig) -> bool:
    """Whether there is anything to learn: weather columns, and power for a few leaves."""
    columns = {name for made in rows.made for name in made.columns}
    return bool(_own_columns(columns)) and int(np.isfinite(rows.power).sum()) >= 2 * config.min_rows


def _found(rows: RunRows) -> tuple[float, float] | None:
    tilt, azimuth = rows.plant.tilt_deg, rows.plant.azimuth_deg
    return (tilt, azimuth) if tilt is not None and azimuth is not None else None


def say(model: BoostedWeather, rows: RunRows) -> Floats:
    """Base quantiles (n, 13) of all rows."""
    return _say(model, rows, np.ones(len(rows.run), np.bool_))


def _say(model: BoostedWeather, rows: RunRows, wanted: Flags) -> Floats:
    known = np.isfinite(rows.matrix(model.needed, wanted)).mean(axis=1) >= 0.5
    q = np.full((int(wanted.sum()), len(KNOTS)), np.nan)
    if known.any():
        q[known] = model.of_matrix(rows.matrix(model.names, wanted)[known])
    return q


def _names(plants: Sequence[RunRows]) -> tuple[str, ...]:
    """Features that may be learned from: nothing of the season before a year is known, nothing of one site
    for several.
    """
    names = sorted({name for p in plants for m in p.made for name in m.columns})
    days = min(
        (int(p.hours_ms.max() - p.hours_ms.min()) // DAY_MS for p in plants if len(p.hours_ms)), default=0
    )
    if days < SEASONS_KNOWN_DAYS:
        names.remove("day_of_year")
    if len(plants) > 1:
        names = [n for n in names if n not in SITE_BOUND and not _of_other_point(n)]
    return tuple(names)


def _of_other_point(name: str) -> bool:
    return "/" in name and not name.endswith("/clear")


def _own_columns(names: Collection[str]) -> list[str]:
    return [n for n in names if not any(mark in n for mark in "@~/") and f"{n}@+1" in names]


def _lead_allowed(rows: RunRows) -> Flags:
    lead_ms = rows.hours_ms - rows.published_ms[rows.run] if len(rows.run) else rows.hours_ms
    return (lead_ms > -HOUR_MS) & (lead_ms <= MAX_LEAD_H * HOUR_MS)


def _grow(names: Sequence[str], matrix: Floats, power: Floats, config: TreeConfig) -> tuple[str, ...]:
    import lightgbm

    matrix, power = _thinned(matrix, power, config.max_rows)
    matrix, power = _with_masked(names, matrix, power, config.seed)
    shared = {"verbose": -1, "num_threads": 1, "max_bin": config.bins, "seed": config.seed} | _params(config)
    data = lightgbm.Dataset(matrix.astype(np.float32), power, params=shared, free_raw_data=False).construct()

    def grow(level: float) -> str:
        made = lightgbm.train(shared | {"alpha": level}, data, config.trees)
        return str(made.model_to_string(num_iteration=-1))

    # LightGBM's own threads wait for each other spinning, which on a busy machine is slower by a factor of
    # ten.
    with ThreadPoolExecutor(config.threads) as pool:
        return tuple(pool.map(grow, KNOTS))


def _params(config: TreeConfig) -> dict[str, object]:
    return {
        "objective": "quantile",
        "num_leaves": config.leaves,
        "learning_rate": config.rate,
        "feature_fraction": config.feature_fraction,
        "bagging_fraction": config.bagging,
        "bagging_freq": 1,
        "extra_trees": True,
        "min_data_in_leaf": config.min_rows,
        "lambda_l2": config.l2,
        "deterministic": True,
        "force_col_wise": True,
    }


def _thinned(matrix: Floats, power: Floats, most: int) -> tuple[Floats, Floats]:
    every = -(-len(power) // most) if len(power) else 1
    return matrix[::every], power[::every]


def _with_masked(names: Sequence[str], matrix: Floats, power: Floats, seed: int) -> tuple[Floats, Floats]:
    """Some rows again, each without one of the run's columns and all that was made of it."""
    own = _own_columns(names)
    draw = np.random.default_rng(seed)
    rows = np.flatnonzero(draw.random(len(power)) < MASKED)
    if len(own) < 2 or not len(rows):
        return matrix, power
    copies = matrix[rows]
    which = draw.integers(len(own), size=len(rows))
    for i, column in enumerate(own):
        made_of_it = [j for j, name in enumerate(names) if column in name]
        copies[np.ix_(which == i, made_of_it)] = np.nan
    return np.concatenate([matrix, copies]), np.concatenate([power, power[rows]])
