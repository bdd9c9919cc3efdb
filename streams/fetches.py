"""aiokafka's fetches as a worker wants them: records as columns, and no fetch that others wait for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

from aiokafka.consumer import fetcher
from aiokafka.errors import CorruptRecordException
from aiokafka.record.memory_records import MemoryRecords
from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread

from streams.kafka_batches import Fetched, read

# How long the broker holds a fetch that finds nothing. aiokafka has one fetch under way to each broker, so a
# record of a partition that is not part of it waits for its end: with Faust's 1.5 s that would be the latency
# of a fleet that is silent most of the time.
BROKER_HOLDS_MS = 50
_LENGTH_AT, _BEHIND_LENGTH = 8, 12  # of a batch's own length, which counts from behind itself


class KeptBatches(MemoryRecords):  # type: ignore[misc]  # it says of itself that it is final, and is not
    """The batches of a fetch, each with its bytes beside it."""

    def __init__(self, raw: bytes) -> None:
        super().__init__(raw)
        self._raw = memoryview(raw)
        self._at = 0

    def next_with_bytes(self) -> tuple[Any, memoryview]:
        """The next batch; there must be one."""
        begin = self._at
        length = self._raw[begin + _LENGTH_AT : begin + _BEHIND_LENGTH]
        self._at += _BEHIND_LENGTH + int.from_bytes(length, "big")
        return self.next_batch(), self._raw[begin : self._at]


class BareRecords(fetcher.PartitionRecords):  # type: ignore[misc]  # aiokafka has no types
    """What aiokafka takes out of a fetch; for batch topics as columns, a `Fetched` for each batch of Kafka's,
    for a `ConsumerRecord` costs more than all else that is done to a record. What an aborted transaction
    wrote counts, as it does for aiokafka where Faust reads uncommitted, which is how it reads here.
    """

    #: Batch topics of this process.
    topics: ClassVar[frozenset[str]] = frozenset()
    next_fetch_offset: int

    def __iter__(self) -> Iterator[Any]:
        return iter(self._records_iterator or ())

    def _unpack_records(self) -> Iterator[Any]:
        return self._columns() if self.is_bare else super()._unpack_records()

    @property
    def is_bare(self) -> bool:
        """Whether it is of a batch topic."""
        return self._tp.topic in self.topics

    def _columns(self) -> Iterator[Fetched]:
        while self._records.has_next():
            batch, raw = self._records.next_with_bytes()
            if self._check_crcs and not batch.validate_crc():
                raise CorruptRecordException(f"a batch of {self._tp} is damaged")
            found = None if batch.is_control_batch else read(batch, raw)
            # A batch may begin before the place that was asked for, and its last ones may be compacted away.
            since, self.next_fetch_offset = self.next_fetch_offset, batch.next_offset
            if found is not None and found.offsets[-1] >= since:
                yield found[int(found.offsets.searchsorted(since)) :]


class FetchResult(fetcher.FetchResult):  # type: ignore[misc]
    """Takes so many records of a fetch that there are `max_records`; what it need not take is left packed."""

    _partition_records: Any

    def getall(self, max_records: int | None = None) -> list[Any]:
        if not self.has_more() or not self._partition_records.is_bare:
            found: list[Any] = super().getall(max_records)
            return found
        if not self.check_assignment(self._topic_partition):
            return []
        parts: list[Any] = []
        count = 0
        for part in self._partition_records:
            parts.append(part)
            count += len(part)
            if max_records is not None and count >= max_records:
                self._update_position()
                return parts
        self._update_position()
        self._partition_records = None
        return parts


# aiokafka's fetcher looks them up in its module; it has no other door
fetcher.MemoryRecords = KeptBatches
fetcher.PartitionRecords = BareRecords
fetcher.FetchResult = FetchResult


class QuickFetches(AIOKafkaConsumerThread):
    """Faust's consumer thread, whose fetches do not stay with the broker for long."""

    def _create_worker_consumer(self, transport: Any) -> Any:
        made = super()._create_worker_consumer(transport)
        made._fetch_max_wait_ms = BROKER_HOLDS_MS  # Faust has no setting for it
        return made
