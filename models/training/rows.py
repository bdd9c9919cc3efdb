"""The rows that weather models learn from: every hour of a plant's runs, and the power that came."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.forecast.base import HOUR_MS, Flags, Floats, Ints
from models.forecast.run_hours import with_components
from models.forecast.weather_features import RunFeatures, RunShape, common_shape, features, primary
from models.training.dataset import PlantHistory
from schemas.records import PlantVersion, WeatherRun

DAY_MS = 86_400_000
MAX_LEAD_H = 48


@dataclass(frozen=True, eq=False)
class RunRows:
    """Every hour that a plant's runs speak of, one row each, runs in the order of publication.

    `run` (n,) is the index of the run, `hours_ms` (n,) the end of the hour, `power` (n,) its share, NaN
    where unknown or not the weather's doing.
    """

    plant: PlantVersion
    sources: tuple[str, ...]
    shape: RunShape
    published_ms: Ints  # (runs,)
    made: list[RunFeatures]
    run: Ints
    hours_ms: Ints
    power: Floats

    def matrix(self, names: Sequence[str], rows: Flags | None = None) -> NDArray[np.float32]:
        """Named features of the rows of a mask, or of all."""
        wanted = np.ones(len(self.run), np.bool_) if rows is None else rows
        if not self.made:
            return np.empty((0, len(names)), np.float32)
        ends = np.cumsum([len(made.hours_ms) for made in self.made])[:-1]
        hours = [h[w] for h, w in zip(np.split(self.hours_ms, ends), np.split(wanted, ends), strict=True)]
        return np.concatenate([m.matrix(names, h) for m, h in zip(self.made, hours, strict=True)])

    @property
    def in_reach(self) -> Flags:
        """Rows (n,) as forecasts use them: at most 48 h ahead, or of the newest run that speaks of the hour
        where none is so near (a month's weather at its start).
        """
        if not len(self.run):
            return np.empty(0, np.bool_)
        lead_ms = self.hours_ms - self.published_ms[self.run]
        near = (lead_ms > -HOUR_MS) & (lead_ms <= MAX_LEAD_H * HOUR_MS)
        newest: dict[int, int] = dict(zip(self.hours_ms.tolist(), self.run.tolist(), strict=True))
        covered = set(self.hours_ms[near].tolist())
        last = np.array([newest[h] for h in self.hours_ms.tolist()]) == self.run
        lonely = np.array([h not in covered for h in self.hours_ms.tolist()])
        return np.asarray(near | (lonely & last & (lead_ms > 0)))

    @property
    def days(self) -> int:
        """Days with power to learn from."""
        return len(np.unique(self.hours_ms[np.isfinite(self.power)] // DAY_MS))

    @property
    def learnable(self) -> Flags:
        """Rows (n,) with power, as forecasts use them."""
        return np.isfinite(self.power) & self.in_reach


def rows_of(history: PlantHistory) -> RunRows:
    """The rows of one plant, from the runs of one family of sources (`usable_runs`)."""
    runs = sorted(usable_runs(history.runs), key=lambda r: (r.published_at_ms, r.source))
    made = [features(history.plant, run) for run in runs]
    published = np.array([max(run.published_at_ms, run.known_at_ms) for run in runs], np.int64)
    run_of = np.repeat(np.arange(len(runs)), [len(m.hours_ms) for m in made])
    hours = np.concatenate([m.hours_ms for m in made]) if made else np.empty(0, np.int64)
    power = history.hourly_at(hours, clean_only=True)
    sources = tuple(sorted({run.source for run in runs}))
    return RunRows(history.plant, sources, common_shape(runs), published, made, run_of, hours, power)


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


def joined_shape(plants: Sequence[RunRows]) -> RunShape:
    """All that any of the plants' runs had."""
    return RunShape(
        tuple(sorted({name for p in plants for name in p.shape.columns})),
        tuple(sorted({point for p in plants for point in p.shape.points})),
    )


def own_columns(shape: RunShape) -> tuple[str, ...]:
    """The columns of a plant's own place as features have them, wind directions as components."""
    return tuple(sorted(with_components({name: np.empty(0) for name in shape.columns})))


def needed_columns(shape: RunShape, solar: bool) -> tuple[str, ...]:
    """The own columns that matter most for this kind of plant; all where there are none such."""
    own = own_columns(shape)
    return tuple(n for n in own if primary(n, solar)) or own


def enough(rows: RunRows, least_rows: int) -> bool:
    """Whether there is anything to learn: weather columns, and power of some hours."""
    return bool(rows.shape.columns) and int(np.isfinite(rows.power).sum()) >= least_rows
