"""What a node says, as a value of a scan: its time, and null where its status or its type is no use."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from producers.live.mapping import KW_PER_UNIT, OpcuaPlant, Source
from producers.live.scans import Place, Value

if TYPE_CHECKING:
    from asyncua import ua

#: Part 4, 7.39.1: the info bits say that the server's queue ran over and values before this one are gone.
_OVERFLOW: Final = 0x480
_WAITING: Final = 0x80320000  # BadWaitingForInitialData
_BAD: Final = 0x80000000


def source_ms(value: ua.DataValue) -> int | None:
    """When it was measured [ms]: the source's stamp, else the server's; None where there is neither."""
    stamp: datetime | None = value.SourceTimestamp or value.ServerTimestamp
    if stamp is None:
        return None
    aware = stamp if stamp.tzinfo is not None else stamp.replace(tzinfo=UTC)
    return round(aware.timestamp() * 1000)


def ran_over(value: ua.DataValue) -> bool:
    """Whether values before this one are gone from the server's queue."""
    return value.StatusCode is not None and value.StatusCode.value & _OVERFLOW == _OVERFLOW


def is_nothing_yet(value: ua.DataValue) -> bool:
    """Whether the node only says that it has no value yet."""
    return value.StatusCode is not None and value.StatusCode.value & 0xFFFF0000 == _WAITING


def fault_of(value: ua.DataValue, place: Place) -> str | None:
    """Why it is missing: `bad_status` or `not_a_number`; None where it is a value."""
    if value.StatusCode is not None and value.StatusCode.value & _BAD:
        return "bad_status"
    held = None if value.Value is None else value.Value.Value
    if held is None:
        return "bad_status"
    if place[-1] == "status":
        return None
    if isinstance(held, bool) or not isinstance(held, int | float) or not math.isfinite(held):
        return "not_a_number"
    return None


def scaled(plant: OpcuaPlant, place: Place, value: ua.DataValue) -> Value:
    """A sound value (`fault_of` is None) in the unit of its field."""
    assert value.Value is not None
    held = value.Value.Value
    if place[-1] == "status":
        return str(held)
    if place[0] == "sensor":
        return _by(plant.sensors[place[1]], held)
    if place[0] == "unit":
        unit = plant.units[place[1]]
        if place[2] == "wind_speed_ms" and unit.wind_speed_ms is not None:
            return _by(unit.wind_speed_ms, held)
        return float(held) * KW_PER_UNIT[unit.power_unit]
    return float(held) * plant.to_kw


def _by(source: Source, held: float) -> float:
    return float(held) * source.factor + source.offset
