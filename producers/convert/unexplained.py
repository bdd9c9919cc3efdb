"""An hour that stands twice where the clock of the guessed zone did not go back: the zone is another."""

from __future__ import annotations

from typing import Final
from zoneinfo import ZoneInfo

import numpy as np

from producers.clock_changes import ZONES, Readings, best
from producers.convert.interval import step_of
from producers.convert.zone import changes
from producers.table import Flags, Ints, Longs

_DAY_MS: Final = 86_400_000


def doubled_hours(wall_ms: Longs, known: Flags, series: Ints, zone: ZoneInfo) -> dict[int, str]:
    """What is wrong: place of the row with which an hour begins anew -> what."""
    faults: dict[int, str] = {}
    for number in np.unique(series[known]):
        rows = np.flatnonzero(known & (series == number))
        step_ms = step_of(wall_ms[rows])
        if step_ms is not None and rows.size > 2:
            faults |= _of_series(wall_ms[rows], rows, step_ms, zone)
    return faults


def _of_series(wall_ms: Longs, rows: Longs, step_ms: int, zone: ZoneInfo) -> dict[int, str]:
    readings = Readings(wall_ms, step_ms)
    marks = best([readings.marks_of(name) for name in ZONES])
    if marks is None:
        return {}
    if (np.diff(wall_ms) < 0).mean() > 0.5:  # the newest row stands first
        wall_ms, rows = wall_ms[::-1], rows[::-1]
    for start_ms in marks.doubled_ms:
        inside = (wall_ms[1:] >= start_ms) & (wall_ms[1:] < start_ms + _DAY_MS)
        back = np.flatnonzero((np.diff(wall_ms) <= 0) & inside)
        if back.size and not _goes_back(zone, int(wall_ms[back[0] + 1])):
            moment = str(np.datetime64(start_ms, "ms").astype("datetime64[m]")).replace("T", " ")
            what = f"{moment} begins anew, as where the clock of {marks.zone} goes back"
            return {int(rows[back[0] + 1]): f"{what}; that of {zone.key} did not: say the zone of the stamps"}
    return {}


def _goes_back(zone: ZoneInfo, wall_ms: int) -> bool:
    """Whether this reading of a zone's clock comes twice."""
    day = wall_ms // _DAY_MS * _DAY_MS
    first, second = changes(zone, day, day).passed(np.array([wall_ms]))
    return bool(first[0] < second[0])
