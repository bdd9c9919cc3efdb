"""aiokafka's fetches as a worker wants them: bare records, and no fetch that others wait for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

from aiokafka.consumer import fetcher
from aiokafka.errors import CorruptRecordException
from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread

# How long the broker holds a fetch that finds nothing. aiokafka has one fetch under way to each broker, so a
# record of a partition that is not part of it waits for its end: with Faust's 1.5 s that would be the latency
# of a fleet that is silent most of the time.
BROKER_HOLDS_MS = 50


class BareRecords(fetcher.PartitionRecords):  # type: ignore[misc]  # aiokafka has no types
    """What aiokafka takes out of a fetch; for batch topics without a `ConsumerRecord` around each record, and
    without a call for each: together they cost five times as much as to read it. What an aborted transaction
    wrote counts, as it does for aiokafka where Faust reads uncommitted, which is how it reads here.
    """

    #: Batch topics of this process.
    topics: ClassVar[frozenset[str]] = frozenset()
    next_fetch_offset: int

    def __iter__(self) -> Iterator[Any]:
        return iter(self._records_iterator or ())

    def _unpack_records(self) -> Iterator[Any]:
        return self._bare() if self._tp.topic in self.topics else super()._unpack_records()

    def _bare(self) -> Iterator[Any]:
        while self._records.has_next():
            batch = self._records.next_batch()
            if self._check_crcs and not batch.validate_crc():
                raise CorruptRecordException(f"a batch of {self._tp} is damaged")
            if not batch.is_control_batch:
                first = self.next_fetch_offset  # a batch may begin before the place that was asked for
                for record in batch:
                    if record.offset >= first:
                        self.next_fetch_offset = record.offset + 1
                        yield record
            self.next_fetch_offset = batch.next_offset  # the last ones may be compacted away


fetcher.PartitionRecords = BareRecords  # aiokafka's fetcher looks it up in its module; it has no other door


class QuickFetches(AIOKafkaConsumerThread):
    """Faust's consumer thread, whose fetches do not stay with the broker for long."""

    def _create_worker_consumer(self, transport: Any) -> Any:
        made = super()._create_worker_consumer(transport)
        made._fetch_max_wait_ms = BROKER_HOLDS_MS  # Faust has no setting for it
        return made
