"""Which quarter-hours of the last day were not the weather's doing: outage, curtailment, a stuck meter.

Once a plant is itself again, the hours of the event say nothing of what it will do: the correction then looks
past them, and so follows the plant at once. While the event lasts, they are what goes on.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from models import rings
from models.fleet import Fleet
from models.state import Field
from models.windows import MILLI_PER_KW, enough_scans

I8 = NDArray[np.int64]
F8 = NDArray[np.float64]
Flags = NDArray[np.bool_]

QUARTER_MS: Final = 900_000
KEPT: Final = 104  # 26 hours
#: Events of the whole plant by which its power is not the weather's doing.
EVENTS: Final = ("outage", "stuck_sensor", "curtailment")
FIELDS: Final = (Field("unclean_quarter", "i4", (KEPT,), -1, optional=True),)
STUCK_SCANS: Final = 8  # as the detector has it; a stuck sensor of wind or sun leaves the power as it is
STILL_SHARE: Final = 0.01  # as the detector of outages has it
STILL_H: Final = 24
CURTAILED_MS: Final = 1_800_000  # how long a limit holds before its detector speaks


def note(fleet: Fleet, slots: I8, issued_at_ms: I8) -> None:
    """After the look of the detectors: mark what has passed since the previous look, and, where an event has
    just opened, the time before its detector could be sure.
    """
    state = fleet.state
    going_on = np.any([_goes_on(fleet, name, slots) for name in EVENTS], axis=0)
    since_ms = np.maximum(state["issued_ms"][slots], issued_at_ms - KEPT * QUARTER_MS)
    for row in np.flatnonzero(going_on).tolist():
        slot, now_ms = int(slots[row]), int(issued_at_ms[row])
        start_ms = min(int(since_ms[row]), _began_ms(fleet, slot, now_ms))
        quarters = np.arange(start_ms // QUARTER_MS, -(-now_ms // QUARTER_MS))[-KEPT:]
        state["unclean_quarter"][slot, quarters % KEPT] = quarters


def looked_past(fleet: Fleet, slots: I8, issued_at_ms: I8, trailing: F8) -> F8:
    """Trailing hours (N, hours) back from the newest complete interval, NaN where any part was not clean and
    the plant is itself again.
    """
    marks = fleet.state["unclean_quarter"][slots]
    if not (marks >= 0).any():
        return trailing
    resolution_ms = fleet.state["resolution_s"][slots] * 1000
    newest = (issued_at_ms // resolution_ms * resolution_ms - 1) // QUARTER_MS
    hours = np.arange(trailing.shape[1])
    back = newest[:, None, None] - 4 * hours[:, None] - np.arange(4)
    marked = np.take_along_axis(marks[:, None, :], back % KEPT, axis=2) == back
    over = ~marked[:, 0, 0]
    return np.where(marked.any(axis=2) & over[:, None], np.nan, trailing)


def _goes_on(fleet: Fleet, name: str, slots: I8) -> Flags:
    """Whether an event is open, and the newest look saw it still."""
    state = fleet.state
    seen = (state[f"{name}.opened_ms"][slots] >= 0) & (state[f"{name}.clear"][slots] == 0)
    of_power = state["same_scans"][slots] >= STUCK_SCANS if name == "stuck_sensor" else True
    return np.asarray(seen & of_power)


def _began_ms(fleet: Fleet, slot: int, now_ms: int) -> int:
    """From when on the events that open now have lasted, as far as that can be told."""
    state = fleet.state
    new = [name for name in EVENTS if state[f"{name}.opened_ms"][slot] == now_ms]
    began = [now_ms]
    if "stuck_sensor" in new:
        began.append(int(state["same_since_ms"][slot]))
    if "curtailment" in new:
        began.append(now_ms - CURTAILED_MS)
    if "outage" in new:
        began.append(_still_since_ms(fleet, slot, now_ms))
    return min(began)


def _still_since_ms(fleet: Fleet, slot: int, now_ms: int) -> int:
    """Since when the plant has given no power, over at most a day."""
    state = fleet.state
    resolution_ms = int(state["resolution_s"][slot]) * 1000
    newest = now_ms // resolution_ms - 1
    back = newest - np.arange(STILL_H * 3_600_000 // resolution_ms)
    sums, counts = rings.window(*fleet.ring("power"), np.array([slot]), back[None])
    means = sums[0] / np.maximum(counts[0], 1) / MILLI_PER_KW / state["capacity_kw"][slot]
    scan_s = fleet.scan_s(np.array([slot]))
    known = enough_scans(counts[0], resolution_ms // 1000, scan_s)
    runs = np.flatnonzero(known & (means > STILL_SHARE))
    last = int(runs[0]) if runs.size else len(back)
    return int(newest + 1 - last) * resolution_ms
