"""The mapping file of `gridcast telemetry`: where the values are, what they are called, in which unit.

TOML with one table `[mqtt]` or `[opcua]` (`links.py`) and a `[[plants]]` for each plant. It is strict: an
unknown or wrong key is refused by its path.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Annotated, Any, Final, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field, ValidationError, model_validator

from producers.live.links import MqttLink, OpcuaLink, Strict
from producers.plants_file import is_zone
from schemas.errors import InputError

KW_PER_UNIT: Final = {"W": 0.001, "kW": 1.0, "MW": 1000.0}
#: Sensors that have a field of their own in `Telemetry`; every other one goes to `other`.
FIELDS: Final = (
    "setpoint_kw",
    "wind_speed_ms",
    "wind_direction_deg",
    "temperature_c",
    "module_temperature_c",
    "poa_irradiance_w_m2",
)
_SENSOR: Final = re.compile(r"[a-z][a-z0-9_]*")
_TAKEN: Final = {"plant_id", "event_time", "known_at", "power_kw", "status", "units", "other"}

PowerUnit = Literal["W", "kW", "MW"]


class Source(Strict):
    """A value of the source that is `factor * value + offset` in the unit of its field."""

    source: str = Field(alias="from", min_length=1)
    factor: float = 1.0
    offset: float = 0.0

    @model_validator(mode="before")
    @classmethod
    def _plain_name(cls, given: Any) -> Any:
        return {"from": given} if isinstance(given, str) else given


def _sensor_names(sensors: dict[str, Source]) -> dict[str, Source]:
    for name in sensors:
        if name in _TAKEN or not _SENSOR.fullmatch(name):
            raise ValueError(
                f"{name!r} is no sensor: use a name with its unit, as wind_speed_ms or dew_point_c"
            )
    return sensors


Sensors = Annotated[dict[str, Source], AfterValidator(_sensor_names)]


class Plant(Strict):
    """What is the same for every way in. `interval_s`: seconds that a value is the mean of."""

    plant_id: str = Field(min_length=1)
    power_unit: PowerUnit = "kW"
    stamp: Literal["start", "end"] = "end"
    interval_s: float | None = Field(None, gt=0)
    sensors: Sensors = Field(default_factory=dict)

    @model_validator(mode="after")
    def _interval_for_start(self) -> Plant:
        if self.stamp == "start" and self.interval_s is None:
            raise ValueError("stamp = 'start' needs interval_s: how long an interval is")
        if self.plant_id != self.plant_id.strip():
            raise ValueError(f"plant_id {self.plant_id!r} has blanks around it")
        return self

    @property
    def to_end_ms(self) -> int:
        """What is added to a stamp to make it the end of its interval [ms]."""
        return round((self.interval_s or 0) * 1000) if self.stamp == "start" else 0

    @property
    def to_kw(self) -> float:
        """What a power is multiplied with to be in kW."""
        return KW_PER_UNIT[self.power_unit]


class MqttUnits(Strict):
    """The member that holds the units: a list of objects that say their `id`, or an object by id."""

    member: str = Field(min_length=1)
    id: str = "id"
    power: str | None = None
    power_unit: PowerUnit = "kW"
    wind_speed_ms: Source | None = None
    status: str | None = None

    @property
    def to_kw(self) -> float:
        """What a unit's power is multiplied with to be in kW."""
        return KW_PER_UNIT[self.power_unit]


class MqttPlant(Plant):
    """A plant whose scans come as JSON objects on one topic. Members may be paths: `meter.p`."""

    topic: str = Field(min_length=1)
    time: str = Field(min_length=1)
    time_format: str = "iso"
    timezone: str | None = None
    power: str = Field(min_length=1)
    status: str | None = None
    units: MqttUnits | None = None

    @model_validator(mode="after")
    def _sound(self) -> MqttPlant:
        if set("+#\0") & set(self.topic):
            raise ValueError(f"topic {self.topic!r} is a filter: give one topic for each plant")
        if self.time_format not in ("iso", "unix_s", "unix_ms") and "%" not in self.time_format:
            raise ValueError("time_format is iso, unix_s, unix_ms or a pattern as '%d.%m.%Y %H:%M:%S'")
        if self.timezone is not None and not is_zone(self.timezone):
            raise ValueError(f"{self.timezone!r} is no time zone: give a name as Europe/Paris")
        return self

    @property
    def zone(self) -> ZoneInfo | None:
        """The zone of stamps that do not say theirs."""
        return None if self.timezone is None else ZoneInfo(self.timezone)


class OpcuaUnit(Strict):
    """Node ids of one turbine or inverter."""

    power: str | None = None
    power_unit: PowerUnit = "kW"
    wind_speed_ms: Source | None = None
    status: str | None = None


class OpcuaPlant(Plant):
    """A plant whose values are nodes; `scan_s`: stamps are rounded to a multiple of it to meet in one."""

    power: str = Field(min_length=1)
    status: str | None = None
    scan_s: float | None = Field(None, gt=0)
    units: dict[str, OpcuaUnit] = Field(default_factory=dict)


class MqttMapping(Strict):
    """A mapping file with `[mqtt]`."""

    mqtt: MqttLink
    plants: list[MqttPlant] = Field(min_length=1)

    @model_validator(mode="after")
    def _apart(self) -> MqttMapping:
        _once("plant_id", [plant.plant_id for plant in self.plants])
        _once("topic", [plant.topic for plant in self.plants])
        return self


class OpcuaMapping(Strict):
    """A mapping file with `[opcua]`."""

    opcua: OpcuaLink
    plants: list[OpcuaPlant] = Field(min_length=1)

    @model_validator(mode="after")
    def _apart(self) -> OpcuaMapping:
        _once("plant_id", [plant.plant_id for plant in self.plants])
        return self


def _once(what: str, values: list[str]) -> None:
    for value in values:
        if values.count(value) > 1:
            raise ValueError(f"{what} {value!r} stands at more than one plant")


def read_mapping(path: Path) -> MqttMapping | OpcuaMapping:
    """The mapping in a file; paths in it start at its folder.

    Raises:
        InputError: with the key that is wrong.
    """
    try:
        given = tomllib.loads(path.read_text())
    except FileNotFoundError as error:
        raise InputError(f"{path} does not exist: give the mapping file") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError, RecursionError) as error:
        raise InputError(f"{path}: {error}") from error
    links = [name for name in ("mqtt", "opcua") if name in given]
    if len(links) != 1:
        raise InputError(f"{path}: one table [mqtt] or [opcua] is needed, and there are {len(links)}")
    kind = MqttMapping if links == ["mqtt"] else OpcuaMapping
    try:
        return kind.model_validate(given, context={"folder": path.absolute().parent})
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        key = ".".join(str(part) for part in first["loc"])
        raise InputError(f"{path}: {key + ': ' if key else ''}{first['msg']}") from None
