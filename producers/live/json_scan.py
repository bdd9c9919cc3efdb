"""A JSON message of a plant as a scan, by the plant's mapping."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any, Final

from producers.live.mapping import MqttPlant, MqttUnits, Source
from producers.live.scan import Scan, Unit
from producers.live.stamps import stamp_ms
from schemas.errors import Reason, RecordRefused

_NOWHERE: Final = object()


def read_scan(plant: MqttPlant, payload: bytes, known_at_ms: int) -> Scan:
    """The scan in a message that came at `known_at_ms`.

    A member of power or time must be there, power may be null; another one may be absent, which is missing.

    Raises:
        RecordRefused: it is no JSON object, has no time, or a value is no finite number.
    """
    message = _object(payload)
    time = _at(message, plant.time)
    if time is _NOWHERE or time is None:
        raise RecordRefused(Reason.NO_TIME, f"the message has no member {plant.time}, which is its time")
    power = _at(message, plant.power)
    if power is _NOWHERE:
        raise _unreadable(
            f"the message has no member {plant.power}, which is its power: send null if missing"
        )
    return Scan(
        plant_id=plant.plant_id,
        event_time_ms=stamp_ms(time, plant.time_format, plant.zone) + plant.to_end_ms,
        known_at_ms=known_at_ms,
        power_kw=scaled(_number(power, plant.power), plant.to_kw),
        sensors={name: _value(message, source) for name, source in plant.sensors.items()},
        status=_text(message, plant.status),
        units=_units(message, plant.units),
    )


def unmapped_members(plant: MqttPlant, payload: bytes) -> list[str]:
    """Members of a readable message that the mapping does not name, by their name at the top."""
    units = [] if plant.units is None else [plant.units.member]
    named = [plant.time, plant.power, *units, *(source.source for source in plant.sensors.values())]
    if plant.status is not None:
        named.append(plant.status)
    tops = {*named, *(path.split(".")[0] for path in named)}
    return [member for member in _object(payload) if member not in tops]


def scaled(value: float | None, factor: float, offset: float = 0.0) -> float | None:
    """`factor * value + offset`, and nothing where there is nothing.

    Raises:
        RecordRefused: the result is not finite.
    """
    if value is None:
        return None
    result = value * factor + offset
    if not math.isfinite(result):
        raise RecordRefused(Reason.NOT_FINITE, f"{value} times {factor} is not finite")
    return result


def _object(payload: bytes) -> Mapping[str, Any]:
    try:
        message = json.loads(payload, parse_constant=_refuse_constant)
    except UnicodeDecodeError as error:
        raise _unreadable(f"the message is no UTF-8: byte 0x{payload[error.start]:02x}") from error
    except (ValueError, RecursionError) as error:
        raise _unreadable(f"the message is no JSON: {error}") from error
    if not isinstance(message, dict):
        raise _unreadable(f"the message is no JSON object but a {type(message).__name__}")
    return message


def _refuse_constant(name: str) -> float:
    raise RecordRefused(Reason.NOT_FINITE, f"the message holds {name}: send null where there is no value")


def _at(message: Mapping[str, Any], path: str) -> Any:
    """The member at a path; a name that holds dots itself wins over the path."""
    if path in message:
        return message[path]
    found: Any = message
    for part in path.split("."):
        if not isinstance(found, dict) or part not in found:
            return _NOWHERE
        found = found[part]
    return found


def _number(value: Any, member: str) -> float | None:
    if value is None or value is _NOWHERE:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _unreadable(f"{member} is {value!r:.40}: send a number, or null where there is no value")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise RecordRefused(Reason.NOT_FINITE, f"{member} is not finite: send null where there is no value")
    return number


def _value(message: Mapping[str, Any], source: Source | None) -> float | None:
    if source is None:
        return None
    number = _number(_at(message, source.source), source.source)
    return scaled(number, source.factor, source.offset)


def _text(message: Mapping[str, Any], member: str | None) -> str | None:
    found = _NOWHERE if member is None else _at(message, member)
    if found is None or found is _NOWHERE:
        return None
    if isinstance(found, dict | list):
        raise _unreadable(f"{member} is no plain value, and it is mapped as status")
    return _sound(found, str(member)) if isinstance(found, str) else json.dumps(found)


def _sound(text: str, member: str) -> str:
    """Text that can be written as UTF-8: JSON may hold halves of a character."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise _unreadable(f"{member} holds half a character (\\u{ord(text[error.start]):04x})") from error
    return text


def _units(message: Mapping[str, Any], mapped: MqttUnits | None) -> tuple[Unit, ...]:
    found = _NOWHERE if mapped is None else _at(message, mapped.member)
    if mapped is None or found is _NOWHERE or found is None:
        return ()
    if isinstance(found, dict):
        listed = list(found.items())
    elif isinstance(found, list):
        listed = [(_unit_id(one, mapped), one) for one in found]
    else:
        raise _unreadable(f"{mapped.member} holds no units: send a list or an object by unit")
    units = tuple(_unit(unit_id, values, mapped) for unit_id, values in listed)
    if len({unit.unit_id for unit in units}) < len(units):
        raise _unreadable(f"{mapped.member} names a unit twice")
    return units


def _unit_id(values: Any, mapped: MqttUnits) -> str:
    unit_id = values.get(mapped.id) if isinstance(values, dict) else None
    if isinstance(unit_id, bool) or not isinstance(unit_id, str | int) or unit_id == "":
        raise _unreadable(f"a unit of {mapped.member} has no {mapped.id}, which is its name")
    return str(unit_id)


def _unit(unit_id: str, values: Any, mapped: MqttUnits) -> Unit:
    if not isinstance(values, dict):
        raise _unreadable(f"unit {unit_id!r:.40} of {mapped.member} is no object")
    power = None if mapped.power is None else _number(_at(values, mapped.power), mapped.power)
    return Unit(
        _sound(unit_id, mapped.member),
        scaled(power, mapped.to_kw),
        _value(values, mapped.wind_speed_ms),
        _text(values, mapped.status),
    )


def _unreadable(detail: str) -> RecordRefused:
    return RecordRefused(Reason.UNREADABLE, detail)
