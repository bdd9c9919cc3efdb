"""Local time to UTC: a skipped hour is a fault, one that comes twice is told apart by the order of rows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np

from producers.table import Flags, Ints, Longs

FIRST_WALL_MS: Final = -2_208_988_800_000  # 1900
LAST_WALL_MS: Final = 4_102_444_800_000  # 2100
_DAY_MS: Final = 86_400_000
_S_MS: Final = 1000
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Changes:
    """The m changes of a zone's clock. `at_ms` i8[m] in UTC, offsets i8[m] before and after each; `first_ms`
    is the offset before all of them.
    """

    at_ms: Longs
    before_ms: Longs
    after_ms: Longs
    first_ms: int

    def offset_ms(self, number: Longs) -> Longs:
        """The offset after so many changes."""
        return np.append(self.first_ms, self.after_ms).astype(np.int64)[number]

    def length_ms(self, number: int) -> int:
        """By how much the clock goes back at a change."""
        return int(self.before_ms[number] - self.after_ms[number])

    def passed(self, wall_ms: Longs) -> tuple[Longs, Longs]:
        """How many changes lie behind a reading of the clock, (by its first, by its second meaning).

        They differ where the reading comes twice (first < second) and where it is skipped (first > second).
        """
        first = np.searchsorted(self.at_ms + self.before_ms, wall_ms, side="right")
        second = np.searchsorted(self.at_ms + self.after_ms, wall_ms, side="right")
        return first.astype(np.int64), second.astype(np.int64)


@lru_cache(maxsize=64)
def changes(zone: ZoneInfo, first_ms: int, last_ms: int) -> Changes:
    """The changes of a zone between two times, to the second; days in between are looked at one by one."""
    days = range(first_ms - 2 * _DAY_MS, last_ms + 3 * _DAY_MS, _DAY_MS)
    offsets = [_offset_ms(zone, day) for day in days]
    found = [
        (_change_ms(zone, day, before), before, after)
        for day, before, after in zip(days, offsets, offsets[1:], strict=False)
        if before != after
    ]
    columns = np.array(found, np.int64).reshape(-1, 3)
    return Changes(columns[:, 0], columns[:, 1], columns[:, 2], offsets[0])


def to_utc(wall_ms: Longs, known: Flags, series: Ints, zone: ZoneInfo) -> tuple[Longs, dict[int, str]]:
    """UTC of the readings of a local clock, i8[n], and what is wrong: place -> what.

    `series` i4[n] tells apart the sequences (a plant's, a unit's) whose order of rows is an order in time.
    """
    faults: dict[int, str] = {}
    strange = known & ((wall_ms < FIRST_WALL_MS) | (wall_ms > LAST_WALL_MS))
    faults |= dict.fromkeys(
        np.flatnonzero(strange).tolist(), "lies outside of the years 1900 to 2100: check the clock"
    )
    use = known & ~strange
    if not use.any():
        return wall_ms, faults
    clock = changes(zone, _day(int(wall_ms[use].min())), _day(int(wall_ms[use].max())))
    first, second = clock.passed(wall_ms)
    for i in np.flatnonzero(use & (first > second)).tolist():
        faults[i] = f"{_shown(int(wall_ms[i]))} did not exist in {zone.key}: the clock went forward over it"
    number = first.copy()
    twice = np.flatnonzero(use & (first < second))
    for rows in _doubled_hours(twice, series, first):
        own = np.flatnonzero(use & (series == series[rows[0]]))
        late = _second_pass(rows, own, wall_ms, clock.length_ms(int(first[rows[0]])))
        if isinstance(late, _Untold):
            faults[late.row] = f"{_shown(int(wall_ms[late.row]))} came twice in {zone.key}: {late.why}"
        else:
            number[late] = second[late]
    return wall_ms - clock.offset_ms(number), faults


@dataclass(frozen=True)
class _Untold:
    """A row at which the order cannot tell the first from the second pass of an hour."""

    row: int
    why: str


_ONE_PASS: Final = (
    "its hour stands there once, and nothing says which of the two it is: write its rows with their offset, "
    "or leave them out"
)
_DISORDER: Final = (
    "the order of the rows does not tell its first from its second pass: sort them as they were measured"
)


def _second_pass(rows: Longs, own: Longs, wall_ms: Longs, length_ms: int) -> Longs | _Untold:
    """Of the `rows` that fall into one doubled hour of a series, those of its second pass.

    `own`: every row of the series; `length_ms`: by how much the clock goes back.
    """
    steps = np.diff(wall_ms[own])
    place = np.searchsorted(own, rows)
    if (breaks := np.flatnonzero(np.diff(place) != 1)).size:
        return _Untold(int(rows[breaks[0] + 1]), _DISORDER)
    if (steps < 0).sum() > (steps > 0).sum():  # the newest row stands first
        rows, own, place, steps = rows[::-1], own[::-1], own.size - 1 - place[::-1], -steps
    step_ms = _commonest(steps[steps > 0], length_ms)
    inside = np.diff(wall_ms[rows])
    back = np.flatnonzero(inside <= 0)
    if not back.size:
        late = _only_pass(wall_ms[own], int(place[0]), int(place[-1]), length_ms, step_ms)
        if late is None:
            return _Untold(int(rows.min()), _ONE_PASS)
        return rows if late else rows[:0]
    if back.size > 1:
        return _Untold(int(rows[back[1] + 1]), _DISORDER)
    # Between the passes lies a step like the others. Where it is longer, rows are missing, and one that came
    # late would look the same as the beginning of the second pass.
    if int(inside[back[0]]) + length_ms > 1.5 * step_ms:
        return _Untold(int(rows[back[0] + 1]), _DISORDER)
    return rows[back[0] + 1 :]


def _only_pass(wall_ms: Longs, first: int, last: int, length_ms: int, step_ms: int) -> bool | None:
    """Whether the only pass there is of a doubled hour is the second; None where its neighbours do not tell.

    They do where the steps are longer than what the clock goes back, so that one pass has no row at all.
    """
    if first == 0 or last + 1 == wall_ms.size:
        return None
    before, after = int(wall_ms[first] - wall_ms[first - 1]), int(wall_ms[last + 1] - wall_ms[last])
    is_first = before == step_ms == after + length_ms
    is_second = before + length_ms == step_ms == after
    return None if is_first == is_second else is_second


def _commonest(steps: Longs, otherwise: int) -> int:
    if not steps.size:
        return otherwise
    lengths, counts = np.unique(steps, return_counts=True)
    return int(lengths[counts.argmax()])


def _doubled_hours(twice: Longs, series: Ints, first: Longs) -> list[Longs]:
    """The rows of each doubled hour of each series, in the order of the file."""
    if not twice.size:
        return []
    rows = twice[np.lexsort((twice, first[twice], series[twice]))]
    new = (np.diff(series[rows]) != 0) | (np.diff(first[rows]) != 0)
    return np.split(rows, np.flatnonzero(new) + 1)


def _offset_ms(zone: ZoneInfo, at_ms: int) -> int:
    offset = (_EPOCH + timedelta(milliseconds=at_ms)).astimezone(zone).utcoffset()
    return 0 if offset is None else round(offset / timedelta(milliseconds=1))


def _change_ms(zone: ZoneInfo, low_ms: int, before_ms: int) -> int:
    """When, within the day after `low_ms`, the offset ceases to be `before_ms`."""
    low, high = low_ms // _S_MS, low_ms // _S_MS + _DAY_MS // _S_MS
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if _offset_ms(zone, middle * _S_MS) == before_ms else (low, middle)
    return high * _S_MS


def _day(time_ms: int) -> int:
    return time_ms // _DAY_MS * _DAY_MS


def _shown(wall_ms: int) -> str:
    return (_EPOCH + timedelta(milliseconds=wall_ms)).strftime("%Y-%m-%d %H:%M")
