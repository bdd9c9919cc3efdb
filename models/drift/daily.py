"""The drift tests of a plant, once a day of its event time, each plant at an hour of its own."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from models.drift import error_drift, input_drift
from models.drift.finding import QUIET_MS, Event, Finding, Occasion
from models.state import Field

F8 = NDArray[np.float64]
I8 = NDArray[np.int64]

HOUR_MS: Final = 3_600_000
DAY_MS: Final = 24 * HOUR_MS
DAY: Final = "drift.day"
TOLD_MS: Final = "drift.told_ms"
ERROR, INPUT = 0, 1
FIELDS: Final[tuple[Field, ...]] = (Field(DAY, "int32", (), -1), Field(TOLD_MS, "int64", (2,), -1))


def hour_of(plant_id: str) -> int:
    """The UTC hour of a plant's tests, so that a fleet's don't all fall on midnight."""
    return zlib.crc32(plant_id.encode()) % 24


def due(day: NDArray[Any], hours: I8, issued_at_ms: I8) -> NDArray[np.bool_]:
    """Which plants' tests are due at their issues; notes them as made.

    :param day: column `drift.day` of the plants, changed in place, shape (N,)
    :param hours: `hour_of` each plant, shape (N,)
    """
    today = (issued_at_ms - hours * HOUR_MS) // DAY_MS
    is_due: NDArray[np.bool_] = today > day
    day[is_due] = today[is_due]
    return is_due


def look(
    occasion: Occasion,
    told_ms: NDArray[Any],
    errors: F8,
    reference: Mapping[str, F8] | None = None,
    newest: Mapping[str, F8] | None = None,
) -> list[Event]:
    """Records of `model.drift` of one plant: at most one on errors and one on inputs in three days.

    :param told_ms: row of column `drift.told_ms`, changed in place, shape (2,)
    :param errors: see `error_drift.look`
    :param reference, newest: see `input_drift.look`; None where the release has none
    """
    found: list[tuple[int, Finding | None]] = []
    if _may_tell(told_ms[ERROR], occasion):
        found.append((ERROR, error_drift.look(errors)))
    if reference and newest and _may_tell(told_ms[INPUT], occasion):
        found.append((INPUT, input_drift.look(reference, newest)))
    for kind, finding in found:
        if finding is not None:
            told_ms[kind] = occasion.issued_at_ms
    return [occasion.record(finding) for _, finding in found if finding is not None]


def _may_tell(last_ms: int, occasion: Occasion) -> bool:
    return last_ms < 0 or occasion.issued_at_ms - last_ms >= QUIET_MS
