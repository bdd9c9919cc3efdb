"""The engine: what a journal partition means. Records in, forecasts, scores and events out; no clock, no I/O.

The live worker, the replay, the backtest and the warm-up of a restore all call `Engine.apply`. What comes out
depends on the records and their order alone, never on how they are cut into batches.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models import (
    calibration,
    coverage,
    ingest,
    issuing,
    maturing,
    pending,
    rounds,
    snapshot,
    start_scale,
    succession,
    watch,
)
from models.fleet import CORE_FIELDS, Fleet
from models.outlook import Outlook
from models.release import Release
from models.serving import Serving
from models.shadows import Shadows
from models.snapshot import Held, Snapshot
from models.state import FleetState
from models.steps import EngineSettings
from models.ticking import Ticker
from models.validate import Verdicts, Versions, explain, not_registered, validate
from models.validate_control import fault_of_plant, fault_of_run, fault_of_versions, without_nonsense
from schemas.errors import Reason, ReleaseRefused
from schemas.forecasts import ForecastBlock
from schemas.journal import Bad, Control, JournalBatch, TelemetryColumns
from schemas.records import PlantVersion, ReleaseRecord, WeatherRun
from schemas.scores import ScoreBlock

I8 = NDArray[np.int64]


@dataclass
class Outputs:
    """What a batch led to; records are Avro-shaped."""

    forecasts: list[ForecastBlock] = field(default_factory=list)
    scores: list[ScoreBlock] = field(default_factory=list)
    anomalies: list[dict[str, Any]] = field(default_factory=list)
    drift: list[dict[str, Any]] = field(default_factory=list)
    rejected: list[Bad] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)


class Engine:
    """All plants of one journal partition."""

    def __init__(self, settings: EngineSettings, load_release: Callable[[ReleaseRecord], Release]) -> None:
        bands, waiting = calibration.FIELDS, pending.fields(len(settings.levels))
        other = *maturing.FIELDS, *watch.FIELDS, *coverage.FIELDS
        fields = *CORE_FIELDS, *start_scale.FIELDS, *bands, *waiting, *other
        self.fleet = Fleet(settings, FleetState(fields, {"U": 1}))
        self.shadows = Shadows((*bands, *waiting))
        self.serving = Serving(load_release)
        self.changed: set[str] = set()
        self.ticker = Ticker()

    @property
    def plants(self) -> list[str]:
        """Plants of the partition, in the order of their registration."""
        return self.fleet.ids

    def outlooks(self, slot: int) -> list[Outlook]:
        """The outlook of a plant's champion, and that of its shadow where one forecasts."""
        return [self.fleet.outlooks[slot], *self.shadows.outlook(slot)]

    def amend(self, slot: int, clock_ms: int) -> bool:
        """Let the version of a plant count that holds at a time; True when it is another one."""
        changed = [outlook.amend_at(clock_ms) for outlook in self.outlooks(slot)]
        if any(changed):
            self.fleet.note(slot)
        return any(changed)

    def clear_changed(self) -> None:
        """Forget which plants have changed: they have just been written down."""
        self.changed.clear()

    def apply(self, batch: JournalBatch, speak: bool = True) -> Outputs:
        """Apply a batch in the order of its offsets.

        :param speak: False learns in silence (a restore, a warm-up): nothing comes out but counts
        """
        out = Outputs()
        start = 0
        offsets = batch.telemetry.offset
        for offset, control in batch.controls:
            end = int(np.searchsorted(offsets, offset))
            self._telemetry(batch.telemetry, start, end, out)
            self._control(offset, control, out)
            start = end
        self._telemetry(batch.telemetry, start, len(offsets), out)
        out.counts["records"] += batch.size
        return out if speak else Outputs(counts=out.counts)

    def _telemetry(self, columns: TelemetryColumns, start: int, end: int, out: Outputs) -> None:
        if start == end:
            return
        whole = start == 0 and end == len(columns)
        rows = columns if whole else columns.take(np.arange(start, end))
        fleet, state = self.fleet, self.fleet.state
        lanes = np.array([state.slots.get(p, -1) for p in rows.plant_ids], np.int64)
        slots = lanes[rows.plant]
        versions = {p: fleet.outlooks[state.slots[p]].versions for p in rows.plant_ids if p in state.slots}
        verdicts = validate(rows, versions)
        fresh = (slots < 0) | (rows.offset > state["applied_offset"][slots])
        _refuse(rows, verdicts, versions, fresh, out)
        mine = np.flatnonzero(fresh & (slots >= 0))
        if not mine.size:
            return
        np.maximum.at(state["applied_offset"], slots[mine], rows.offset[mine])
        self.changed.update(fleet.ids[s] for s in np.unique(slots[mine]))
        self._run_rounds(rows, slots, mine, verdicts, out)

    def _run_rounds(
        self, rows: TelemetryColumns, slots: I8, mine: I8, verdicts: Verdicts, out: Outputs
    ) -> None:
        state = self.fleet.state
        s = slots[mine]
        order = _UnitOrder(rows)
        every_ms = state["every_s"][s] * 1000
        reach_ms = self.fleet.settings.horizon_s * 1000
        for part in rounds.rounds(
            s,
            rows.event_time_ms[mine],
            verdicts.ok[mine],
            rows.is_tick[mine],
            state["clock_ms"][s],
            every_ms,
            reach_ms,
        ):
            if isinstance(part, rounds.Rows):
                picked = mine[part.row]
                ingest.apply(self.fleet, rows, slots, picked, order.of(picked), verdicts, out.counts)
            else:
                issuing.issue(self, part.slot, part.issued_at_ms, rows.known_at_ms[mine[part.row]], out)

    def _control(self, offset: int, control: Control, out: Outputs) -> None:
        if isinstance(control, ReleaseRecord):
            self._release(offset, control, out)
            return
        known, slot = (
            control.plant_id in self.fleet.state.slots,
            self.fleet.state.slots.get(control.plant_id, -1),
        )
        if known and offset <= self.fleet.state["applied_offset"][slot]:
            return
        if isinstance(control, PlantVersion):
            versions = self.fleet.outlooks[slot].versions if known else []
            fault, reason = fault_of_plant(control) or fault_of_versions(versions, control), Reason.BAD_PLANT
        elif known:
            fault, reason = fault_of_run(control), Reason.BAD_RUN
        else:
            fault, reason = not_registered(control.plant_id), Reason.UNKNOWN_PLANT
        if fault is not None:
            out.rejected.append(Bad(offset, reason, fault, control.plant_id))
        elif isinstance(control, PlantVersion):
            out.counts["repeats"] += control in versions
            self._plant(offset, control)
        else:
            self._run(slot, control, out)
        if control.plant_id in self.fleet.state.slots:
            self.fleet.state["applied_offset"][self.fleet.state.slots[control.plant_id]] = offset
            self.changed.add(control.plant_id)

    def _plant(self, offset: int, plant: PlantVersion) -> None:
        fleet = self.fleet
        slot = fleet.state.slots.get(plant.plant_id)
        if slot is None:
            slot = fleet.add(plant, self.serving.cold)
            succession.take_up(self, slot, offset)
        for outlook in self.outlooks(slot):
            outlook.register(plant)
        if self.amend(slot, int(fleet.state["clock_ms"][slot])):
            self.ticker.changed(plant.plant_id, plant.known_at_ms)
        fleet.note(slot)

    def _run(self, slot: int, run: WeatherRun, out: Outputs) -> None:
        state, sane = self.fleet.state, without_nonsense(run)
        state["known_ms"][slot] = max(int(state["known_ms"][slot]), run.known_at_ms)
        for outlook in self.outlooks(slot):
            new = outlook.arrive(sane)  # the same for both: they have heard of the same runs
        differs = not new and self.fleet.outlooks[slot].differs(sane)
        out.counts["runs" if new else "conflicts" if differs else "repeats"] += 1

    def _release(self, offset: int, record: ReleaseRecord, out: Outputs) -> None:
        why, first = self.serving.refusal_of(record), self.serving.first_offset(record)
        if why is None:
            try:
                succession.hear(self, Held(offset, record))
            except ReleaseRefused as error:
                why = self.serving.refuse(offset, record, str(error))
        if why is not None:
            out.rejected.append(Bad(offset, Reason.BAD_RELEASE, why))
        elif first is not None and first < offset:
            out.counts["repeats"] += 1

    def due_ticks(self, now_ms: int) -> list[tuple[str, int]]:
        """(plant, T) that a tick should be written for."""
        return self.ticker.due(self.fleet, now_ms)

    def snapshot(self, plant_id: str) -> Snapshot:
        """The whole state of one plant, and the journal offset up to which it holds."""
        return snapshot.take(self, plant_id)

    def restore(self, taken: Snapshot) -> None:
        """Put a plant back as it was.

        :raises ReleaseRefused: the release that served it is not to be had
        """
        snapshot.put(self, taken)


def _refuse(
    rows: TelemetryColumns, verdicts: Verdicts, versions: Versions, fresh: NDArray[np.bool_], out: Outputs
) -> None:
    for row in np.flatnonzero(~verdicts.ok & fresh).tolist():
        why = verdicts.reason(row)
        detail = explain(rows, row, why, versions)
        out.rejected.append(Bad(int(rows.offset[row]), why, detail, rows.plant_ids[rows.plant[row]]))


class _UnitOrder:
    """Finds the unit readings of some telemetry rows."""

    def __init__(self, rows: TelemetryColumns) -> None:
        self.starts = np.searchsorted(rows.units.row, np.arange(len(rows) + 1)) if len(rows.units) else None

    def of(self, picked: I8) -> I8:
        if self.starts is None:
            return np.empty(0, np.int64)
        counts = self.starts[picked + 1] - self.starts[picked]
        first = np.repeat(self.starts[picked] - np.append(0, np.cumsum(counts)[:-1]), counts)
        return np.asarray(first + np.arange(int(counts.sum())), np.int64)
