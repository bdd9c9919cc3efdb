"""A lesson: the rows of one plant, or of several together, as every family of weather models takes them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from models.forecast.area import AreaView
from models.forecast.base import Flags, Floats, Ints
from models.training.rows import DAY_MS, RunRows, joined_shape, own_columns

SEASONS_KNOWN_DAYS = 330
MASKED = 0.1  # of the rows are shown again with a column taken away
#: What is made of a column under another name.
MADE_OF = {"shortwave": "panel_", "ghi": "panel_", "temperature": "panel_power"}
NOT_OF_WEATHER = ("panel_clear_kw_m2", "panel_incidence", "panel_tilt_deg", "panel_azimuth_deg")


@dataclass(frozen=True, eq=False)
class Lesson:
    """Rows (n,) of runs of plants: runs of a plant stand together, hours rise within a run.

    `matrix` (n, F) of `names`, `power` (n,) in shares, NaN where unknown or not to be learned from, `plant`
    (n,) its place in `plants`, `run` (n,) a number that changes from run to run.
    """

    plants: tuple[str, ...]
    solar: bool
    own: tuple[str, ...]  # columns of the plant's own place
    names: tuple[str, ...]
    matrix: NDArray[np.float32]
    power: Floats
    plant: Ints
    run: Ints
    hours_ms: Ints

    def of(self, names: Sequence[str], rows: Flags) -> NDArray[np.float32]:
        """Named features of the rows of a mask, NaN where no run has them."""
        where = {name: i for i, name in enumerate(self.names)}
        picked = self.matrix[rows]
        unknown = np.full(len(picked), np.nan, np.float32)
        return np.stack([picked[:, where[n]] if n in where else unknown for n in names], axis=1)

    def without(self, rows: Flags) -> Lesson:
        """The same with the power of some rows hidden."""
        return replace(self, power=np.where(rows, np.nan, self.power))

    def alone(self, plant: int) -> Lesson:
        """The rows of one plant."""
        rows = self.plant == plant
        arrays = ("matrix", "power", "run", "hours_ms")
        kept = {name: getattr(self, name)[rows] for name in arrays}
        return replace(self, plants=(self.plants[plant],), plant=np.zeros(int(rows.sum()), np.int64), **kept)

    @property
    def known(self) -> Flags:
        """Rows to learn from."""
        return np.isfinite(self.power)

    @property
    def row_names(self) -> tuple[str, ...]:
        """Features that mean the same in every row: nothing of the season before a year of it is known;
        for several plants nothing of one grid point, and no hour that is another one elsewhere.
        """
        several = len(self.plants) > 1
        days = int(self.hours_ms.max() - self.hours_ms.min()) // DAY_MS if len(self.hours_ms) else 0
        left_out = {"day_of_year"} if days < SEASONS_KNOWN_DAYS else set()
        left_out |= {"hour_utc"} if several else set()
        return tuple(n for n in self.names if n not in left_out and not (several and of_point(n)))


def lesson_of(plants: Sequence[RunRows], solar: bool) -> Lesson:
    """The lesson of some plants of one kind."""
    shape = joined_shape(plants)
    names = tuple(sorted({name for p in plants for made in p.made for name in made.columns}))
    runs = np.cumsum([0, *(len(p.made) for p in plants)])
    joined = [np.where(p.learnable, p.power, np.nan) for p in plants]
    return Lesson(
        plants=tuple(p.plant.plant_id for p in plants),
        solar=solar,
        own=own_columns(shape),
        names=names,
        matrix=np.concatenate([p.matrix(names) for p in plants]),
        power=np.concatenate(joined),
        plant=np.repeat(np.arange(len(plants)), [len(p.run) for p in plants]),
        run=np.concatenate([p.run + first for p, first in zip(plants, runs[:-1], strict=True)]),
        hours_ms=np.concatenate([p.hours_ms for p in plants]),
    )


def area_view(lesson: Lesson, own: tuple[str, ...], neighbours: bool) -> AreaView:
    """What a net for all plants of a lesson sees of their area, with or without neighbours in time."""
    grid = [n for n in lesson.names if of_point(n) and (neighbours or "@" not in n)]
    points = tuple(sorted({n.split("/")[0] for n in grid} | set(lesson.plants))) if grid else ()
    columns = tuple(sorted({n.split("/", 1)[1] for n in grid}))
    days = int(lesson.hours_ms.max() - lesson.hours_ms.min()) // DAY_MS if len(lesson.hours_ms) else 0
    return AreaView(own, points, columns, seasons=days >= SEASONS_KNOWN_DAYS)


def of_point(name: str) -> bool:
    """Whether a feature is of a named grid point of the area."""
    return "/" in name and not name.endswith(("/clear", "/clear~day")) and not name.startswith("area/")


def groups(own: Sequence[str], names: Collection[str]) -> list[list[int]]:
    """For each own column the places of the features that are made of it."""
    made = []
    for column in own:
        also = [mark for part, mark in MADE_OF.items() if part in column]
        made.append(
            [
                i
                for i, name in enumerate(names)
                if name not in NOT_OF_WEATHER and (column in name or any(mark in name for mark in also))
            ]
        )
    return made


def with_masked(
    lesson: Lesson, names: Sequence[str], matrix: NDArray[np.float32], power: Floats, seed: int
) -> tuple[NDArray[np.float32], Floats]:
    """Some rows again, each without one of the run's columns and all that was made of it, so that trees know
    what to do when it is missing.
    """
    draw = np.random.default_rng(seed)
    rows = np.flatnonzero(draw.random(len(power)) < MASKED)
    if len(lesson.own) < 2 or not len(rows):
        return matrix, power
    copies = matrix[rows]
    which = draw.integers(len(lesson.own), size=len(rows))
    for i, places in enumerate(groups(lesson.own, names)):
        copies[np.ix_(which == i, places)] = np.nan
    return np.concatenate([matrix, copies]), np.concatenate([power, power[rows]])
