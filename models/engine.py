"""The engine: what a journal partition means. Records in, forecasts, scores and events out; no clock, no I/O.

The live worker, the replay, the backtest and the warm-up of a restore all go through `models.turn`. What
comes out depends on the records and their order alone, never on how they are cut into batches.
"""

from __future__ import annotations

from collections.abc import Callable

from models import (
    calibration,
    coverage,
    maturing,
    pending,
    snapshot,
    start_scale,
    succession,
    turn,
    watch,
)
from models.fleet import CORE_FIELDS, Fleet
from models.outlook import Outlook
from models.outputs import Outputs
from models.release import Release
from models.serving import Serving
from models.shadows import Shadows
from models.snapshot import Held, Snapshot
from models.steps import EngineSettings
from models.ticking import Ticker
from models.turn import Share
from models.validate import not_registered
from models.validate_control import fault_of_plant, fault_of_run, fault_of_versions, without_nonsense
from schemas.errors import Reason, ReleaseRefused
from schemas.journal import Bad, Control, JournalBatch
from schemas.records import PlantVersion, ReleaseRecord, WeatherRun


def new_fleet(settings: EngineSettings) -> Fleet:
    """Room for plants: nobody is there yet."""
    bands, waiting = calibration.FIELDS, pending.fields(len(settings.levels))
    other = *maturing.FIELDS, *watch.FIELDS, *coverage.FIELDS
    fields = *CORE_FIELDS, *start_scale.FIELDS, *bands, *waiting, *other
    return Fleet(settings, fields, Shadows((*bands, *waiting)))


class Engine:
    """All plants of one journal partition.

    `slots`: the row of each plant in `fleet`, in the order of registration. Engines of one worker stand on
    the same fleet, so that a turn works on the plants of all of them at once.
    """

    def __init__(self, settings: EngineSettings, load_release: Callable[[ReleaseRecord], Release]) -> None:
        self.fleet = new_fleet(settings)
        self.serving = Serving(load_release)
        self.slots: dict[str, int] = {}
        self.changed: set[str] = set()
        self.ticker = Ticker()

    @property
    def plants(self) -> list[str]:
        """Plants of the partition, in the order of their registration."""
        return list(self.slots)

    def outlooks(self, plant_id: str) -> list[Outlook]:
        """The outlook of a plant's champion, and that of its shadow where one forecasts."""
        return self.fleet.outlooks_of(self.slots[plant_id])

    def clear_changed(self) -> None:
        """Forget which plants have changed: they have just been written down."""
        self.changed.clear()

    def join(self, fleet: Fleet) -> None:
        """Stand on a fleet with others, before the first plant."""
        self.fleet = fleet

    def leave(self) -> None:
        """Take the plants out of the fleet; the engine must not be used any more."""
        for slot in self.slots.values():
            self.fleet.free(slot)
        self.slots.clear()

    def add(self, plant: PlantVersion, release: Release) -> int:
        """A row for a new plant, or a new one for a plant that begins again."""
        if plant.plant_id in self.slots:
            self.fleet.free(self.slots.pop(plant.plant_id))
        self.slots[plant.plant_id] = self.fleet.add(plant, release)
        return self.slots[plant.plant_id]

    def apply(self, batch: JournalBatch, speak: bool = True) -> Outputs:
        """Apply one batch alone, in the order of its offsets.

        :param speak: False learns in silence (a restore, a warm-up): nothing comes out but counts
        """
        out, refused = turn.apply([Share(self, batch)], speak)
        out.rejected = refused[0]
        return out

    def control(self, offset: int, control: Control, out: Outputs, refused: list[Bad]) -> None:
        """Take in a record that is no telemetry; ``refused`` gets those that cannot count."""
        if isinstance(control, ReleaseRecord):
            self._release(offset, control, out, refused)
            return
        slot, applied = self.slots.get(control.plant_id, -1), self.fleet.state["applied_offset"]
        known = slot >= 0
        if known and offset <= applied[slot]:
            return
        if isinstance(control, PlantVersion):
            versions = self.fleet.outlooks[slot].versions if known else []
            fault, reason = fault_of_plant(control) or fault_of_versions(versions, control), Reason.BAD_PLANT
        elif known:
            fault, reason = fault_of_run(control), Reason.BAD_RUN
        else:
            fault, reason = not_registered(control.plant_id), Reason.UNKNOWN_PLANT
        if fault is not None:
            refused.append(Bad(offset, reason, fault, control.plant_id))
        elif isinstance(control, PlantVersion):
            out.counts["repeats"] += control in versions
            self._plant(offset, control)
        else:
            self._run(slot, control, out)
        if control.plant_id in self.slots:
            self.fleet.state["applied_offset"][self.slots[control.plant_id]] = offset
            self.changed.add(control.plant_id)

    def _plant(self, offset: int, plant: PlantVersion) -> None:
        fleet, slot = self.fleet, self.slots.get(plant.plant_id)
        if slot is None:
            slot = self.add(plant, self.serving.cold)
            succession.take_up(self, slot, offset)
        for outlook in fleet.outlooks_of(slot):
            outlook.register(plant)
        if fleet.amend(slot, int(fleet.state["clock_ms"][slot])):
            self.ticker.changed(plant.plant_id, plant.known_at_ms)
        fleet.note(slot)

    def _run(self, slot: int, run: WeatherRun, out: Outputs) -> None:
        state, sane = self.fleet.state, without_nonsense(run)
        state["known_ms"][slot] = max(int(state["known_ms"][slot]), run.known_at_ms)
        for outlook in self.fleet.outlooks_of(slot):
            new = outlook.arrive(sane)  # the same for both: they have heard of the same runs
        differs = not new and self.fleet.outlooks[slot].differs(sane)
        out.counts["runs" if new else "conflicts" if differs else "repeats"] += 1

    def _release(self, offset: int, record: ReleaseRecord, out: Outputs, refused: list[Bad]) -> None:
        why, first = self.serving.refusal_of(record), self.serving.first_offset(record)
        if why is None:
            try:
                succession.hear(self, Held(offset, record))
            except ReleaseRefused as error:
                why = self.serving.refuse(offset, record, str(error))
        if why is not None:
            refused.append(Bad(offset, Reason.BAD_RELEASE, why))
        elif first is not None and first < offset:
            out.counts["repeats"] += 1

    def due_ticks(self, now_ms: int) -> list[tuple[str, int]]:
        """(plant, T) that a tick should be written for."""
        return self.ticker.due(self.fleet, self.slots, now_ms)

    def snapshot(self, plant_id: str) -> Snapshot:
        """The whole state of one plant, and the journal offset up to which it holds."""
        return snapshot.take(self, plant_id)

    def restore(self, taken: Snapshot) -> None:
        """Put a plant back as it was.

        :raises ReleaseRefused: the release that served it is not to be had
        """
        snapshot.put(self, taken)
