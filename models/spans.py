"""Base quantiles on whole hours, and the intervals between them: what a stretch of hours says at any time.

A span holds what is known of one plant's hours; a block is a stretch of the same length for N plants.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models import sun
from models.forecast.base import HOUR_MS, KNOTS
from models.release import Base
from schemas.records import PlantVersion

I8 = NDArray[np.int64]
Flags = NDArray[np.bool_]
F8 = NDArray[np.float64]

PAST_H: Final = 26  # hours behind the clock whose base the correction and the detectors look at
#: A forecast by a trained model is worth one by the physical start of a run that is so much newer.
START_BEHIND_MS: Final = 48 * HOUR_MS
FAR_MS: Final = int(np.iinfo(np.int64).max)


@dataclass
class Span:
    """Values of consecutive whole hours: row i is the hour that ends at ``(first + i) * 1 h``.

    `worth_ms` is when the run was published that the hour is of, less `START_BEHIND_MS` where `physical`.
    """

    first: int = 0
    knots: NDArray[np.float32] = field(default_factory=lambda: np.empty((0, len(KNOTS)), np.float32))
    worth_ms: I8 = field(default_factory=lambda: np.empty(0, np.int64))
    physical: Flags = field(default_factory=lambda: np.empty(0, np.bool_))

    @property
    def end(self) -> int:
        return self.first + len(self.knots)

    def write(self, hours: I8, base: Base, published_ms: int) -> None:
        """Take the hours that nothing of more worth is known of; rows with NaN are passed over."""
        good = np.isfinite(base.q).all(axis=1)
        if not good.any():
            return
        hours, knots, physical = hours[good], base.q[good], base.physical[good]
        self._cover(int(hours.min()), int(hours.max()) + 1)
        place = hours - self.first
        worth_ms = published_ms - START_BEHIND_MS * physical
        better = self.worth_ms[place] <= worth_ms
        self.knots[place[better]] = knots[better]
        self.worth_ms[place[better]] = worth_ms[better]
        self.physical[place[better]] = physical[better]

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
            self.knots, self.worth_ms = self.knots[gone:].copy(), self.worth_ms[gone:].copy()
            self.physical = self.physical[gone:].copy()

    def knows(self, hour: int) -> bool:
        """Whether anything is known of an hour."""
        return self.first <= hour < self.end and bool(np.isfinite(self.knots[hour - self.first, 0]))

    def copy_into(self, block: NDArray[np.floating], first: int) -> None:
        """Fill the rows of ``block`` (hours from ``first`` on) that are known."""
        there, here = self._common(first, len(block))
        block[there] = self.knots[here]

    def mark(self, flags: Flags, first: int) -> None:
        """Set those of ``flags`` (hours from ``first`` on) that are of the physical start."""
        there, here = self._common(first, len(flags))
        flags[there] = self.physical[here]

    def _common(self, first: int, count: int) -> tuple[slice, slice]:
        """The hours that a stretch and the span have in common, as places in each."""
        low = max(first, self.first)
        high = max(min(first + count, self.end), low)
        return slice(low - first, high - first), slice(low - self.first, high - self.first)


def block_of(spans: list[Span], first: I8, hours: int) -> F8:
    """Knots of N plants over a stretch of hours each, NaN where unknown: shape (N, hours, 13)."""
    block = np.full((len(spans), hours, len(KNOTS)), np.nan)
    for row, span in enumerate(spans):
        span.copy_into(block[row], int(first[row]))
    return block


def starts_of(spans: list[Span], first: I8, hours: int) -> Flags:
    """Which hours of N plants over a stretch each are of the physical start: shape (N, hours)."""
    flags = np.zeros((len(spans), hours), np.bool_)
    for row, span in enumerate(spans):
        if span.physical.any():
            span.mark(flags[row], int(first[row]))
    return flags


def hour_of(end_ms: I8) -> I8:
    """Number of the hour that an interval lies in, or ends in."""
    return -(-end_ms // HOUR_MS)


def clear_shape(plant: PlantVersion, end_ms: I8, interval_s: I8) -> F8 | None:
    """Clear-sky power of intervals, of their own hour and of the hour that they lie towards, shape (..., 3).

    None for what has no sun: a wind farm, a plant without position.
    """
    if plant.kind != "solar" or plant.latitude is None or plant.longitude is None:
        return None
    own = hour_of(end_ms) * HOUR_MS
    other = own + np.sign(end_ms - interval_s * 500 - own + HOUR_MS // 2) * HOUR_MS
    hour = np.full(own.shape, 3600)
    pairs = ((end_ms, interval_s), (own, hour), (other, hour))
    clear = [sun.means(plant.latitude, plant.longitude, e.ravel(), n.ravel()).clear for e, n in pairs]
    return np.stack([one.reshape(end_ms.shape) for one in clear], axis=-1)


def at_intervals(block: F8, first: I8, end_ms: I8, interval_s: I8, shape: F8 | None) -> F8:
    """Knots of intervals inside or across the hours of a block, by the time of the interval's middle.

    A whole UTC hour is that hour. Another interval lies on the line between the middles of two hours; an
    interval whose own hour is unknown is unknown.

    :param block: (N, hours, 13); ``first`` (N,) the number of the first hour
    :param end_ms, interval_s: (N, M)
    :param shape: (N, M, 3) for solar plants the clear-sky power of the interval, of its own hour and of the
        other hour: the line is drawn through shares of the clear sky; None to draw it through power
    """
    middle = end_ms - interval_s * 500
    own = -(-end_ms // HOUR_MS)
    centre = own * HOUR_MS - HOUR_MS // 2
    other = own + np.sign(middle - centre)
    weight = np.abs(middle - centre) / HOUR_MS
    here = _pick(block, own - first[:, None])
    there = _pick(block, other - first[:, None])
    if shape is not None:
        clear = np.maximum(shape, 1e-3)
        here = here * (clear[..., :1] / clear[..., 1:2])
        there = there * (clear[..., :1] / clear[..., 2:3])
    there = np.where(np.isnan(there), here, there)
    return np.asarray(here + weight[..., None] * (there - here))


def _pick(block: F8, place: I8) -> F8:
    inside = (place >= 0) & (place < block.shape[1])
    rows = np.arange(len(block))[:, None]
    return np.where(inside[..., None], block[rows, np.clip(place, 0, block.shape[1] - 1)], np.nan)
