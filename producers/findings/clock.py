"""Clock changes in stamps that claim to be UTC."""

from __future__ import annotations

import numpy as np

from producers.clock_changes import Marks, Readings, best, told, zones_near
from producers.findings.base import DAY_MS, Columns, Found, Weight

_KIND = "clock"


def clock_changes(columns: Columns) -> Found:
    """Local time under the name of UTC, or offsets that follow a clock which the plant never had."""
    if columns.days < 1:
        return
    readings = Readings(columns.stamp_ms, columns.step_ms)
    zones = zones_near(columns.plant.longitude)
    local = best([readings.marks_of(zone) for zone in zones])
    offsets = best([readings.marks_of_wrong_offsets(z, later) for z in zones for later in (False, True)])
    if local is not None and (offsets is None or local.found >= offsets.found):
        what = f"{told(local)}, as the clock of {local.zone} has: the stamps are local time, not UTC"
        do = f"say --timezone {local.zone}, or another of the same clock, with --ignore-offset"
    elif offsets is not None:
        local = offsets
        what = f"{told(local)} in UTC, against the clock of {local.zone}: the offsets in the stamps are wrong"
        do = "say --ignore-offset with the --timezone that the clock really shows (UTC, or that of winter)"
    else:
        return
    # A single mark can be chance; two of them at the right hours of the right days can't.
    weight = Weight.MUCH if local.doubled_ms or local.found > 1 else Weight.SOME
    first = min((*local.missing_ms, *local.doubled_ms))
    at = int(np.flatnonzero(columns.stamp_ms >= first)[0])
    yield columns.finding(
        _KIND, weight, what, do, columns.at(at), "event_time", _share_of(columns, local), "rows"
    )


def _share_of(columns: Columns, marks: Marks) -> float:
    """The rows around the changes: from the first mark to the last, with half a year on both sides."""
    every = (*marks.missing_ms, *marks.doubled_ms)
    low, high = min(every) - 182 * DAY_MS, max(every) + 182 * DAY_MS
    return float(((columns.stamp_ms >= low) & (columns.stamp_ms <= high)).mean())
