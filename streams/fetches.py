"""aiokafka's fetches as a worker wants them: bare records, and no fetch that others wait for."""

from __future__ import annotations

from typing import Any, ClassVar

from aiokafka.consumer import fetcher
from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread

# How long the broker holds a fetch that finds nothing. aiokafka has one fetch under way to each broker, so a
# record of a partition that is not part of it waits for its end: with Faust's 1.5 s that would be the latency
# of a fleet that is silent most of the time.
BROKER_HOLDS_MS = 50


class BareRecords(fetcher.PartitionRecords):  # type: ignore[misc]  # aiokafka has no types
    """What aiokafka takes out of a fetch; for batch topics without a `ConsumerRecord` around each record,
    which costs three times as much as to read it.
    """

    #: Batch topics of this process.
    topics: ClassVar[frozenset[str]] = frozenset()

    def _consumer_record(self, tp: Any, record: Any) -> Any:
        return record if tp.topic in self.topics else super()._consumer_record(tp, record)


fetcher.PartitionRecords = BareRecords  # aiokafka's fetcher looks it up in its module; it has no other door


class QuickFetches(AIOKafkaConsumerThread):
    """Faust's consumer thread, whose fetches do not stay with the broker for long."""

    def _create_worker_consumer(self, transport: Any) -> Any:
        made = super()._create_worker_consumer(transport)
        made._fetch_max_wait_ms = BROKER_HOLDS_MS  # Faust has no setting for it
        return made
