"""A past range of one journal partition issued again: states, then the journal in silence, then aloud.

What is applied is what the live worker applied, by the same `Engine.apply`; so the numbers are the same to
the last bit, whatever the batches. Nothing here knows where the records come from.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field, fields, replace
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models import calibration
from models.engine import Engine
from models.outputs import Outputs
from models.release import Release
from models.snapshot import Snapshot
from schemas.codec import Codec
from schemas.errors import Reason, ReleaseRefused
from schemas.forecasts import ForecastBlock
from schemas.journal import Control, JournalBatch
from schemas.records import ReleaseRecord
from streams.decoding import decode
from streams.records import PlainRecords, Records
from streams.replay_states import Start


@dataclass(frozen=True)
class Range:
    """What is issued again: issues at T with from <= T < to, of all plants or of some."""

    from_ms: int
    to_ms: int
    plants: Collection[str] | None = None

    def holds(self, time_ms: int) -> bool:
        return self.from_ms <= time_ms < self.to_ms


@dataclass
class PartitionReplay:
    """One partition, fed in the order of its offsets. `release`: serve from it, whatever the journal says.

    A state is put into the engine when the journal has come to its place and not before, so that releases
    take effect on each plant in the order in which they did.
    """

    engine: Engine
    codec: Codec
    start: Start
    range: Range
    release: tuple[ReleaseRecord, Release] | None = None
    _waiting: list[Snapshot] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Raises `ReleaseRefused` where a release that served then is gone."""
        self._waiting = list(self.start.states)
        if self.release is not None:
            self.engine.serving.only(*self.release)
        else:
            for held in self.start.releases:
                self.engine.serving.add(held)
            self.engine.serving.refused = list(self.start.refused)
        self._restore_up_to(self.start.offset - 1)

    def feed(self, records: Records) -> Iterator[Outputs]:
        """Apply a batch; what comes out of the range, and nothing else."""
        for piece in self._pieces(records):
            self._restore_up_to(int(piece.offsets[0]) - 1)
            out = self.engine.apply(self._concerning(decode(self.codec, piece)))
            self._expect_known_refusals(out)
            yield self._spoken(out)

    @property
    def done(self) -> bool:
        """Whether every plant has passed the end of the range; never before all of them are known."""
        state = self.engine.fleet.state
        slots = [self.engine.slots.get(plant_id, -1) for plant_id in self.start.expected]
        if not slots or min(slots) < 0:
            return False
        return bool((state["clock_ms"][slots] >= self.range.to_ms).all())

    def _pieces(self, records: Records) -> Iterator[Records]:
        """The batch, cut where a state holds up to."""
        offsets = records.offsets
        places = [one.journal_offset for one in self._waiting]
        cuts = {int(cut) for cut in np.searchsorted(offsets, places, side="right")}
        edges = sorted({0, len(offsets), *cuts})
        for first, end in pairwise(edges):
            part = slice(first, end)
            yield PlainRecords(
                records.topic, records.partition, offsets[part], records.keys[part], records.payloads[part]
            )

    def _restore_up_to(self, offset: int) -> None:
        while self._waiting and self._waiting[0].journal_offset <= offset:
            taken = self._waiting.pop(0)
            self.engine.restore(taken)
            if self.release is not None:
                self._serve(taken.plant_id, *self.release)

    def _serve(self, plant_id: str, record: ReleaseRecord, release: Release) -> None:
        """The plant's state was written under another release, and perhaps beside a shadow."""
        fleet = self.engine.fleet
        slot = self.engine.slots[plant_id]
        self.engine.serving.only(record, release)
        fleet.shadows.forget(slot)
        fleet.outlooks[slot].adopt(release, int(fleet.state["clock_ms"][slot]))
        calibration.start_again(fleet.state, slot)

    def _concerning(self, batch: JournalBatch) -> JournalBatch:
        """The batch without what is in a state that waits, or of other plants than those asked for."""
        away = {one.plant_id for one in self._waiting}
        ids = batch.telemetry.plant_ids
        kept = np.array([self._wanted(plant_id) and plant_id not in away for plant_id in ids], np.bool_)
        telemetry = batch.telemetry
        if not kept.all():
            telemetry = telemetry.take(np.flatnonzero(kept[telemetry.plant]))
        controls = [(offset, one) for offset, one in batch.controls if self._counts(one, away)]
        return replace(batch, telemetry=telemetry, controls=controls)

    def _counts(self, control: Control, away: set[str]) -> bool:
        if isinstance(control, ReleaseRecord):
            return self.release is None
        return self._wanted(control.plant_id) and control.plant_id not in away

    def _wanted(self, plant_id: str) -> bool:
        return self.range.plants is None or plant_id in self.range.plants

    def _expect_known_refusals(self, out: Outputs) -> None:
        """A release that counted then and must not be used now would make other forecasts of the same range.

        Raises `ReleaseRefused`.
        """
        known = {one.why for one in self.start.refused}
        for bad in out.rejected:
            if (
                bad.reason is Reason.BAD_RELEASE
                and bad.offset <= self.start.judged
                and bad.detail not in known
            ):
                raise ReleaseRefused(f"a release that served then cannot be had any more: {bad.detail}")

    def _spoken(self, out: Outputs) -> Outputs:
        blocks = []
        for block in out.forecasts:
            inside = (block.issued_at_ms >= self.range.from_ms) & (block.issued_at_ms < self.range.to_ms)
            if inside.any():
                blocks.append(block if inside.all() else _rows(block, np.flatnonzero(inside)))
        events = [event for event in out.anomalies if self.range.holds(event["event_time"])]
        return Outputs(forecasts=blocks, anomalies=events, counts=out.counts)


def _rows(block: ForecastBlock, rows: NDArray[np.int64]) -> ForecastBlock:
    """Some forecasts of a block."""
    kept: dict[str, Any] = {}
    for one in fields(block):
        values = getattr(block, one.name)
        if one.name != "levels":
            kept[one.name] = [values[row] for row in rows] if isinstance(values, list) else values[rows]
    return replace(block, **kept)
