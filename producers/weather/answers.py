"""What is asked of a source of weather, and what it says of each place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from schemas.errors import AnswerRefused

Floats = NDArray[np.float64]
Longs = NDArray[np.int64]

HOUR_MS = 3_600_000


@dataclass(frozen=True, order=True)
class Place:
    """Where weather is asked for, in degrees. Plants nearer than the grid of any source share a place."""

    latitude: float
    longitude: float

    @classmethod
    def near(cls, latitude: float, longitude: float, step_deg: float = 0.01) -> Place:
        """The place of a grid of `step_deg` that lies nearest."""
        digits = 6
        north = round(round(latitude / step_deg) * step_deg, digits)
        east = round(round(longitude / step_deg) * step_deg, digits)
        return cls(min(max(north, -90.0), 90.0) + 0.0, (east + 180.0) % 360.0 - 180.0)

    def __str__(self) -> str:
        return f"{self.latitude:g},{self.longitude:g}"


@dataclass(frozen=True, eq=False)
class Said:
    """What a source says of one place: `valid_at_ms` i8[n]; `columns` by name with unit, f8[n], NaN missing.

    `fetched_at_ms`: when the answer had come, however often it is read from the cache later.
    `left_out`: columns of the answer that cannot be true.
    """

    place: Place
    fetched_at_ms: int
    valid_at_ms: Longs
    columns: dict[str, Floats]
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True)
class Call:
    """One request. `secret`: parameters that must stand in no log and no message."""

    url: str
    params: Mapping[str, str]
    secret: Mapping[str, str] = field(default_factory=dict, repr=False)


class Source(Protocol):
    """A source of forecasts: what to ask, and how to read the answer. Does no I/O itself."""

    @property
    def name(self) -> str:
        """As it stands in `WeatherRun.source`."""

    @property
    def batch(self) -> int:
        """Most places of one call."""

    @property
    def with_area(self) -> bool:
        """Whether the points around a plant are asked for, too."""

    def call(self, places: Sequence[Place]) -> Call:
        """The request for these places."""

    def read(self, document: Any, places: Sequence[Place], fetched_at_ms: int) -> list[Said | AnswerRefused]:
        """What a JSON document says of each place, or why that cannot be.

        Raises:
            AnswerRefused: the document as a whole is no answer.
        """
