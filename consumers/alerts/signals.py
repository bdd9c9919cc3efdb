"""What the alerter hears: records of events and drift, and stalls, in one form.

`kind` is the detector of an event, or `drift`, or `stall`. Signals of one `key` are told apart and ordered
by (`started_at_ms`, `sequence`); a repeat of one already heard is known by that.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

DRIFT: Final = "drift"
STALL: Final = "stall"
SEVERITIES: Final = ("info", "warning", "critical")
#: Drift of one subject is told at most every three days while it lasts (`models/drift/`): so long after the
#: last event it is taken to be over.
DRIFT_LASTS_MS: Final = 4 * 86_400_000

Key = tuple[str, str, str, str]


class Heard(NamedTuple):
    """A record as it was taken from Kafka; `timestamp` is its kind and the milliseconds."""

    topic: str
    partition: int
    offset: int
    value: bytes | None
    timestamp: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Signal:
    """Something that may be worth an alert. Times are milliseconds since 1970, energy is kWh, power kW.

    `open` False: it is over. `lasts_ms`: it says nothing when it ends, and counts for so long.
    `logged_at_ms`: when Kafka took the record, the clock that waits are counted by.
    """

    kind: str
    plant_id: str
    unit_id: str
    subject: str
    started_at_ms: int
    sequence: int
    open: bool
    severity: str
    energy_kwh: float
    event_time_ms: int
    logged_at_ms: int
    message: str
    topic: str = ""
    partition: int = -1
    lasts_ms: int | None = None
    expected_kw: float | None = None
    actual_kw: float | None = None
    evidence: Mapping[str, float] = field(default_factory=dict)

    @property
    def key(self) -> Key:
        """What it is about: signals of one key belong to one alert at a time."""
        return self.kind, self.plant_id, self.unit_id, self.subject

    @property
    def order(self) -> tuple[int, int]:
        """Its place among the signals of its key."""
        return self.started_at_ms, self.sequence


def rank(severity: str) -> int:
    """0 for info, 1 for warning, 2 for critical."""
    return SEVERITIES.index(severity)


def of_event(record: Mapping[str, Any], heard: Heard) -> Signal:
    """A record of `plant.anomalies`."""
    return Signal(
        kind=record["detector"],
        plant_id=record["plant_id"],
        unit_id=record["unit_id"],
        subject="",
        started_at_ms=record["started_at"],
        sequence=record["sequence"],
        open=record["phase"] != "close",
        severity=record["severity"],
        energy_kwh=record["energy_kwh"],
        event_time_ms=record["event_time"],
        logged_at_ms=heard.timestamp[1],
        message=record["message"],
        topic=heard.topic,
        partition=heard.partition,
        expected_kw=record["expected_kw"],
        actual_kw=record["actual_kw"],
        evidence=record["evidence"],
    )


def of_drift(record: Mapping[str, Any], heard: Heard) -> Signal:
    """A record of `model.drift`: always a warning, and over when none has followed for days."""
    numbers = {name: record[name] for name in ("statistic", "p_value", "before", "after")}
    return Signal(
        kind=DRIFT,
        plant_id=record["plant_id"],
        unit_id="",
        subject=record["subject"],
        started_at_ms=record["event_time"],
        sequence=0,
        open=True,
        severity="warning",
        energy_kwh=0.0,
        event_time_ms=record["event_time"],
        logged_at_ms=heard.timestamp[1],
        message=record["message"],
        topic=heard.topic,
        partition=heard.partition,
        lasts_ms=DRIFT_LASTS_MS,
        evidence={name: value for name, value in numbers.items() if value is not None},
    )
