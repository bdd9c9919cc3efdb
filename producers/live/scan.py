"""One scan of a plant, as it goes to the journal."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from producers.live.mapping import FIELDS


@dataclass(frozen=True, slots=True)
class Unit:
    """One turbine or inverter in a scan; None is missing."""

    unit_id: str
    power_kw: float | None = None
    wind_speed_ms: float | None = None
    status: str | None = None


@dataclass(frozen=True, slots=True)
class Scan:
    """Values of a plant at the end of their interval; None is missing, 0 is a value."""

    plant_id: str
    event_time_ms: int
    known_at_ms: int
    power_kw: float | None
    sensors: dict[str, float | None] = field(default_factory=dict)
    status: str | None = None
    units: tuple[Unit, ...] = ()

    def to_avro(self) -> dict[str, Any]:
        """The record as `Codec.encode("Telemetry", ...)` takes it."""
        others = {name: value for name, value in self.sensors.items() if name not in FIELDS}
        return {
            "plant_id": self.plant_id,
            "event_time": self.event_time_ms,
            "known_at": self.known_at_ms,
            "power_kw": self.power_kw,
            **{name: self.sensors.get(name) for name in FIELDS},
            "status": self.status,
            "units": [
                {
                    "unit_id": unit.unit_id,
                    "power_kw": unit.power_kw,
                    "wind_speed_ms": unit.wind_speed_ms,
                    "status": unit.status,
                }
                for unit in self.units
            ],
            "other": [{"name": name, "value": value} for name, value in others.items() if value is not None],
        }
