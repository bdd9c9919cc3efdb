"""Faust, fed with record batches instead of single records.

Faust costs about 150 us an event. Handing it one object for all records of a partition that came in one fetch
divides that by the size of the batch. Three small parts do it, each for the input topics alone:

- `BatchScheduler` makes one `RecordBatch` out of a partition's records;
- `BatchSchema` hands the batch to the agent undecoded (bad bytes must not raise before we can see them);
- `BatchConsumer` mends what Faust assumes of single records.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import faust
import numpy as np
from faust.transport.drivers.aiokafka import Consumer, Transport
from faust.transport.utils import DefaultSchedulingStrategy
from faust.types import TP
from numpy.typing import NDArray

from schemas.byte_column import ByteColumn
from streams.fetches import BareRecords, QuickFetches
from streams.kafka_batches import Fetched

# Faust sleeps a whole second when every partition's buffer is full; a batch is done much sooner.
FULL_BUFFER_PAUSE_S = 0.01
# How long we wait for a fetch; a rebalance waits for it too.
FETCH_WAIT_S = 0.3


@dataclass(frozen=True, slots=True, eq=False)
class RecordBatch:
    """Consecutive records of one partition, oldest first, as columns. Faust sees one message, at the offset
    of the last.

    `offsets` i8[n] rise; gaps are normal in a compacted topic. From `offset` on: what Faust reads of it.
    """

    topic: str
    partition: int
    offsets: NDArray[np.int64]
    keys: ByteColumn
    payloads: ByteColumn
    timestamp: int
    timestamp_type: int

    @classmethod
    def of(cls, tp: TP, found: Fetched) -> RecordBatch:
        """A batch of what was fetched of a partition."""
        return cls(
            tp.topic,
            tp.partition,
            found.offsets,
            found.keys,
            found.payloads,
            int(found.timestamps[-1]),
            found.timestamp_type,
        )

    @property
    def offset(self) -> int:
        return int(self.offsets[-1])

    @property
    def value(self) -> RecordBatch:
        return self

    @property
    def key(self) -> None:
        return None

    @property
    def headers(self) -> tuple[()]:
        return ()

    @property
    def checksum(self) -> None:
        return None

    @property
    def serialized_key_size(self) -> int:
        return 0

    @property
    def serialized_value_size(self) -> int:
        return 0  # nobody reads it


class BatchScheduler(DefaultSchedulingStrategy):
    """Yields `RecordBatch`es of at most `limit(partition)` records, in turn between topics and partitions.

    Topics outside `topics` keep Faust's single records (a changelog needs them).
    """

    def __init__(self, topics: frozenset[str], limit: Callable[[TP], int]) -> None:
        self._topics = topics
        self._limit = limit

    def iterate(self, records: Mapping[TP, list[Any]]) -> Iterator[tuple[TP, Any]]:
        grouped = {tp: self._batches(tp, found) for tp, found in records.items() if found}
        return self.records_iterator(self.map_from_records(grouped))

    def _batches(self, tp: TP, records: list[Any]) -> list[Any]:
        if tp.topic not in self._topics:
            return records
        found, limit = Fetched.joined(records), self._limit(tp)
        return [RecordBatch.of(tp, found[start : start + limit]) for start in range(0, len(found), limit)]


class BatchSchema(faust.Schema[Any, Any]):
    """Hands the batch to the agent as it is: decoding belongs to the agent, where a bad record has a home."""

    def compile(self, app: Any, **_: Any) -> Any:
        async def undecoded(message: Any, *, propagate: bool = False) -> Any:  # noqa: ARG001 (Faust's signature)
            return app.create_event(None, message.value, message.headers, message)

        return undecoded


class BatchConsumer(Consumer):
    """Faust's consumer with exact commits for batches and no long sleep beside full buffers.

    Faust counts offsets one by one and fills the gaps inside a batch as if they were acked. That counts a
    batch's own offset twice, so that commits trail by a batch each; it takes an offset of 0 for none, so that
    after a first fetch of a single record nothing is ever committed; and it would commit into an unfinished
    batch. Here the batches of a partition wait in the order of delivery, and what may be committed is the end
    of the last one before the first that is not acked.

    Faust delivers all that a fetch has brought before it fetches again, and waits where a buffer is full: the
    backlog of one partition would keep every other one waiting. Here each round delivers one batch of each
    partition, to those whose buffer has room; the surplus is kept for the next rounds.
    """

    app: Any  # a BatchApp

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.scheduler = BatchScheduler(self.app.batch_topics, self.app.batch_limit)
        self._delivered: dict[TP, deque[Any]] = {}
        self._surplus: dict[TP, list[Any]] = {}
        self._fetching = asyncio.Lock()

    def _new_consumer_thread(self) -> Any:
        return QuickFetches(self, loop=self.loop, beacon=self.beacon)

    async def _getmany(self, active_partitions: set[TP] | None, timeout: float) -> Mapping[TP, list[Any]]:
        if active_partitions is None:
            return await super()._getmany(active_partitions, timeout)
        generation = self.app.consumer_generation_id
        ready = {tp: self._surplus.pop(tp) for tp in list(self._surplus) if tp in active_partitions}
        asked = active_partitions - ready.keys() - self._surplus.keys()
        if asked:
            async with self._fetching:
                ready |= await super()._getmany(asked, 0.0 if ready else min(timeout, FETCH_WAIT_S))
        if generation != self.app.consumer_generation_id:
            return {}  # read again from the committed offset, which others may have moved
        return {tp: self._one_batch(tp, records) for tp, records in ready.items()}

    def _one_batch(self, tp: TP, records: list[Any]) -> list[Any]:
        if tp.topic not in self.app.batch_topics:
            return records
        if not records:
            return []
        found, rest = Fetched.cut(records, self.app.batch_limit(tp))
        if rest:
            self._surplus[tp] = rest
        return [found]

    def _to_message(self, tp: TP, record: Any) -> Any:
        message = super()._to_message(tp, record)
        read = self._read_offset[tp]
        # Faust drops a message that lies before what it has read; it will never be acked.
        if isinstance(record, RecordBatch) and (read is None or record.offset >= read):
            waiting = self._delivered.setdefault(tp, deque())
            # After a rebalance Faust reads again from the committed offset. What it had delivered by then may
            # have been passed over by the streams; only the new copies count.
            while waiting and waiting[-1].offset >= int(record.offsets[0]):
                waiting.pop()
            waiting.append(message)
        return message

    def _filter_tps_with_pending_acks(self, topics: Any = None) -> Iterator[TP]:
        single = [tp for tp in self._acked if tp.topic not in self.app.batch_topics]
        for tp in (*single, *self._delivered):
            if topics is None or tp in topics or tp.topic in topics:
                yield tp

    def _new_offset(self, tp: TP) -> int | None:
        if tp.topic not in self.app.batch_topics:
            return super()._new_offset(tp)
        self._acked.pop(tp, None)
        self._acked_index.pop(tp, None)
        waiting = self._delivered[tp]
        offset = None
        while waiting and waiting[0].acked:
            offset = waiting.popleft().offset + 1
        return offset

    async def _add_gap(self, tp: TP, offset_from: int, offset_to: int) -> None:
        if tp.topic not in self.app.batch_topics:
            await super()._add_gap(tp, offset_from, offset_to - 1)

    async def seek_to_committed(self) -> Mapping[TP, int]:
        # aiokafka leaves a partition where it is when nothing was committed there. Faust throws away what a
        # fetch brings during a rebalance and counts on this seek: the records would be lost.
        # A fetch asked for before the rebalance may still be under way. What it brings is thrown away, so it
        # must be over: after the seek it would take the records from the committed offset on with it.
        async with self._fetching:
            self._surplus.clear()
            committed = await super().seek_to_committed()
            unmoved = [tp for tp, offset in committed.items() if offset is None or offset <= 0]
            if unmoved:
                await self._thread.seek_to_beginning(*unmoved)
            return committed

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        # Faust waits in here for the batches in flight, and commits them.
        await super().on_partitions_revoked(revoked)
        for tp in revoked:
            self._delivered.pop(tp, None)
            self._surplus.pop(tp, None)

    async def on_partitions_assigned(self, assigned: set[TP], generation_id: int = 0) -> None:
        self._delivered.clear()
        self._surplus.clear()
        await super().on_partitions_assigned(assigned, generation_id)

    async def _wait_next_records(self, timeout: float) -> tuple[Any, Any]:
        if self.flow_active and not self.app.client_only and not self._get_active_partitions():
            await asyncio.sleep(FULL_BUFFER_PAUSE_S)
            return {}, set()
        # Beside a full partition the others are asked for records, and would be waited for while it empties.
        return await super()._wait_next_records(FULL_BUFFER_PAUSE_S if self._buffered_partitions else timeout)

    async def verify_all_partitions_active(self) -> None:
        """Nothing: Faust's own look at stalls breaks on a partition that a rebalance has just brought, and
        ends the worker. `streams/watchdog.py` looks at what has moved.
        """

    async def _commit(self, offsets: Mapping[TP, int]) -> bool:
        committed = bool(await super()._commit(offsets))
        if committed:
            self.app.on_committed(offsets)
        return committed


class BatchTransport(Transport):
    """Faust's aiokafka transport with `BatchConsumer`."""

    Consumer = BatchConsumer


class BatchApp(faust.App):
    """A Faust app whose agents on `batch_topics` get a `RecordBatch` of at most `batch_records` per event."""

    def __init__(self, *args: Any, batch_topics: frozenset[str], batch_records: int, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.batch_topics = batch_topics
        BareRecords.topics |= batch_topics
        self.batch_records = batch_records

    def batch_topic(self, name: str) -> Any:
        """The channel of one input topic, undecoded."""
        if name not in self.batch_topics:
            raise ValueError(f"{name} is not among the batch topics")
        return self.topic(name, schema=BatchSchema(), internal=False)

    def batch_limit(self, tp: TP) -> int:  # noqa: ARG002 - for subclasses that know the partition
        """How many records of a partition a batch may hold."""
        return self.batch_records

    def on_committed(self, offsets: Mapping[TP, int]) -> None:
        """Called with the offsets of each commit that the broker has taken; a worker watches its age."""

    def _new_transport(self) -> Any:
        return BatchTransport(self.conf.broker_consumer, self)
