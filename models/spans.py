"""Base quantiles on whole hours, and the intervals between them: what a stretch of hours says at any time.

A span holds what is known of one plant's hours, `Spans` that of N plants at an issue.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from models.forecast.base import HOUR_MS, KNOTS, Singles, as_planes, of_planes
from models.release import Base

I8 = NDArray[np.int64]
Flags = NDArray[np.bool_]
F8 = NDArray[np.float64]
Real = TypeVar("Real", np.float32, np.float64)
#: Knots (N, M, k) of hours (N, M) by number; clear-sky power of intervals by their ends and lengths.
AtHours = Callable[[I8], NDArray[Real]]
ClearOf = Callable[[I8, I8], F8]

PAST_H: Final = 26  # hours behind the clock whose base the correction and the detectors look at
#: A forecast by a trained model is worth one by the physical start of a run that is so much newer.
START_BEHIND_MS: Final = 48 * HOUR_MS
FAR_MS: Final = int(np.iinfo(np.int64).max)
_WRITTEN: Final = count()


@dataclass
class Span:
    """Values of consecutive whole hours: row i is the hour that ends at ``(first + i) * 1 h``.

    `worth_ms` is when the run was published that the hour is of, less `START_BEHIND_MS` where `physical`.
    """

    first: int = 0
    knots: NDArray[np.float32] = field(default_factory=lambda: np.empty((0, len(KNOTS)), np.float32))
    worth_ms: I8 = field(default_factory=lambda: np.empty(0, np.int64))
    physical: Flags = field(default_factory=lambda: np.empty(0, np.bool_))
    #: Of all spans only this one, as it stands now, has the number.
    written: int = field(default_factory=_WRITTEN.__next__, repr=False)

    @property
    def end(self) -> int:
        return self.first + len(self.knots)

    def write(self, hours: I8, base: Base, published_ms: int) -> None:
        """Take the hours that nothing of as much worth is known of; rows with NaN are passed over."""
        good = np.isfinite(base.q).all(axis=1)
        if not good.any():
            return
        hours, knots, physical = hours[good], base.q[good], base.physical[good]
        self._cover(int(hours.min()), int(hours.max()) + 1)
        place = hours - self.first
        worth_ms = published_ms - START_BEHIND_MS * physical
        self._put(place, self.worth_ms[place] < worth_ms, knots, worth_ms, physical)

    def take_over(self, newer: Span) -> None:
        """Take the hours of another span that nothing of more worth is known of."""
        if len(newer.knots):
            self._cover(newer.first, newer.end)
            place = np.arange(newer.first, newer.end) - self.first
            better = (self.worth_ms[place] <= newer.worth_ms) & (newer.worth_ms > -FAR_MS)
            self._put(place, better, newer.knots, newer.worth_ms, newer.physical)

    def _put(
        self, place: I8, better: Flags, knots: NDArray[np.floating], worth_ms: I8, physical: Flags
    ) -> None:
        self.written = next(_WRITTEN)
        self.knots[place[better]] = knots[better]
        self.worth_ms[place[better]] = worth_ms[better]
        self.physical[place[better]] = physical[better]

    def worth_at(self, hours: I8) -> I8:
        """`worth_ms` of hours, less than any where nothing is known."""
        place = hours - self.first
        inside = (place >= 0) & (place < len(self.knots))
        worth_ms = np.full(hours.shape, -FAR_MS)
        worth_ms[inside] = self.worth_ms[place[inside]]
        return worth_ms

    def _cover(self, first: int, end: int) -> None:
        if not len(self.knots):
            self.first = first
        before, after = max(self.first - first, 0), max(end - self.end, 0)
        if before or after:
            self.first -= before
            self.knots = np.pad(self.knots, ((before, after), (0, 0)), constant_values=np.nan)
            self.worth_ms = np.pad(self.worth_ms, (before, after), constant_values=-FAR_MS)
            self.physical = np.pad(self.physical, (before, after), constant_values=False)

    def forget_before(self, hour: int) -> None:
        """Let go of the hours before this one."""
        gone = min(max(hour - self.first, 0), len(self.knots))
        if gone > 24:
            self.first += gone
            self.written = next(_WRITTEN)
            self.knots, self.worth_ms = self.knots[gone:].copy(), self.worth_ms[gone:].copy()
            self.physical = self.physical[gone:].copy()

    def knows(self, hour: int) -> bool:
        """Whether anything is known of an hour."""
        return self.first <= hour < self.end and bool(np.isfinite(self.knots[hour - self.first, 0]))


@dataclass(frozen=True)
class Spans:
    """What the spans of N plants say, to be read by the number of the hour.

    Of `knots` (places, 13) the last place is NaN, for what nobody knows; `physical` (places,) is None where
    nothing is. `scale` (N,) is what hours of the physical start are multiplied by, `which` knots of all are
    read.
    """

    knots: Singles
    physical: Flags | None
    first: I8  # (N,)
    start: I8  # (N,) place of each plant's first hour
    count: I8 | int  # hours of each
    scale: Singles | None = None
    which: slice | None = None

    @classmethod
    def of(cls, spans: Sequence[Span]) -> Spans:
        """The spans as they stand now, one after another; they are copied."""
        hours = np.array([len(span.knots) for span in spans], np.int64)
        physical = np.concatenate([*(span.physical for span in spans), _NOT_PHYSICAL])
        return cls(
            np.concatenate([*(span.knots for span in spans), _UNKNOWN]),
            physical if physical.any() else None,
            np.array([span.first for span in spans], np.int64),
            np.cumsum(hours) - hours,
            hours,
        )

    def of_knots(self, which: slice) -> Spans:
        """The same for some of the knots."""
        return replace(self, which=which)

    def scaled(self, scale: Callable[[], F8]) -> Spans:
        """The same with hours of the physical start multiplied by their plant's ``scale``, (N,)."""
        return self if self.physical is None else replace(self, scale=scale().astype(np.float32))

    def __call__(self, hours: I8) -> Singles:
        """Knots of hours (N, M), NaN where unknown: shape (N, M, k), plane by plane."""
        places = self._places(hours)
        found = self.knots.take(places, axis=0, mode="clip")[..., self.which or slice(None)]
        made = as_planes(found)
        if self.physical is not None and self.scale is not None:
            made *= np.where(self.physical[places], self.scale[:, None], np.float32(1.0))
        return of_planes(made)

    def starts(self, hours: I8) -> Flags:
        """Which hours (N, M) are of the physical start."""
        if self.physical is None:
            return np.zeros(hours.shape, np.bool_)
        return np.asarray(self.physical[self._places(hours)])

    def take(self, plants: I8) -> Spans:
        """The same for some of the plants."""
        hours = self.count if isinstance(self.count, int) else self.count[plants]
        scale = None if self.scale is None else self.scale[plants]
        return replace(self, first=self.first[plants], start=self.start[plants], count=hours, scale=scale)

    def _places(self, hours: I8) -> I8:
        place = hours - self.first[:, None]
        hours_of = self.count if isinstance(self.count, int) else self.count[:, None]
        outside = (place < 0) | (place >= hours_of)
        place += self.start[:, None]
        np.copyto(place, len(self.knots) - 1, where=outside)
        return place


_UNKNOWN: Final = np.full((1, len(KNOTS)), np.nan, np.float32)
_NOT_PHYSICAL: Final = np.zeros(1, np.bool_)


def touched(end_ms: I8) -> tuple[I8, I8]:
    """By plant the first hour, and the one after the last, that intervals which end at `end_ms` (N, M) are
    told by.
    """
    return hour_of(end_ms.min(axis=1)) - 1, hour_of(end_ms.max(axis=1)) + 2


def hour_of(end_ms: I8) -> I8:
    """Number of the hour that an interval lies in, or ends in."""
    return -(-end_ms // HOUR_MS)


def clear_shape(clear_of: ClearOf, end_ms: I8, interval_s: I8) -> F8:
    """Clear-sky power of intervals, of their own hour and of the hour that they lie towards, (..., 3)."""
    own = hour_of(end_ms) * HOUR_MS
    other = own + np.sign(end_ms - interval_s * 500 - own + HOUR_MS // 2) * HOUR_MS
    hour = np.full(own.shape, 3600)
    return np.stack([clear_of(end_ms, interval_s), clear_of(own, hour), clear_of(other, hour)], axis=-1)


def at_intervals(at_hours: AtHours[Real], end_ms: I8, interval_s: I8, shape: F8 | None) -> NDArray[Real]:
    """Knots of intervals inside or across whole hours, by the time of the interval's middle.

    A whole UTC hour is that hour. Another interval lies on the line between the middles of two hours; an
    interval whose own hour is unknown is unknown.

    :param at_hours: knots (N, M, k) of hours (N, M) by number, an array of its own each time
    :param end_ms, interval_s: (N, M)
    :param shape: (N, M, 3) for solar plants the clear-sky power of the interval, of its own hour and of the
        other hour: the line is drawn through shares of the clear sky; None to draw it through power
    """
    middle = end_ms - interval_s * 500
    own = hour_of(end_ms)
    away = middle - (own * HOUR_MS - HOUR_MS // 2)
    here, there = at_hours(own), at_hours(own + np.sign(away))
    weight = (np.abs(away) / HOUR_MS).astype(here.dtype)
    if shape is not None:
        clear = np.maximum(shape, 1e-3)
        here *= (clear[..., :1] / clear[..., 1:2]).astype(here.dtype)
        there *= (clear[..., :1] / clear[..., 2:3]).astype(here.dtype)
    np.copyto(there, here, where=np.isnan(there))
    there -= here
    there *= weight[..., None]
    there += here
    return there


def in_block(block: F8, first: I8) -> AtHours[np.float64]:
    """The hours of a block (N, hours, 13) whose first ones have the numbers ``first`` (N,)."""

    def at_hours(hours: I8) -> F8:
        place = hours - first[:, None]
        inside = (place >= 0) & (place < block.shape[1])
        rows = np.arange(len(block))[:, None]
        return np.where(inside[..., None], block[rows, np.clip(place, 0, block.shape[1] - 1)], np.nan)

    return at_hours
