"""The columns of a weather run on whole hours, and what an hour's neighbours say."""

from __future__ import annotations

from functools import cached_property, lru_cache
from itertools import pairwise

import numpy as np

from models.forecast.base import HOUR_MS, Floats, Ints

LONGEST_GAP = 6  # hours between two valid times that are bridged
REACH = 12  # hours to either side that features look at

Columns = dict[str, Floats]


def hour_grid(valid_at_ms: Ints) -> Ints:
    """The whole hours (their ends) from the first to the last that valid times fall in."""
    if len(valid_at_ms) == 0:
        return np.empty(0, np.int64)
    first = -(-int(valid_at_ms.min()) // HOUR_MS)
    last = -(-int(valid_at_ms.max()) // HOUR_MS)
    return np.arange(first, last + 1, dtype=np.int64) * HOUR_MS


def hourly(valid_at_ms: Ints, columns: Columns, hours_ms: Ints) -> Columns:
    """The columns on whole hours, wind directions as components towards east and north.

    Several values in an hour give their mean. Between values up to 6 hours apart, means and sums of the
    interval that ends at the value (radiation, precipitation) hold over it, anything else is interpolated.
    """
    order = np.argsort(valid_at_ms, kind="stable")
    slot = -(-valid_at_ms[order] // HOUR_MS) - (hours_ms[0] // HOUR_MS if len(hours_ms) else 0)
    made: Columns = {}
    for name, values in with_components(columns).items():
        made[name] = _bridge(_mean_by_slot(values[order], slot, len(hours_ms)), is_interval_mean(name))
    return made


def is_interval_mean(name: str) -> bool:
    """Whether a column is the mean or sum of the interval that ends at its valid time, told by its name."""
    return any(
        part in name for part in ("radiation", "irradiance", "_ghi", "_dni", "_dhi", "precipitation", "w_m2")
    )


def with_components(columns: Columns) -> Columns:
    """The columns with each wind direction (degrees, from) replaced by components of the wind that blows."""
    made: Columns = {}
    for name, values in columns.items():
        if not name.startswith("wind_direction"):
            made[name] = values
            continue
        height = name.removeprefix("wind_direction").removesuffix("_deg")
        speed = columns.get(f"wind_speed{height}_ms")
        strength = np.ones(len(values)) if speed is None else speed
        made[f"wind_east{height}_ms"] = -strength * np.sin(np.radians(values))
        made[f"wind_north{height}_ms"] = -strength * np.cos(np.radians(values))
    return made


def _mean_by_slot(values: Floats, slot: Ints, size: int) -> Floats:
    known = np.isfinite(values)
    total = np.zeros(size)
    np.add.at(total, slot[known], values[known])
    count = np.bincount(slot[known], minlength=size)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _bridge(values: Floats, holds: bool) -> Floats:
    known = np.flatnonzero(np.isfinite(values))
    if len(known) in (0, len(values)):
        return values
    made = values.copy()
    for left, right in pairwise(known.tolist()):
        if 1 < right - left <= LONGEST_GAP:
            inside = np.arange(left + 1, right)
            line = values[left] + (values[right] - values[left]) * (inside - left) / (right - left)
            made[inside] = values[right] if holds else line
    return made


class Around:
    """A column (n,) on whole hours with what lies around each hour, up to `REACH` hours off; NaN beyond the
    ends.
    """

    def __init__(self, values: Floats) -> None:
        self._size = len(values)
        self._padded = np.full(self._size + 2 * REACH, np.nan)
        self._padded[REACH : REACH + self._size] = values

    @cached_property
    def _rows(self) -> tuple[Floats, Floats]:
        """By distance in time the values, 0 where unknown, and 1 where known, (2 REACH + 1, n) each."""
        known, places = np.isfinite(self._padded), _places(self._size)
        return np.where(known, self._padded, 0.0).take(places), known.astype(np.float64).take(places)

    def at(self, hours: int) -> Floats:
        """The value so many hours later (earlier if negative)."""
        return self._padded[REACH + hours : REACH + hours + self._size]

    def mean(self, window: int) -> Floats:
        """Mean of the known values in the window around each hour, from the earliest on; NaN where none is
        known.
        """
        near = slice(REACH - window // 2, REACH + window // 2 + 1)
        total, count = (rows[near].sum(axis=0) for rows in self._rows)
        return np.where(count > 0, total / np.maximum(count, 1.0), np.nan)


@lru_cache(maxsize=16)
def _places(size: int) -> Ints:
    """Of a padded column the places (2 REACH + 1, size) of the hours around each hour."""
    return np.asarray(np.arange(2 * REACH + 1)[:, None] + np.arange(size))
