"""What plants measured, as interval means by the engine's own rule, from the journal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from consumers.registry import Registry
from consumers.scan import Advance, silent
from infra.topic_reader import read
from infra.topics import JOURNAL
from models.windows import commonest_step_s, interval_means
from schemas.codec import Codec
from schemas.journal import JournalBatch, TelemetryColumns
from schemas.records import PlantVersion

if TYPE_CHECKING:
    from confluent_kafka import Message

    from infra.settings import Settings

F8 = NDArray[np.float64]
I8 = NDArray[np.int64]


@dataclass
class Measured:
    """Scans of one plant in the order of arrival: stamps i8[n] [ms], power f8[n] [kW], NaN where missing.

    Of a stamp that came twice the last value counts. `scan_s`: usual time between two scans. `plant`: the
    newest version that is known.
    """

    event_time_ms: I8
    power_kw: F8
    scan_s: int
    plant: PlantVersion | None = None
    _means: dict[int, tuple[int, F8]] = field(default_factory=dict)

    @classmethod
    def of(cls, event_time_ms: I8, power_kw: F8, plant: PlantVersion | None) -> Measured:
        """The scan step is the registry's, else the commonest one, and never over the resolution."""
        declared = plant.scan_s if plant is not None else None
        scan_s = declared or commonest_step_s(np.unique(event_time_ms))
        scan_s = min(scan_s, plant.resolution_s) if plant is not None else scan_s
        return cls(event_time_ms, power_kw, scan_s, plant)

    def at(self, end_ms: I8, interval_s: I8) -> F8:
        """Mean power [kW] of the intervals that end at `end_ms` (n,); NaN with under half of the scans."""
        found = np.full(end_ms.shape, np.nan)
        for length_s in np.unique(interval_s).tolist():
            mine = interval_s == length_s
            found[mine] = self._at(end_ms[mine], int(length_s))
        return found

    def _at(self, end_ms: I8, interval_s: int) -> F8:
        first_ms, means = self._of(interval_s)
        place, odd = np.divmod(end_ms - first_ms, interval_s * 1000)
        inside = (odd == 0) & (place >= 0) & (place < means.size)
        found = np.full(end_ms.shape, np.nan)
        found[inside] = means[place[inside]]
        return found

    def _of(self, interval_s: int) -> tuple[int, F8]:
        if interval_s not in self._means:
            ends, means = interval_means(self.event_time_ms, self.power_kw, interval_s, self.scan_s)
            self._means[interval_s] = int(ends[0]) if ends.size else 0, means
        return self._means[interval_s]


@dataclass
class Actuals:
    """Gathers the accepted telemetry of some plants from journal batches."""

    plants: frozenset[str]
    registry: Registry = field(default_factory=Registry)
    _parts: dict[str, list[tuple[I8, F8]]] = field(default_factory=dict)

    def add(self, batch: JournalBatch) -> None:
        """Take in a batch; each partition in the order of its offsets."""
        telemetry, start = batch.telemetry, 0
        for offset, control in batch.controls:
            if isinstance(control, PlantVersion):
                end = int(np.searchsorted(telemetry.offset, offset))
                self._take(telemetry, start, end)
                start = end
                self.registry = self.registry.with_plants([control])
        self._take(telemetry, start, len(telemetry))

    def _take(self, telemetry: TelemetryColumns, start: int, end: int) -> None:
        if start == end:
            return
        ours = [i for i, plant_id in enumerate(telemetry.plant_ids) if plant_id in self.plants]
        rows = np.arange(start, end)[np.isin(telemetry.plant[start:end], ours)]
        scans = telemetry.take(rows[~telemetry.is_tick[rows]])
        good = self.registry.judge(scans).ok
        for place, plant_id in enumerate(scans.plant_ids):
            mine = good & (scans.plant == place)
            if mine.any():
                part = scans.event_time_ms[mine], scans.power_kw[mine]
                self._parts.setdefault(plant_id, []).append(part)

    def measured(self) -> dict[str, Measured]:
        """What was gathered, by plant; a plant without any scan is not in it."""
        return {
            plant_id: Measured.of(
                np.concatenate([stamps for stamps, _ in parts]),
                np.concatenate([power for _, power in parts]),
                self.registry.versions.get(plant_id, (None,))[-1],
            )
            for plant_id, parts in self._parts.items()
        }


def read_actuals(
    settings: Settings, codec: Codec, plants: Iterable[str], advance: Advance = silent
) -> dict[str, Measured]:
    """The telemetry of some plants, from all that the journal holds. Raises `ServiceUnavailable`."""
    actuals = Actuals(frozenset(plants))
    for messages in read(settings, JOURNAL):
        for batch in journal_batches(codec, messages):
            actuals.add(batch)
        advance(len(messages))
    return actuals.measured()


def journal_batches(codec: Codec, messages: Iterable[Message]) -> Iterator[JournalBatch]:
    """Messages of any partitions of the journal as a batch for each partition."""
    groups: dict[int, list[Message]] = {}
    for message in messages:
        groups.setdefault(int(message.partition() or 0), []).append(message)
    for partition, group in sorted(groups.items()):
        offsets = np.array([message.offset() for message in group], np.int64)
        keys, payloads = [_bytes(m.key()) for m in group], [_bytes(m.value()) for m in group]
        yield codec.decode_journal(JOURNAL, partition, offsets, keys, payloads)


def _bytes(value: str | bytes | None) -> bytes | None:
    return value.encode() if isinstance(value, str) else value
