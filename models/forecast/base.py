"""The two protocols of a forecast, and the quantile knots that everything inside speaks.

A weather model turns one weather run into base quantiles, a few times a day. A correction pulls the base
towards what the plant does now, at every issue. Both work in shares of capacity (kW / capacity_kw) at the
13 levels of `KNOTS`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

if TYPE_CHECKING:
    from schemas.records import PlantVersion, WeatherRun

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]
Reals = NDArray[np.floating[Any]]  # singles where they are served, doubles where they are learned from
Number = TypeVar("Number", bound=np.generic)
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

KNOTS: tuple[float, ...] = (0.01, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99)
LOW, MEDIAN, HIGH = KNOTS.index(0.1), KNOTS.index(0.5), KNOTS.index(0.9)
TRAILING_HOURS = 24
HOUR_MS = 3_600_000


@dataclass(frozen=True)
class CorrectionInput:
    """What a correction sees at N issues of S steps each; powers in shares of capacity, missing = NaN.

    `trailing[:, i]` is the mean of the hour that ends i hours before the issue; `last` is the newest complete
    interval of the plant's resolution and `last_age_s` the time from its end to the issue. `base` is the
    weather base where `weather_based` (of the physical start where `physical`), the climatology elsewhere.
    `base_last` and `base_trailing` are likewise the base at those intervals, and `usual_last` and
    `usual_trailing` the climatology, so that a step is always corrected by where the plant stood in a base of
    the step's own kind.
    """

    plant_ids: list[str]
    is_solar: Flags  # (N,)
    last: Floats  # (N,)
    last_age_s: Floats  # (N,)
    base_last: Reals  # (N, 13)
    trailing: Floats  # (N, 24)
    base_trailing: Reals  # (N, 24, 13)
    usual_last: Reals  # (N, 13)
    usual_trailing: Reals  # (N, 24, 13)
    base: Reals  # (N, S, 13)
    lead_s: Floats  # (N, S)
    interval_s: Floats  # (N, S)
    daylight: Flags  # (N, S)
    hour_of_day: Floats  # (N, S), UTC hour of the end of the step, with its fraction
    issue_hour: Floats  # (N,), UTC hour of the issue, with its fraction
    weather_based: Flags  # (N, S)
    physical: Flags  # (N, S)

    @cached_property
    def standing(self) -> tuple[Floats, Floats]:
        """Normal scores of `last` (N,) and `trailing` (N, 24) in the base; every correction asks for them."""
        from models.forecast.normal_scores import score  # it speaks in the knots of this file

        shares = np.concatenate([self.last[:, None], self.trailing], axis=1)
        found = score(shares, np.concatenate([self.base_last[:, None], self.base_trailing], axis=1))
        return found[:, 0], found[:, 1:]

    def base_points(self) -> Singles:
        """The base as planes that rise, with one more at each end, (15, N * S)."""
        from models.forecast.normal_scores import knots, with_ends

        return with_ends(knots(self.base).astype(np.float32, copy=False))

    @cached_property
    def lead_rows(self) -> Floats:
        """`lead_s` once where it is the same for all issues, (1, S), else as it is, (N, S)."""
        return once(self.lead_s)

    def take(self, rows: slice | NDArray[np.int64]) -> CorrectionInput:
        """The same input for some of the issues."""
        picked = {f.name: getattr(self, f.name)[rows] for f in fields(self) if f.name != "plant_ids"}
        if isinstance(rows, slice):
            return CorrectionInput(plant_ids=self.plant_ids[rows], **picked)
        ids = np.asarray(self.plant_ids, dtype=object)[rows].tolist()
        return CorrectionInput(plant_ids=ids, **picked)


def once(values: Floats) -> Floats:
    """The first row (1, ...) where all rows are the same, else all: what follows from one is made once."""
    return values[:1] if bool((values == values[:1]).all()) else values


def planes_of(values: NDArray[Number]) -> NDArray[Number]:
    """Values (..., K) as K planes, (K, ...), in the same place; `np.moveaxis` takes ten times as long."""
    return values.transpose(values.ndim - 1, *range(values.ndim - 1))


def as_planes(values: NDArray[Number]) -> NDArray[Number]:
    """The same as planes of their own: a view where they lie so already."""
    return np.ascontiguousarray(planes_of(values))


def of_planes(planes: NDArray[Number]) -> NDArray[Number]:
    """Planes (K, ...) as values (..., K), in the same place."""
    return planes.transpose(*range(1, planes.ndim), 0)


class WeatherModel(Protocol):
    """Base quantiles from a weather run; the expensive stage."""

    def knows(self, run: WeatherRun) -> bool:
        """Whether the run is of a source that the model can judge; others go through the physical start."""
        ...

    def base(self, plant: PlantVersion, run: WeatherRun, hours_ms: Ints) -> Floats:
        """Quantiles (n, 13) of the mean power of the hours that end at `hours_ms` (whole UTC hours).

        Rows that the run cannot say anything about are NaN.
        """
        ...


class Correction(Protocol):
    """Pulls base quantiles towards the plant's newest telemetry; the cheap stage."""

    def correct(self, x: CorrectionInput) -> Singles:
        """Quantiles (N, S, 13), rising along the last axis, the same bits in whatever batch an issue
        stands.
        """
        ...


def to_levels(q: Reals, levels: Sequence[float]) -> Reals:
    """Quantiles at `levels` (..., K) from quantiles at `KNOTS` (..., 13), linear in the level, flat beyond
    the ends.
    """
    knots = np.asarray(KNOTS)
    wanted = np.clip(np.asarray(levels, dtype=float), knots[0], knots[-1])
    right = np.clip(np.searchsorted(knots, wanted), 1, len(knots) - 1)
    weight = (wanted - knots[right - 1]) / (knots[right] - knots[right - 1])
    planes = as_planes(q)
    made = planes[right]
    for i in np.flatnonzero(weight < 1.0).tolist():
        lower = planes[right[i] - 1]
        made[i] = lower + weight[i] * (made[i] - lower)
    return of_planes(made)


def to_knots(q: Floats, levels: Sequence[float]) -> Floats:
    """Quantiles at `KNOTS` (..., 13) from rising quantiles at `levels` (..., K), linear in the level, flat
    beyond the ends.
    """
    given = np.asarray(levels, dtype=float)
    wanted = np.clip(np.asarray(KNOTS), given[0], given[-1])
    right = np.clip(np.searchsorted(given, wanted), 1, len(given) - 1)
    weight = (wanted - given[right - 1]) / (given[right] - given[right - 1])
    lower, upper = q[..., right - 1], q[..., right]
    return np.where(weight >= 1.0, upper, lower + weight * (upper - lower))


def single(values: ArrayLike) -> Floats:
    """The values as float64 that float32 holds exactly, so that a release gives them back bit for bit."""
    return np.asarray(values, dtype=np.float32).astype(np.float64)
