"""A turn: batches of several journal partitions, applied at once to the one fleet that their plants stand in.

A plant's results depend on its own records in their order, so only that order is kept. The records that say
what a plant is, which weather it has and who forecasts it (controls) cut its telemetry into stretches; what
stands in the same stretch is done for all plants of all partitions together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from models import ingest, issuing, rounds
from models.fleet import Fleet
from models.outputs import Outputs
from models.validate import Verdicts, Versions, explain, validate
from schemas.journal import Bad, JournalBatch, TelemetryColumns
from schemas.records import ReleaseRecord

if TYPE_CHECKING:
    from models.engine import Engine

I8 = NDArray[np.int64]


class Share(NamedTuple):
    """What a turn has for one engine: a batch of its partition."""

    engine: Engine
    batch: JournalBatch


def apply(shares: Sequence[Share], speak: bool = True) -> tuple[Outputs, list[list[Bad]]]:
    """Apply the batches of a turn, each in the order of its offsets.

    :param shares: of engines on one fleet, at most one of each
    :param speak: False learns in silence (a restore, a warm-up): nothing comes out but counts
    :return: what all of them led to, and the refused records of each share, by offset
    """
    turn = _Turn.of(shares)
    out = Outputs()
    refused: list[list[Bad]] = [[] for _ in shares]
    cuts = [_stretches(batch) for _, batch in shares]
    stretch = np.concatenate([of_rows for of_rows, _ in cuts])
    for number in range(max(int(stretch.max(initial=0)), *(max(of, default=0) for _, of in cuts)) + 1):
        for (engine, batch), (_, of_controls), bad in zip(shares, cuts, refused, strict=True):
            for (offset, control), at in zip(batch.controls, of_controls, strict=True):
                if at == number:
                    engine.control(offset, control, out, bad)
        turn.telemetry(np.flatnonzero(stretch == number), out, refused)
    for bad in refused:
        bad.sort(key=lambda one: one.offset)
    out.counts["records"] += sum(batch.size for _, batch in shares)
    return (out, refused) if speak else (Outputs(counts=out.counts), [[] for _ in shares])


def _stretches(batch: JournalBatch) -> tuple[I8, list[int]]:
    """The stretch of each telemetry row (n,), and of each control: it comes before the rows of its stretch.

    A release concerns every plant of the partition, so all go on in a new stretch behind it.
    """
    rows, floor = batch.telemetry, 0
    stretch, reached, of_controls = np.zeros(len(rows), np.int64), dict[str, int](), list[int]()
    places = {plant_id: place for place, plant_id in enumerate(rows.plant_ids)} if batch.controls else {}
    for offset, control in batch.controls:
        after = int(np.searchsorted(rows.offset, offset))
        if isinstance(control, ReleaseRecord):
            floor = max(floor, *reached.values(), 0) + 1
            stretch[after:] = floor
            reached.clear()
            of_controls.append(floor)
        else:
            number = reached.get(control.plant_id, floor) + 1
            mine = np.flatnonzero(rows.plant[after:] == places.get(control.plant_id, -1))
            stretch[after + mine] = reached[control.plant_id] = number
            of_controls.append(number)
    return stretch, of_controls


@dataclass(frozen=True)
class _Turn:
    """The telemetry of all shares in one table; ``share`` (n,) is that of each row, and ``owner`` the engine
    of each entry of its ``plant_ids``: two partitions may both speak of a plant, of which only one knows it.
    """

    fleet: Fleet
    columns: TelemetryColumns
    share: I8
    owner: list[Engine]

    @classmethod
    def of(cls, shares: Sequence[Share]) -> _Turn:
        parts = [batch.telemetry for _, batch in shares]
        owner = [engine for engine, batch in shares for _ in batch.telemetry.plant_ids]
        share = np.repeat(np.arange(len(parts)), [len(part) for part in parts])
        return cls(shares[0].engine.fleet, TelemetryColumns.beside_each_other(parts), share, owner)

    def telemetry(self, picked: I8, out: Outputs, refused: list[list[Bad]]) -> None:
        """Apply the rows of one stretch."""
        if not picked.size:
            return
        rows, share = self.columns, self.share
        if picked.size < len(rows):
            rows, share = rows.take(picked), share[picked]
        fleet, state = self.fleet, self.fleet.state
        lanes = [engine.slots.get(p, -1) for engine, p in zip(self.owner, rows.plant_ids, strict=True)]
        slots = np.array(lanes, np.int64)[rows.plant]
        versions = [fleet.outlooks[slot].versions if slot >= 0 else () for slot in lanes]
        verdicts = validate(rows, versions)
        fresh = (slots < 0) | (rows.offset > state["applied_offset"][slots])
        _refuse(rows, verdicts, versions, fresh, share, refused)
        mine = np.flatnonzero(fresh & (slots >= 0))
        if not mine.size:
            return
        np.maximum.at(state["applied_offset"], slots[mine], rows.offset[mine])
        for place in np.unique(rows.plant[mine]).tolist():
            self.owner[place].changed.add(rows.plant_ids[place])
        _run_rounds(fleet, rows, slots, mine, verdicts, out)


def _run_rounds(
    fleet: Fleet, rows: TelemetryColumns, slots: I8, mine: I8, verdicts: Verdicts, out: Outputs
) -> None:
    state, s = fleet.state, slots[mine]
    order = _UnitOrder(rows)
    for part in rounds.rounds(
        s,
        rows.event_time_ms[mine],
        verdicts.ok[mine],
        rows.is_tick[mine],
        state["clock_ms"][s],
        state["every_s"][s] * 1000,
        fleet.settings.horizon_s * 1000,
    ):
        if isinstance(part, rounds.Rows):
            picked = mine[part.row]
            ingest.apply(fleet, rows, slots, picked, order.of(picked), verdicts, out.counts)
        else:
            issuing.issue(fleet, part.slot, part.issued_at_ms, rows.known_at_ms[mine[part.row]], out)


def _refuse(
    rows: TelemetryColumns,
    verdicts: Verdicts,
    versions: Versions,
    fresh: NDArray[np.bool_],
    share: I8,
    refused: list[list[Bad]],
) -> None:
    for row in np.flatnonzero(~verdicts.ok & fresh).tolist():
        why = verdicts.reason(row)
        detail = explain(rows, row, why, versions)
        bad = Bad(int(rows.offset[row]), why, detail, rows.plant_ids[rows.plant[row]])
        refused[int(share[row])].append(bad)


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
