"""What telemetry is accepted. The worker and the sink call the same function, so they refuse the same
records.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from schemas.errors import Reason
from schemas.journal import TelemetryColumns
from schemas.records import PlantVersion

LOWEST_SHARE: Final = -0.05
HIGHEST_SHARE: Final = 1.20
MAX_AHEAD_MS: Final = 10 * 60_000
FIRST_TIME_MS: Final = 946_684_800_000  # 2000-01-01: an older clock was never set
LAST_TIME_MS: Final = 4_102_444_800_000  # 2100-01-01: a newer one runs wild, and times must add up

#: Every version of each plant that rows are of, in the order of their `plant_ids`: oldest `valid_from` first,
#: none of a plant that nobody knows.
Versions = Sequence[Sequence[PlantVersion]]


@dataclass(frozen=True)
class Verdicts:
    """One verdict a row: ``ok`` or an index into ``REASONS`` (shape (n,))."""

    ok: NDArray[np.bool_]
    code: NDArray[np.int8]

    def reason(self, row: int) -> Reason:
        return REASONS[self.code[row]]

    def has(self, reason: Reason) -> NDArray[np.bool_]:
        """Which rows were refused for this reason, shape (n,)."""
        return np.asarray(self.code == REASONS.index(reason))


REASONS: Final = (
    Reason.UNKNOWN_PLANT,
    Reason.CLOCK_PAST,
    Reason.CLOCK_AHEAD,
    Reason.NOT_FINITE,
    Reason.OUT_OF_RANGE,
)


def versions_of(rows: TelemetryColumns, known: Mapping[str, Sequence[PlantVersion]]) -> Versions:
    """The versions of the plants of some rows."""
    return [known.get(plant_id, ()) for plant_id in rows.plant_ids]


def validate(rows: TelemetryColumns, versions: Versions) -> Verdicts:
    """Judge telemetry rows; the first fault in the order of ``REASONS`` is the one that is named.

    A row is held against the version of its plant at its event time: what is accepted must depend neither on
    the batch nor on who asks. The clock is compared with ``known_at`` and never with the wall clock, or a
    replay would refuse other records.
    """
    capacity_kw = _capacity_kw(rows, versions)
    code = np.full(rows.event_time_ms.shape, -1, np.int8)
    with np.errstate(invalid="ignore"):
        low, high = LOWEST_SHARE * capacity_kw, HIGHEST_SHARE * capacity_kw
        faults = (
            np.isnan(capacity_kw),
            rows.event_time_ms < FIRST_TIME_MS,
            _ahead(rows),
            rows.power_given & ~np.isfinite(rows.power_kw),
            rows.power_given & ((rows.power_kw < low) | (rows.power_kw > high)),
        )
    for number, fault in reversed(list(enumerate(faults))):
        code[fault] = number
    return Verdicts(code < 0, code)


def _ahead(rows: TelemetryColumns) -> NDArray[np.bool_]:
    # A known_at of the far end of 64 bits must not wrap around when the ten minutes are added.
    known_at_ms = np.minimum(rows.known_at_ms, LAST_TIME_MS)
    ahead: NDArray[np.bool_] = rows.event_time_ms > known_at_ms + MAX_AHEAD_MS
    return ahead | (rows.event_time_ms > LAST_TIME_MS) | (rows.known_at_ms > LAST_TIME_MS)


def _capacity_kw(rows: TelemetryColumns, versions: Versions) -> NDArray[np.float64]:
    """Capacity of each row's plant at its event time [kW], NaN where nobody knows the plant, shape (n,)."""
    newest = np.array([held[-1].capacity_kw if held else np.nan for held in versions])
    capacity_kw: NDArray[np.float64] = newest[rows.plant]
    for number, held in enumerate(versions):
        if len(held) > 1:
            mine = np.flatnonzero(rows.plant == number)
            capacities = np.array([version.capacity_kw for version in held])
            capacity_kw[mine] = capacities[held_at(held, rows.event_time_ms[mine])]
    return capacity_kw


def held_at(versions: Sequence[PlantVersion], time_ms: NDArray[np.int64]) -> NDArray[np.int64]:
    """Place of the version that holds at each time, shape (n,); before the first one the first one holds."""
    starts_ms = np.array([version.valid_from_ms for version in versions], np.int64)
    return np.maximum(np.searchsorted(starts_ms, time_ms, side="right") - 1, 0)


def explain(rows: TelemetryColumns, row: int, reason: Reason, versions: Versions) -> str:
    """One plain line: what is wrong with the row and what to do."""
    plant_id = rows.plant_ids[rows.plant[row]]
    if reason is Reason.UNKNOWN_PLANT:
        return not_registered(plant_id)
    stamp = np.datetime64(int(rows.event_time_ms[row]), "ms")
    if reason is Reason.CLOCK_PAST:
        return f"event_time {stamp}Z is before 2000: the source's clock was never set"
    if reason is Reason.CLOCK_AHEAD:
        return _clock_ahead(rows, row)
    power_kw = float(rows.power_kw[row])
    if reason is Reason.NOT_FINITE:
        return f"power_kw is {power_kw}: send null where there is no value"
    known = versions[rows.plant[row]]
    held = known[int(held_at(known, rows.event_time_ms[row : row + 1])[0])]
    return _out_of_range(power_kw, held.capacity_kw)


def _clock_ahead(rows: TelemetryColumns, row: int) -> str:
    event_time, known_at = (
        np.datetime64(int(times[row]), "ms") for times in (rows.event_time_ms, rows.known_at_ms)
    )
    if max(rows.event_time_ms[row], rows.known_at_ms[row]) > LAST_TIME_MS:
        return f"event_time {event_time}Z, known at {known_at}Z, is after 2100: check the source's clock"
    return f"event_time {event_time}Z is more than 10 minutes after it was known: check the source's clock"


def not_registered(plant_id: str) -> str:
    """What to do about a plant that the registry does not know."""
    return f"plant {plant_id} is not registered: add it with `gridcast plants add`"


def _out_of_range(power_kw: float, capacity_kw: float) -> str:
    text = f"power_kw {power_kw:g} is outside -5 % to 120 % of the capacity of {capacity_kw:g} kW"
    if abs(power_kw) > 20 * capacity_kw:
        return f"{text}: is it in W?"
    return f"{text}: check the meter or the plant's capacity_kw"
