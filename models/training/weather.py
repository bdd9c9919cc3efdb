"""The first stage: the weather models of all plants, and what they say out of fold."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from models.forecast.base import HOUR_MS, KNOTS, Flags, Floats
from models.forecast.blend import DARK_DEG, Blend, Family
from models.forecast.weather_features import RunFeatures
from models.training import fit_boosting, fit_forest, rows, samples
from models.training.config import Progress, TrainConfig, stage
from models.training.dataset import PlantHistory
from models.training.families import Plan
from models.training.lesson import Lesson, lesson_of
from models.training.rows import DAY_MS, RunRows
from models.training.samples import BaseTable

BLOCK_MS = 10 * DAY_MS
LEAST_ROWS = 160
TREES, NETS = ("boosting", "forest"), ("dense", "convolution")
Told = Callable[[float], None]


@dataclass(frozen=True)
class WeatherStage:
    """Models by plant, and by plant the base of all its runs out of fold."""

    models: dict[str, Blend]
    tables: dict[str, BaseTable]


@dataclass(frozen=True)
class _Ensemble:
    """The members of each plant of a lesson; those that all plants share are the same objects."""

    members: list[tuple[Family, ...]]

    def blend(self, i: int, plan: Plan, plant: RunRows) -> Blend:
        solar = plant.plant.kind == "solar"
        needed = rows.needed_columns(plant.shape, solar)
        weights = tuple(weight for _, weight in plan.weights)
        return Blend(self.members[i], weights, plan.spread, needed, plant.sources, plant.shape)


def fit(histories: Sequence[PlantHistory], config: TrainConfig, progress: Progress) -> WeatherStage:
    """A model for each plant that has weather and enough power, and its base out of fold.

    Trees are a plant's own where its history is long, of all plants of its kind together where it is short;
    nets learn from all of them.
    """
    made = WeatherStage({}, {})
    for kind, plan in (("wind", config.wind), ("solar", config.solar)):
        own = [rows.rows_of(h) for h in histories if h.plant.kind == kind and h.runs]
        usable = [r for r in own if rows.enough(r, LEAST_ROWS)]
        if usable:
            _of_kind(usable, plan, config, made, stage(progress, f"weather models of {kind} plants"))
    return made


def _of_kind(plants: list[RunRows], plan: Plan, config: TrainConfig, made: WeatherStage, told: Told) -> None:
    lesson = _lit(lesson_of(plants, plants[0].plant.kind == "solar"))
    rich = [p.days >= config.least_days for p in plants]
    folds = 0 if config.blind else config.folds
    whole = _members(lesson, plan, rich, config, lambda part: told(part / (folds + 1)))
    for i, plant in enumerate(plants):
        made.models[plant.plant.plant_id] = whole.blend(i, plan, plant)
    if not folds:
        return
    outside = np.full((len(lesson.power), len(KNOTS)), np.nan)
    for fold in range(folds):
        held = lesson.hours_ms // BLOCK_MS % folds == fold
        if int((lesson.known & ~held).sum()) < LEAST_ROWS:
            continue  # the history is too short to leave a block out
        part = _members(
            lesson.without(held),
            plan,
            rich,
            config,
            lambda p, f=fold: told((f + 1 + p) / (folds + 1)),  # type: ignore[misc]
        )
        for i, plant in enumerate(plants):
            own = lesson.plant == i
            outside[own & held] = say(part.blend(i, plan, plant), plant, lesson.alone(i), held[own])
    for i, plant in enumerate(plants):
        own = outside[lesson.plant == i]
        made.tables[plant.plant.plant_id] = samples.table_of(
            plant.published_ms, plant.run, plant.hours_ms, own
        )


def _lit(lesson: Lesson) -> Lesson:
    """Without the nights: they would be learned by heart, and cost the trees their leaves."""
    if "sun_elevation_deg" not in lesson.names:
        return lesson
    return lesson.without(lesson.matrix[:, lesson.names.index("sun_elevation_deg")] < DARK_DEG)


def _members(lesson: Lesson, plan: Plan, rich: list[bool], config: TrainConfig, told: Told) -> _Ensemble:
    """Every family of a plan on the known rows of a lesson; trees grow while nets learn."""
    done = [0]

    def some(wanted: tuple[str, ...], threads: int) -> dict[str, list[Family]]:
        made = {}
        for family, _ in plan.weights:
            if family in wanted:
                made[family] = (
                    _trees(family, lesson, plan, rich, config, threads)
                    if wanted == TREES
                    else [_net(family, lesson, plan, config)] * len(rich)
                )
                done[0] += 1
                told(done[0] / len(plan.weights))
        return made

    nets = [family for family, _ in plan.weights if family in NETS]
    if not nets or config.threads < 2:
        by_family = some(TREES, config.threads) | some(NETS, 1)
    else:
        with ThreadPoolExecutor(1) as pool:  # nets one after another: their chance is one for the process
            learning = pool.submit(some, NETS, 1)
            by_family = some(TREES, config.threads - 1) | learning.result()
    return _Ensemble([tuple(by_family[family][i] for family, _ in plan.weights) for i in range(len(rich))])


def _trees(
    family: str, lesson: Lesson, plan: Plan, rich: list[bool], config: TrainConfig, threads: int
) -> list[Family]:
    def grow(part: Lesson) -> Family:
        if family == "forest":
            return fit_forest.fit(part, plan.forest, config.seed)
        return fit_boosting.fit(part, plan.boosting, threads, config.seed)

    most = (plan.forest if family == "forest" else plan.boosting).max_rows
    pooled = plan.pooled and int(lesson.known.sum()) <= most
    together = None if all(rich) and not pooled else grow(lesson)
    return [
        together if together is not None and (pooled or not own) else grow(lesson.alone(i))
        for i, own in enumerate(rich)
    ]


def _net(family: str, lesson: Lesson, plan: Plan, config: TrainConfig) -> Family:
    if family == "dense":
        from models.training import fit_dense

        return fit_dense.fit(lesson, plan.dense, config.seed)
    from models.training import fit_convolution

    return fit_convolution.fit(lesson, plan.convolution, config.seed)


def say(model: Blend, plant: RunRows, lesson: Lesson, wanted: Flags) -> Floats:
    """Base quantiles (m, 13) of the wanted rows of a plant, as the model would serve them.

    `lesson` holds the rows of this plant alone. A family that looks at an hour alone is asked for all hours
    of all runs at once.
    """
    said = []
    joined = RunFeatures(np.arange(len(lesson.power), dtype=np.int64) * HOUR_MS, _columns(lesson))
    for member in model.members:
        if member.family == "convolution":
            parts = [member.say(plant.plant.plant_id, made, made.hours_ms) for made in plant.made]
            said.append(np.concatenate(parts)[wanted])
        else:
            said.append(member.say(plant.plant.plant_id, joined, joined.hours_ms[wanted]))
    return model.finished(said, joined, joined.hours_ms[wanted])


def _columns(lesson: Lesson) -> dict[str, Floats]:
    return {name: lesson.matrix[:, i].astype(np.float64) for i, name in enumerate(lesson.names)}
