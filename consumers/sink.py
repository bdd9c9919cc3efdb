"""The sink: from the topics into PostgreSQL, each record once, whatever stops in between.

One loop, top to bottom: be placed by PostgreSQL, gather, read, write, show. A batch that cannot be written
because a server is away is held, and Kafka with it. A batch with a record that no table can hold is halved
until that record stands alone; it goes to `rejects` with its bytes.
"""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from consumers import rows as to_rows
from consumers import tables
from consumers.intake import TOPICS, Intake, Reader, Taken, reject
from consumers.patiently import Patiently
from consumers.progress import Progress
from consumers.reading import BatchLimits, Reading
from consumers.registry import Registry
from consumers.store import Place, RowsRefused, Step, Store
from schemas.errors import Reason, RecordRefused

_log = logging.getLogger(__name__)

#: A batch that takes longer than this is followed by smaller ones, a short one by larger ones: a stop and the
#: group wait for a batch.
LONG_S: Final = 5.0
SHORT_S: Final = 1.0
FIRST_BATCH: Final = 500


@dataclass
class Sink:
    """Runs until `stopped`. `give_up_s`: how long a server may be away before anything was ever written;
    `at_once`: how many records the next batch may hold.
    """

    reading: Reading
    store: Store
    reader: Reader
    limits: BatchLimits
    stopped: Callable[[], bool]
    give_up_s: float
    progress: Progress = field(default_factory=Progress)
    at_once: int = FIRST_BATCH
    registry: Registry = field(default_factory=Registry)

    def run(self) -> None:
        """Read and write until told to stop.

        Raises:
            LogTruncated: retention ate records that were never written.
            ServiceUnavailable: a server did not come up in `give_up_s`.
            GridcastError: something that trying again does not mend.
        """
        for _ in self._patiently.turns(TOPICS, self._place, self._turn):
            pass

    def _place(self) -> bool:
        self.registry = Registry().with_plants(self.store.plants())
        return self.reading.place()

    def _turn(self) -> None:
        most = min(self.at_once, self.limits.records)
        records = self.reading.gather(replace(self.limits, records=most))
        if not records:
            return
        started = time.monotonic()
        self._write(records)
        self.reading.commit()
        seconds = time.monotonic() - started
        self.progress.wrote(seconds)
        self._took(len(records), most, seconds)

    def _took(self, count: int, most: int, seconds: float) -> None:
        """Choose the size of the batches to come."""
        if seconds > LONG_S:
            self.at_once = max(1, count // 2)
        elif seconds < SHORT_S and count == most:
            self.at_once = min(self.limits.records, self.at_once * 2)

    def _write(self, records: Sequence[Taken]) -> None:
        try:
            self._patiently(lambda: self._write_once(records))
        except (RecordRefused, RowsRefused) as error:
            if len(records) == 1:
                self._reject(records[0], error)
                return
            middle = len(records) // 2
            self._write(records[:middle])
            self._write(records[middle:])

    def _write_once(self, records: Sequence[Taken]) -> None:
        self._store(self.reader.read(records, self.registry), records)

    def _reject(self, record: Taken, error: RecordRefused | RowsRefused) -> None:
        reason = error.reason if isinstance(error, RecordRefused) else Reason.POISON
        _log.error("%s[%d] %d cannot be kept: %s", record.topic, record.partition, record.offset, error)
        intake = Intake(self.registry)
        intake.rows = [to_rows.from_records(tables.REJECTS, [reject(record, reason, str(error))])]
        intake.refused[record.topic, reason.value] += 1
        self._patiently(lambda: self._store(intake, [record]))

    def _store(self, intake: Intake, records: Sequence[Taken]) -> None:
        steps = self._steps(records)
        counts = self.store.write(intake.rows, steps)
        self.registry = intake.registry
        self.reading.at.update({place: step.next_offset for place, step in steps.items()})
        self.progress.count(intake, counts)

    def _steps(self, records: Sequence[Taken]) -> dict[Place, Step]:
        ends = {(record.topic, record.partition): record.offset + 1 for record in records}
        return {place: Step(self.reading.at[place], end) for place, end in ends.items()}

    @property
    def _patiently(self) -> Patiently:
        return Patiently(self.reading, self.progress, self.stopped, self.give_up_s)
