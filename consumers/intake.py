"""Records to rows: what a batch of each topic means to the tables.

Pure: the registry goes in and comes out, so that a batch that could not be written can be read again.
Nothing is dropped without a count: refused telemetry has its place in `records.rejected`, where the worker
puts it; an unreadable output record goes to `rejects` from here.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from operator import itemgetter
from typing import Any, Final, NamedTuple

import numpy as np

from consumers import rows as to_rows
from consumers import tables
from consumers.outputs import OutputReader
from consumers.registry import Registry
from consumers.rows import Rows
from consumers.tables import Table
from infra import topics
from models.validate_control import fault_of_plant, fault_of_run, fault_of_versions
from schemas.codec import Codec
from schemas.errors import Reason
from schemas.journal import Control, JournalBatch, TelemetryColumns
from schemas.records import PlantVersion, ReleaseRecord, WeatherRun

#: Record and table of each output topic.
OUTPUTS: Final[Mapping[str, tuple[str, Table]]] = {
    topics.FORECASTS: ("Forecast", tables.FORECASTS),
    topics.SCORES: ("Score", tables.SCORES),
    topics.ANOMALIES: ("AnomalyEvent", tables.ANOMALIES),
    topics.DRIFT: ("DriftEvent", tables.DRIFT),
    topics.REJECTED: ("RejectedRecord", tables.REJECTS),
}
TOPICS: Final = (topics.JOURNAL, *OUTPUTS)


class Taken(NamedTuple):
    """A record as it was taken from Kafka."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None


@dataclass
class Intake:
    """Rows of a batch, the registry after it, and counts.

    `refused`: by topic and reason, records that lead to no row of their own. `newest_known_at_ms`: by topic
    and partition, where any record says.
    """

    registry: Registry
    rows: list[Rows] = field(default_factory=list)
    refused: Counter[tuple[str, str]] = field(default_factory=Counter)
    newest_known_at_ms: dict[tuple[str, int], int] = field(default_factory=dict)

    def note_known_at(self, topic: str, partition: int, known_at_ms: int) -> None:
        """Remember how new the records are; -1 for none that says."""
        if known_at_ms >= 0:
            self.newest_known_at_ms[topic, partition] = known_at_ms


class Reader:
    """Reads batches of any of `TOPICS`. One reader serves one thread."""

    def __init__(self, codec: Codec) -> None:
        self._codec = codec
        self._outputs = OutputReader(codec)

    def read(self, records: Sequence[Taken], registry: Registry) -> Intake:
        """The rows of a batch: records of several partitions, each partition in the order of its offsets.

        Raises:
            RecordRefused: a record that was read and that no table can hold; offer fewer to find it.
            ServiceUnavailable: the schema registry does not answer.
        """
        intake = Intake(registry)
        for (topic, partition), group in _by_partition(records).items():
            if topic == topics.JOURNAL:
                self._journal(partition, group, intake)
            else:
                self._output(group, intake)
        intake.rows = _merged(intake.rows)
        return intake

    def _journal(self, partition: int, group: Sequence[Taken], intake: Intake) -> None:
        batch = self._codec.decode_journal(
            topics.JOURNAL,
            partition,
            np.array([record.offset for record in group], dtype=np.int64),
            [record.key for record in group],
            [record.value for record in group],
        )
        intake.refused.update((topics.JOURNAL, bad.reason.value) for bad in batch.bad)
        intake.note_known_at(topics.JOURNAL, partition, batch.known_at_ms)
        _accept(batch, intake)

    def _output(self, group: Sequence[Taken], intake: Intake) -> None:
        topic = group[0].topic
        name, table = OUTPUTS[topic]
        found = self._outputs.read(name, table, [record.value for record in group])
        intake.rows += found.rows
        intake.note_known_at(topic, group[0].partition, found.known_at_ms)
        if found.unreadable:
            rejects = [
                reject(group[place], error.reason, error.detail, error.schema_id)
                for place, error in found.unreadable
            ]
            intake.refused.update((topic, error.reason.value) for _, error in found.unreadable)
            intake.rows.append(to_rows.from_records(tables.REJECTS, rejects))


def reject(record: Taken, reason: Reason, detail: str, schema_id: int | None = None) -> dict[str, Any]:
    """A record of `rejects`: the bytes as they came, and where they stood."""
    return {
        "topic": record.topic,
        "partition": record.partition,
        "offset": record.offset,
        "key": record.key,
        "payload": record.value or b"",
        "reason": reason.value,
        "detail": detail.replace("\0", "?"),
        "plant_id": None,
        "schema_id": schema_id,
    }


def _accept(batch: JournalBatch, intake: Intake) -> None:
    """Telemetry is judged by what the journal said of its plant before it, never by what it says later."""
    telemetry, kept = batch.telemetry, []
    plants: list[tuple[int, PlantVersion]] = []
    runs: list[tuple[int, WeatherRun]] = []
    start = 0
    for offset, control in batch.controls:
        if _refuse_control(control, intake):
            continue
        if isinstance(control, PlantVersion):
            end = int(np.searchsorted(telemetry.offset, offset))
            if end > start:
                kept.append(_judged(telemetry, start, end, intake))
            start = end
            intake.registry = intake.registry.with_plants([control])
            plants.append((offset, control))
        elif isinstance(control, WeatherRun):
            runs.append((offset, control))
    kept.append(_judged(telemetry, start, len(telemetry), intake))
    releases = [control for _, control in batch.controls if isinstance(control, ReleaseRecord)]
    scans = TelemetryColumns.concat([part for part in kept if len(part)])
    intake.rows += [
        to_rows.from_plants(plants, batch.partition),
        to_rows.from_telemetry(scans, batch.partition),
        to_rows.from_runs(runs, batch.partition),
        to_rows.from_releases(releases),
    ]


def _refuse_control(control: Control, intake: Intake) -> bool:
    """Whether the worker refuses it too, by the same functions."""
    reason: Reason | None = None
    if isinstance(control, PlantVersion) and _fault_of_plant(control, intake.registry) is not None:
        reason = Reason.BAD_PLANT
    elif isinstance(control, WeatherRun) and control.plant_id not in intake.registry:
        reason = Reason.UNKNOWN_PLANT
    elif isinstance(control, WeatherRun) and fault_of_run(control) is not None:
        reason = Reason.BAD_RUN
    if reason is not None:
        intake.refused[topics.JOURNAL, reason.value] += 1
    return reason is not None


def _fault_of_plant(plant: PlantVersion, registry: Registry) -> str | None:
    return fault_of_plant(plant) or fault_of_versions(registry.versions.get(plant.plant_id, ()), plant)


def _judged(telemetry: TelemetryColumns, start: int, end: int, intake: Intake) -> TelemetryColumns:
    """The scans among rows start..end - 1 that may become actuals: no ticks, nothing refused."""
    rows = telemetry if end - start == len(telemetry) else telemetry.take(np.arange(start, end))
    scans = rows.take(~rows.is_tick)
    verdicts = intake.registry.judge(scans)
    for row in np.flatnonzero(~verdicts.ok).tolist():
        intake.refused[topics.JOURNAL, verdicts.reason(row).value] += 1
    return scans if verdicts.ok.all() else scans.take(verdicts.ok)


def _by_partition(records: Sequence[Taken]) -> dict[tuple[str, int], list[Taken]]:
    groups: dict[tuple[str, int], list[Taken]] = {}
    for place, run in groupby(records, itemgetter(0, 1)):  # Kafka hands them out in long runs
        groups.setdefault(place, []).extend(run)
    return groups


def _merged(parts: Sequence[Rows]) -> list[Rows]:
    """One `Rows` a table: partitions of a topic are written by one statement."""
    by_table: dict[str, list[Rows]] = {}
    for part in parts:
        if len(part):
            by_table.setdefault(part.table.name, []).append(part)
    return [Rows.concat(same) for same in by_table.values()]
