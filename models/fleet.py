"""All that is known of the plants of a worker: the columns, each plant's outlook, the shadows beside them.

A plant is a row here (slot), whichever journal partition it stands in: one call works on plants of all of
them. Who knows which plant has which row is the engine of its partition.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from models import rings
from models.board import Board
from models.forecast.base import HOUR_MS
from models.outlook import Outlook
from models.release import Release
from models.state import Field, FleetState
from models.steps import EngineSettings
from models.units import Units
from models.windows import MILLI_PER_KW, SCAN_STEPS_S, enough_scans
from schemas.records import PlantVersion

if TYPE_CHECKING:
    from models.shadows import Shadows

I8 = NDArray[np.int64]
F8 = NDArray[np.float64]

INTERVALS: Final = 320  # 26 h at 5 min, 80 h at 15 min
SENSED: Final = 32  # intervals of the sensors and units that the detectors look at
SETPOINT, WIND, POA = 0, 1, 2

CORE_FIELDS: Final = (
    Field("applied_offset", "i8", (), -1),
    Field("clock_ms", "i8", (), -1),
    Field("issued_ms", "i8", (), -1),
    Field("known_ms", "i8", (), -1),  # newest known_at of a record that was no tick
    Field("telemetry_ms", "i8", (), -1),  # newest event_time measured
    Field("telemetry_offset", "i8", (), -1),
    Field("capacity_kw", "f8", (), np.nan),
    Field("resolution_s", "i8", (), 900),
    Field("every_s", "i8", (), 900),
    Field("declared_scan_s", "i8", (), 0),
    Field("solar", "b1"),
    Field("step_counts", "i4", (len(SCAN_STEPS_S),)),
    Field("scan_time_ms", "i8", (rings.SCANS,), -1),
    Field("scan_value", "i8", (rings.SCANS,), rings.NO_VALUE),
    Field("same_value", "i8", (), rings.NO_VALUE),
    Field("same_since_ms", "i8", (), -1),
    Field("same_scans", "i8"),
    Field("power_index", "i4", (INTERVALS,), -1),
    Field("power_sum", "i8", (INTERVALS,)),
    Field("power_count", "i2", (INTERVALS,)),
    Field("sensed_index", "i4", (3, SENSED), -1),
    Field("sensed_sum", "i8", (3, SENSED)),
    Field("sensed_count", "i2", (3, SENSED)),
    Field("unit_index", "i4", ("U", 2, SENSED), -1),
    Field("unit_sum", "i8", ("U", 2, SENSED)),
    Field("unit_count", "i2", ("U", 2, SENSED)),
    Field("refused", "i8"),  # out of range since the last issue
    Field("refused_kw", "f8", (), np.nan),
)


class Ring(NamedTuple):
    """Numbers of the intervals held, their sums and counts of scans, each of shape (..., ring)."""

    held: NDArray[Any]
    sums: NDArray[Any]
    scans: NDArray[Any]


@dataclass
class Fleet:
    """State columns of plants and of their units, outlooks of champions and shadows by slot.

    `models` are the (name, version) of releases that forecasts were made with: columns of pending forecasts
    hold places in this list. `weather` is what the champions' weather says of the hours around each clock.
    """

    settings: EngineSettings
    fields: tuple[Field, ...]
    shadows: Shadows
    state: FleetState = field(init=False)
    units: Units = field(init=False)
    outlooks: dict[int, Outlook] = field(default_factory=dict)
    ids: dict[int, str] = field(default_factory=dict)
    models: list[tuple[str, ...]] = field(default_factory=list)
    weather: Board = field(default_factory=Board)

    def __post_init__(self) -> None:
        self.state = FleetState(tuple(f for f in self.fields if not f.per_unit))
        self.units = Units(self.fields)

    def add(self, plant: PlantVersion, release: Release) -> int:
        """A row for a new plant."""
        outlook, slot = Outlook(plant, release), self.state.add()
        self.ids[slot], self.outlooks[slot] = plant.plant_id, outlook
        self.units.add(slot)
        self.note(slot)
        return slot

    def free(self, slot: int) -> None:
        """A plant leaves, with all that was known of it."""
        self.shadows.forget(slot)
        for by_slot in (self.ids, self.outlooks):
            by_slot.pop(slot, None)
        self.units.free(slot)
        self.state.free(slot)

    def row(self, slot: int) -> dict[str, NDArray[Any]]:
        """A copy of what is known of a plant and of its units, in the order of the fields."""
        found = self.state.row(slot) | self.units.row(slot)
        return {f.name: found[f.name] for f in self.fields}

    def put(self, slot: int, row: dict[str, NDArray[Any]], units: list[str]) -> None:
        """Write back what is known of a plant, and of its units by their names."""
        self.state.put(slot, row)
        self.units.put(slot, units, row)

    def outlooks_of(self, slot: int) -> list[Outlook]:
        """The outlook of a plant's champion, and that of its shadow where one forecasts."""
        return [self.outlooks[slot], *self.shadows.outlook(slot)]

    def amend(self, slot: int, clock_ms: int) -> bool:
        """Let the version of a plant count that holds at a time; True when it is another one."""
        changed = [outlook.amend_at(clock_ms) for outlook in self.outlooks_of(slot)]
        if any(changed):
            self.note(slot)
        return any(changed)

    def number(self, model: tuple[str, ...]) -> int:
        """Place of a release's (name, version) in `models`, made when it is new."""
        if model not in self.models:
            self.models.append(model)
        return self.models.index(model)

    def note(self, slot: int) -> None:
        """Copy what the registry says of a plant into the columns."""
        plant, state = self.outlooks[slot].plant, self.state
        if state["resolution_s"][slot] != plant.resolution_s:
            for name in ("power_index", "sensed_index"):
                state[name][slot] = -1  # sums of intervals of another length mean nothing
            self.units.columns["unit_index"][self.units.block(slot)] = -1
        state["capacity_kw"][slot] = plant.capacity_kw
        state["resolution_s"][slot] = plant.resolution_s
        state["every_s"][slot] = self.settings.issue_every_s or plant.issue_every_s
        state["declared_scan_s"][slot] = plant.scan_s or 0
        state["solar"][slot] = plant.kind == "solar"

    def scan_s(self, slots: I8) -> I8:
        """Scan step: the registry's, else the commonest one seen, at most the resolution."""
        counts = self.state["step_counts"][slots]
        seen = np.where(counts.any(axis=1), np.array(SCAN_STEPS_S)[counts.argmax(axis=1)], 1)
        declared = self.state["declared_scan_s"][slots]
        return np.asarray(
            np.minimum(np.where(declared > 0, declared, seen), self.state["resolution_s"][slots])
        )

    def ring(self, name: str, sensor: int | None = None) -> Ring:
        """Interval numbers, sums and counts of a group of columns."""
        parts = _ring(self.state, name)
        return parts if sensor is None else Ring(*(column[:, sensor] for column in parts))

    def unit_ring(self) -> Ring:
        """The same of power and wind of units, each of shape (rows, 2, SENSED)."""
        return _ring(self.units.columns, "unit")


def _ring(columns: FleetState, name: str) -> Ring:
    return Ring(columns[f"{name}_index"], columns[f"{name}_sum"], columns[f"{name}_count"])


@dataclass(frozen=True)
class Past:
    """Telemetry of N plants as shares of capacity at their issues; NaN where missing.

    :param last: newest complete interval, (N,), and ``last_end_ms`` its end, (N,)
    :param trailing: means of the hours that end at T - i h, (N, hours)
    """

    last: F8
    last_end_ms: I8
    trailing: F8


def past_of(fleet: Fleet, slots: I8, issued_at_ms: I8, resolution_s: int, hours: int) -> Past:
    """The newest interval and the trailing hours of plants of one resolution."""
    state = fleet.state
    per_hour = max(HOUR_MS // (resolution_s * 1000), 1)
    newest = issued_at_ms // (resolution_s * 1000) - 1
    back = newest[:, None] - np.arange(hours * per_hour)
    sums, counts = rings.window(*fleet.ring("power"), slots, back)
    capacity = state["capacity_kw"][slots][:, None] * MILLI_PER_KW
    scan_s = fleet.scan_s(slots)[:, None]
    good = enough_scans(counts, resolution_s, scan_s)
    recent = good[:, : 2 * per_hour]
    pick = recent.argmax(axis=1)
    rows = np.arange(slots.size)
    with np.errstate(invalid="ignore", divide="ignore"):
        share = np.where(good, sums / np.maximum(counts, 1) / capacity, np.nan)
        hour_sums = sums.reshape(slots.size, hours, per_hour).sum(axis=2)
        hour_counts = counts.reshape(slots.size, hours, per_hour).sum(axis=2)
        enough = enough_scans(hour_counts, max(3600, resolution_s), scan_s)
        trailing = np.where(enough, hour_sums / np.maximum(hour_counts, 1) / capacity, np.nan)
    last = np.where(recent.any(axis=1), share[rows, pick], np.nan)
    return Past(last, (newest - pick + 1) * resolution_s * 1000, trailing)


def means_at(fleet: Fleet, slots: I8, end_ms: I8, interval_s: I8) -> F8:
    """Mean power [kW] of one interval of each plant, NaN where under half of its scans came, shape (N,)."""
    state = fleet.state
    resolution_ms = state["resolution_s"][slots] * 1000
    parts = np.maximum(interval_s * 1000 // resolution_ms, 1)
    span = np.arange(int(parts.max(initial=1)))
    index = (end_ms // resolution_ms - 1)[:, None] - span
    sums, counts = rings.window(*fleet.ring("power"), slots, index)
    inside = span < parts[:, None]
    total, scans = (sums * inside).sum(axis=1), (counts * inside).sum(axis=1)
    enough = enough_scans(scans, parts * resolution_ms // 1000, fleet.scan_s(slots))
    return np.where(enough, total / np.maximum(scans, 1) / MILLI_PER_KW, np.nan)
