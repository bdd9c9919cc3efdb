"""What a detector may see, and what it says.

A `PlantView` is cut from the fleet's state at an issue: N plants, their newest W intervals (newest last), U
units (padded). A detector reads it, changes nothing but the rows of its own fields in `state`, and answers
with `Findings`. It never sees a clock, another plant's rows, or what became known later. Whether an event
opens or closes is not its business (`events.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import copy
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from typing import Any, Final, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from models.state import Field
from models.windows import LOOKED_AT

F8 = NDArray[np.float64]
I8 = NDArray[np.int64]
I1 = NDArray[np.int8]
Bools = NDArray[np.bool_]
T = TypeVar("T")

WINDOW: Final = LOOKED_AT
FULL_SHARE: Final = 0.98
SETPOINT_SLACK: Final = 0.03
INFO: Final = 0
WARNING: Final = 1
CRITICAL: Final = 2


def at_places(values: NDArray[Any], places: I8) -> NDArray[Any]:
    """Values at places of the last axis, as `numpy.take_along_axis` has them, whose cost on a few plants is
    ten times this.
    """
    first = np.arange(0, values.size, values.shape[-1]).reshape(*values.shape[:-1], 1)
    return values.reshape(-1).take(places + first)


def intervals(resolution_s: I8, issued_at_ms: I8) -> I8:
    """Numbers of the newest intervals that had ended at an issue, newest last, shape (N, W)."""
    return (issued_at_ms // (resolution_s * 1000) - 1)[:, None] + np.arange(1 - WINDOW, 1)


@dataclass(frozen=True)
class PlantView:
    """N plants at one issue each.

    Missing numbers are NaN, missing times -1. Intervals are of the plant's own resolution; the last one is
    the newest that had ended at the issue, so a silent feed ends in NaN. Units are numbered by first
    appearance and a unit's rows in `state` have the same place; places beyond a plant's own units are NaN.

    :param since_ms: the plant's previous issue, shape (N,)
    :param known_at_ms: when the record that triggered the issue was known, shape (N,)
    :param expected: 10 %, 50 % and 90 % of the weather base [kW], NaN without weather or model, shape (N, W,
        3)
    :param silent_s: age of the newest telemetry at the issue, infinite if there never was any, shape (N,)
    :param weather_silent_s: time since the newest run was published, infinite if never, shape (N,)
    :param impossible: records refused as out of range since the previous issue, shape (N,)
    :param impossible_kw: the worst of them [kW], shape (N,)
    :param same_scans: length of the current run of identical nonzero power scans, shape (N,)
    :param same_s: how long that run has lasted [s], shape (N,)
    :param strong_h: strong wind or sun since the plant is known, in hours at full power, shape (N,)
    :param highest_kw: its best hour while the physical start serves [kW], shape (N,)
    :param state: rows of the declared fields, each of shape (N, ...); belongs to these plants
    """

    plant_ids: list[str]
    is_solar: Bools
    capacity_kw: F8
    resolution_s: I8
    issued_at_ms: I8
    since_ms: I8
    known_at_ms: I8
    power_kw: F8
    setpoint_kw: F8
    wind_speed_ms: F8
    poa_w_m2: F8
    expected: F8
    daylight: Bools
    silent_s: F8
    weather_silent_s: F8
    weather_expected: Bools
    impossible: I8
    impossible_kw: F8
    same_scans: I8
    same_s: F8
    strong_h: F8
    highest_kw: F8
    unit_ids: list[list[str]]
    unit_power_kw: F8
    unit_wind_ms: F8
    state: Mapping[str, NDArray[Any]]

    def take(self, places: I8) -> PlantView:
        """Some of the plants, without units."""
        columns = {name: getattr(self, name)[places] for name in _OF_PLANTS}
        return replace(self, plant_ids=[self.plant_ids[place] for place in places.tolist()], **columns)

    def with_units(self, **units: Any) -> PlantView:
        """The same plants, of which nothing was said of units, with theirs."""
        made = copy(self)  # what was worked out of the plants goes along
        vars(made).update(units)
        return made

    @cached_property
    def _worked_out(self) -> dict[Any, Any]:
        return {}

    def once(self, what: Any, make: Callable[[], T]) -> T:
        """What several detectors ask for, made for the first that does."""
        if what not in self._worked_out:
            self._worked_out[what] = make()
        found: T = self._worked_out[what]
        return found

    @cached_property
    def new_intervals(self) -> I8:
        """Intervals that ended since the previous issue, 0 to `WINDOW`, shape (N,)."""
        resolution_ms = self.resolution_s * 1000
        ended = self.issued_at_ms // resolution_ms - self.since_ms // resolution_ms
        return np.where(self.since_ms < 0, 1, np.clip(ended, 0, WINDOW))

    @cached_property
    def new_hours(self) -> F8:
        """Length of the intervals that ended since the previous issue [h], shape (N,)."""
        return self.new_intervals * self.resolution_s / 3600.0

    @cached_property
    def bound(self) -> Bools:
        """Intervals in which a setpoint below capacity holds the plant down, shape (N, W)."""
        capacity_kw = self.capacity_kw[:, None]
        limits = self.setpoint_kw < FULL_SHARE * capacity_kw
        reached: Bools = self.power_kw >= self.setpoint_kw - SETPOINT_SLACK * capacity_kw
        return limits & reached

    @cached_property
    def sound_unit_power_kw(self) -> F8:
        """Unit power without values that the whole plant could not have, shape (N, U, W)."""
        capacity_kw = self.capacity_kw[:, None, None]
        sound = (self.unit_power_kw > -0.05 * capacity_kw) & (self.unit_power_kw <= 1.2 * capacity_kw)
        return np.where(sound, self.unit_power_kw, np.nan)

    def is_open(self, detector: str) -> Bools:
        """Whether an event of the detector is open, shape (N,) or (N, U)."""
        is_open: Bools = self.state[f"{detector}.opened_ms"] >= 0
        return is_open


_OF_PLANTS: Final = tuple(
    f.name
    for f in fields(PlantView)
    if f.name not in ("plant_ids", "unit_ids", "unit_power_kw", "unit_wind_ms", "state")
)


@dataclass(frozen=True)
class Findings:
    """What a detector says of each plant, shape (N,), or of each unit, shape (N, U).

    :param active: the fault is seen
    :param judged: there was something to judge by; elsewhere an open event stays as it is
    :param severity: `INFO`, `WARNING` or `CRITICAL`
    :param expected_kw: what should have come in the newest interval [kW], NaN where nobody can say
    :param actual_kw: what came [kW]
    :param evidence: named numbers that an operator can check; each of the same shape
    """

    active: Bools
    judged: Bools
    severity: I1
    expected_kw: F8
    actual_kw: F8
    evidence: dict[str, F8] = field(default_factory=dict)


@dataclass(frozen=True)
class Case:
    """One open event at one look, for the sentence that tells of it; `unit_id` is "" for the plant."""

    plant_id: str
    unit_id: str
    capacity_kw: float
    expected_kw: float
    actual_kw: float
    energy_kwh: float
    evidence: Mapping[str, float]

    @property
    def who(self) -> str:
        return f"Unit {self.unit_id}" if self.unit_id else f"Plant {self.plant_id}"


class Detector(Protocol):
    """One fault that can be seen. `opens_after` and `closes_after` count judged looks."""

    @property
    def name(self) -> str: ...
    @property
    def fields(self) -> tuple[Field, ...]: ...
    @property
    def per_unit(self) -> bool: ...
    @property
    def opens_after(self) -> int: ...
    @property
    def closes_after(self) -> int: ...

    def look(self, view: PlantView) -> Findings: ...

    def describe(self, case: Case) -> str:
        """One plain sentence without a full stop that says what is wrong."""
        ...
