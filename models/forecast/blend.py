"""The weather model of a plant: the families that were trained on its weather, averaged level by level."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

import numpy as np

from models.forecast.base import KNOTS, MEDIAN, Flags, Floats, Ints, single
from models.forecast.boosting import Boosting, Tensors
from models.forecast.convolution import Convolution
from models.forecast.dense import Dense
from models.forecast.forest import Forest
from models.forecast.limits import LOWEST_SHARE
from models.forecast.weather_features import RunFeatures, RunShape, features
from schemas.records import family_of

if TYPE_CHECKING:
    from schemas.records import PlantVersion, WeatherRun

NEEDED = 0.5  # part of the columns that matter most which an hour must have, or the run says nothing about it
DARK_DEG = -10.0  # mean elevation of the sun under which no model speaks: nothing comes


class Family(Protocol):
    """One way to turn features into quantiles, as it is served."""

    family: ClassVar[str]

    @property
    def names(self) -> tuple[str, ...]:
        """The features that it asks for."""
        ...

    def say(self, plant_id: str, made: RunFeatures, hours_ms: Ints) -> Floats:
        """Quantiles (n, 13) of the mean power of hours, in shares of capacity; an hour's are the same bits
        whatever else is asked for.
        """
        ...

    def packed(self) -> tuple[dict[str, Any], Tensors]:
        """JSON-able settings and tensors that `unpacked` makes it of again."""
        ...


FAMILIES: Mapping[str, type[Boosting | Forest | Dense | Convolution]] = {
    kind.family: kind for kind in (Boosting, Forest, Dense, Convolution)
}


@dataclass(frozen=True, eq=False)
class Blend:
    """Members with their weights; distances to the median of their mean are stretched by `spread`.

    `needed` are the run's own columns that matter most (wind, or radiation and cloud), `sources` the weather
    that it learned from, and `shape` what of it.
    """

    members: tuple[Family, ...]
    weights: tuple[float, ...]
    spread: float
    needed: tuple[str, ...]
    sources: tuple[str, ...] = ()
    shape: RunShape = field(default_factory=RunShape)

    @property
    def names(self) -> tuple[str, ...]:
        """Every feature that a member asks for."""
        return tuple(sorted({name for member in self.members for name in member.names}))

    def knows(self, run: WeatherRun) -> bool:
        """Whether the run is of a family of sources that the model learned from."""
        return run.family in self._families

    @cached_property
    def _families(self) -> frozenset[str]:
        return frozenset(family_of(source) for source in self.sources)

    def base(self, plant: PlantVersion, run: WeatherRun, hours_ms: Ints) -> Floats:
        """Quantiles (n, 13) of the mean power of the hours that end at `hours_ms`, in shares of capacity.

        NaN where the run does not reach or lacks most of what the model needs.
        """
        return self.of_features(plant.plant_id, features(plant, self.shape.cut(run)), hours_ms)

    def of_features(self, plant_id: str, made: RunFeatures, hours_ms: Ints) -> Floats:
        """The same from features that were made before."""
        q = np.zeros((len(hours_ms), len(KNOTS)))
        silent = self._silent(q, made, hours_ms)
        asked = hours_ms[~silent]
        if asked.size:
            q[~silent] = self.together([member.say(plant_id, made, asked) for member in self.members])
        return q

    def finished(self, said: list[Floats], made: RunFeatures, hours_ms: Ints) -> Floats:
        """What the members say together, NaN where what matters most is missing, 0 in the night."""
        q = self.together(said)
        self._silent(q, made, hours_ms)
        return q

    def _silent(self, q: Floats, made: RunFeatures, hours_ms: Ints) -> Flags:
        """Set the hours that no member need be asked about, and say which these are (n,)."""
        known = np.isfinite(made.matrix(self.needed, hours_ms)).mean(axis=1) >= NEEDED
        dark = made.matrix(("sun_elevation_deg",), hours_ms)[:, 0] < DARK_DEG
        q[dark] = 0.0
        q[~known] = np.nan
        return np.asarray(dark | ~known)

    def together(self, said: list[Floats]) -> Floats:
        """Rising quantiles (n, 13) from those of the members."""
        total = np.zeros_like(said[0])
        for q, weight in zip(said, self.weights, strict=True):
            total = total + np.sort(q, axis=1) * (weight / sum(self.weights))
        middle = total[:, MEDIAN : MEDIAN + 1]
        return single(np.sort(np.clip(middle + self.spread * (total - middle), LOWEST_SHARE, 1.0), axis=1))
