"""What telemetry is accepted. The worker and the sink call the same function, so they refuse the same
records.
"""

from __future__ import annotations

from collections.abc import Mapping
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


@dataclass(frozen=True)
class Verdicts:
    """One verdict a row: ``ok`` or an index into ``REASONS`` (shape (n,))."""

    ok: NDArray[np.bool_]
    code: NDArray[np.int8]

    def reason(self, row: int) -> Reason:
        return REASONS[self.code[row]]


REASONS: Final = (
    Reason.UNKNOWN_PLANT,
    Reason.CLOCK_PAST,
    Reason.CLOCK_AHEAD,
    Reason.NOT_FINITE,
    Reason.OUT_OF_RANGE,
)


def validate(rows: TelemetryColumns, registry: Mapping[str, PlantVersion]) -> Verdicts:
    """Judge telemetry rows; the first fault in the order of ``REASONS`` is the one that is named.

    The clock is compared with ``known_at`` and never with the wall clock, or a replay would refuse other
    records.
    """
    capacity_kw = np.array([registry[p].capacity_kw if p in registry else np.nan for p in rows.plant_ids])[
        rows.plant
    ]
    code = np.full(rows.event_time_ms.shape, -1, np.int8)
    with np.errstate(invalid="ignore"):
        low, high = LOWEST_SHARE * capacity_kw, HIGHEST_SHARE * capacity_kw
        faults = (
            np.isnan(capacity_kw),
            rows.event_time_ms < FIRST_TIME_MS,
            rows.event_time_ms > rows.known_at_ms + MAX_AHEAD_MS,
            rows.power_given & ~np.isfinite(rows.power_kw),
            rows.power_given & ((rows.power_kw < low) | (rows.power_kw > high)),
        )
    for number, fault in reversed(list(enumerate(faults))):
        code[fault] = number
    return Verdicts(code < 0, code)


def explain(rows: TelemetryColumns, row: int, reason: Reason, registry: Mapping[str, PlantVersion]) -> str:
    """One plain line: what is wrong with the row and what to do."""
    plant_id = rows.plant_ids[rows.plant[row]]
    stamp = np.datetime64(int(rows.event_time_ms[row]), "ms")
    if reason is Reason.UNKNOWN_PLANT:
        return not_registered(plant_id)
    if reason is Reason.CLOCK_PAST:
        return f"event_time {stamp}Z is before 2000: the source's clock was never set"
    if reason is Reason.CLOCK_AHEAD:
        return f"event_time {stamp}Z is more than 10 minutes after it was known: check the source's clock"
    power_kw = float(rows.power_kw[row])
    if reason is Reason.NOT_FINITE:
        return f"power_kw is {power_kw}: send null where there is no value"
    return _out_of_range(power_kw, registry[plant_id].capacity_kw)


def not_registered(plant_id: str) -> str:
    """What to do about a plant that the registry does not know."""
    return f"plant {plant_id} is not registered: add it with `gridcast plants add`"


def _out_of_range(power_kw: float, capacity_kw: float) -> str:
    text = f"power_kw {power_kw:g} is outside -5 % to 120 % of the capacity of {capacity_kw:g} kW"
    if abs(power_kw) > 20 * capacity_kw:
        return f"{text}: is it in W?"
    return f"{text}: check the meter or the plant's capacity_kw"
