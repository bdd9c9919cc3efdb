"""What nets see of an hour: features of the plant itself, and of every grid point of the area in its slot, so
that one net can learn from all plants.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.forecast.base import Floats, Ints
from models.forecast.weather_features import RunFeatures

DAYS_OF_YEAR = 365.2425
CLOCK = 4  # inputs that tell the time


@dataclass(frozen=True)
class AreaView:
    """`own` features of the plant, `columns` of each of `points`; a plant that is one of the points finds its
    own features in its slot. `seasons`: whether the time of the year may be looked at.
    """

    own: tuple[str, ...]
    points: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    seasons: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """Every feature that is asked for."""
        slots = (f"{point}/{column}" for point in self.points for column in self.columns)
        return tuple(dict.fromkeys((*self.own, *(self.columns if self.points else ()), *slots)))

    @property
    def grid(self) -> int:
        """How many inputs come before the plant's own: those of the points."""
        return len(self.points) * len(self.columns)

    def of(self, plant_id: str, made: RunFeatures, hours_ms: Ints) -> Floats:
        """Inputs (n, grid + own + CLOCK) of a plant's hours."""
        return self.of_table(plant_id, made.matrix(self.names, hours_ms), hours_ms)

    def of_table(self, plant_id: str, table: NDArray[np.floating], hours_ms: Ints) -> Floats:
        """The same from the named features (n, names)."""
        place = {name: i for i, name in enumerate(self.names)}
        slots = [
            table[:, place[column if point == plant_id else f"{point}/{column}"]]
            for point in self.points
            for column in self.columns
        ]
        own = [table[:, place[name]] for name in self.own]
        return np.stack([*slots, *own, *clock(hours_ms, self.seasons)], axis=1).astype(np.float64)

    def head(self) -> dict[str, Any]:
        """What a release file holds of it."""
        return {"own": self.own, "points": self.points, "columns": self.columns, "seasons": self.seasons}

    @classmethod
    def of_head(cls, head: Mapping[str, Any]) -> AreaView:
        """The view of `head`."""
        own, points, columns = (tuple(head[name]) for name in ("own", "points", "columns"))
        return cls(own, points, columns, bool(head["seasons"]))


def clock(hours_ms: Ints, seasons: bool) -> list[Floats]:
    """Where in the UTC day and in the year each hour (n,) lies, on two circles."""
    day = (hours_ms / 3_600_000.0 - 0.5) / 24.0
    year = day / DAYS_OF_YEAR * (2.0 * np.pi) * seasons
    turn = day * (2.0 * np.pi)
    return [np.sin(turn), np.cos(turn), np.sin(year), np.cos(year)]
