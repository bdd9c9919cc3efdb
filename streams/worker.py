"""The hot path: one batch of a journal partition from bytes to acknowledged outputs, top to bottom.

What stands here knows nothing of Faust: `app.py` hands the batches in, a replay calls `process` alone.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

from infra import metrics
from infra.kafka import Outgoing
from infra.topics import JOURNAL
from models.engine import Engine, Outputs
from schemas.codec import Codec
from schemas.errors import Reason
from schemas.journal import Bad, JournalBatch
from streams import checkpoints, meter
from streams.decoding import asked_again, decode
from streams.outputs import LIVE, Destinations, outgoing, rejects
from streams.partition import Partition
from streams.records import Records, without

if TYPE_CHECKING:
    from infra.settings import Settings
    from streams.restore import Restorer

_log = logging.getLogger(__name__)
_T = TypeVar("_T")

Send = Callable[[list[Outgoing]], Awaitable[int]]


@dataclass(frozen=True)
class Processed:
    """A batch that was applied: what it held, what it led to, and that as records to produce."""

    batch: JournalBatch
    outputs: Outputs
    bad: list[Bad]
    records: list[Outgoing]


def process(codec: Codec, engine: Engine, records: Records, to: Destinations = LIVE) -> Processed:
    """Decode, apply and encode one batch of a journal partition.

    Bad records are values: what cannot be read is sorted out by the codec, what cannot be is refused by the
    engine; both end up in `bad` and the rest flows on. An exception means that something unknown happened in
    the middle of the batch, and that `engine` must not be used any more.
    """
    with meter.timed("decode"):
        batch = decode(codec, records)
    with meter.timed("apply"):
        outputs = engine.apply(batch)
    with meter.timed("encode"):
        bad = sorted([*batch.bad, *outputs.rejected], key=lambda one: one.offset)
        made = outgoing(codec, outputs, records, bad, to)
    return Processed(batch, outputs, bad, made)


class Worker:
    """The journal partitions that this process owns.

    Everything that touches an engine runs in one thread of its own, so that heartbeats never wait for
    numbers; `codec` belongs to that thread.
    """

    def __init__(self, settings: Settings, codec: Codec, send: Send, restorer: Restorer) -> None:
        self._settings = settings
        self.codec = codec
        self._send = send
        self._restorer = restorer
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="gridcast-engine")
        self._revoked: dict[int, Partition] = {}
        self._moving = asyncio.Lock()
        self.rebalances = 0
        self.partitions: dict[int, Partition] = {}
        self.settled = False

    async def handle(self, records: Records, appended_at_ms: int) -> None:
        """The life of one batch. The order is the delivery guarantee:

        1. decode, apply, encode, in the engines' thread;
        2. produce outputs and rejected records, and wait until Kafka has acknowledged every one;
        3. where a round of checkpoints is due: produce the states that have changed, as of the end of this
           batch, and wait for all of them;
        4. then the marker, and wait;
        5. return: the caller leaves its loop body, which acks the batch, and Faust commits its offset.

        A crash before 5 makes the batch come again. The states of the last marker lead to the same outputs
        with the same identities, and ignore what they hold already; so nothing is lost and nothing differs.
        Any exception from here is for the caller to end the process on, before the batch is acked.
        """
        partition = self.partitions[records.partition]
        await self._check_place(partition, int(records.offsets[0]))
        async with partition.lock:
            with meter.timed("whole"):
                count, started_s = len(records.offsets), time.monotonic()
                done = await self.in_thread(self._process, partition, records)
                partition.took(count, time.monotonic() - started_s, self._settings.batch_records)
                with meter.timed("produce"):
                    await self._send(done.records)
                partition.moved(int(records.offsets[-1]), done.batch.known_at_ms, appended_at_ms)
                overdue = time.monotonic() - partition.round_at_s >= self._settings.checkpoint_every_s
                if overdue or any(one.reason is Reason.BAD_RELEASE for one in done.bad):
                    await self._round(partition)  # a refusal is written down before it is committed
        self._count(done, partition)

    def _process(self, partition: Partition, records: Records) -> Processed:
        """Step 1. A record that the engine breaks on is left out and refused, on an engine built anew.

        Raises what the engine raised where no single record is to blame.
        """
        while True:
            poison = self._restorer.poison.get(partition.number, {})
            try:
                done = process(self.codec, partition.engine, without(records, poison))
            except Exception as error:  # noqa: BLE001 - whatever the engine breaks on
                self._restorer.isolate(records, error)
                self._renew(partition, int(records.offsets[0]))
                continue
            mine = sorted(poison.keys() & set(records.offsets.tolist())) if poison else []
            bad = [Bad(offset, Reason.POISON, poison[offset]) for offset in mine]
            refused = rejects(self.codec, records, bad, LIVE.rejected)
            return replace(done, bad=done.bad + bad, records=done.records + refused)

    def _renew(self, partition: Partition, next_offset: int) -> None:
        healthy = self._restorer.take_over(partition.number, next_offset, lambda: True)
        if healthy is not None:
            partition.engine = healthy.engine

    async def _check_place(self, partition: Partition, first: int) -> None:
        if first > partition.next_offset:
            check = self._restorer.check_nothing_skipped
            await self.in_thread(check, partition.number, partition.next_offset, first)

    def batch_limit(self, number: int) -> int:
        """How many records the next batch of a partition may hold."""
        most = self._settings.batch_records
        partition = self.partitions.get(number)
        return min(partition.at_once, most) if partition is not None else most

    async def in_thread(self, function: Callable[..., _T], *arguments: object) -> _T:
        """Run what touches an engine."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, function, *arguments)

    async def _round(self, partition: Partition) -> None:
        """Steps 3 and 4; the caller holds the partition's lock."""
        states = await self.in_thread(checkpoints.states, self.codec, partition)
        place = await self._send(list(states.values()))
        partition.written |= dict.fromkeys(states, place)
        if partition.applied_offset > partition.marked_offset:
            await self._send([await self.in_thread(checkpoints.marker, self.codec, partition)])
            self._restorer.forget(partition.number, partition.applied_offset)
        partition.engine.clear_changed()
        partition.marked_offset = partition.applied_offset
        partition.round_at_s = time.monotonic()
        metrics.LAST_CHECKPOINT.labels(str(partition.number)).set_to_current_time()
        await self.in_thread(self._show_coverage)

    def _show_coverage(self) -> None:
        engines = [partition.engine for partition in self.partitions.values()]
        meter.show_coverage(engines, self._settings.coverage_days, self._settings.coverage_by_plant)

    async def rounds(self, every_s: float) -> None:
        """Write down every partition whose last round is older, between two of its batches."""
        for partition in list(self.partitions.values()):
            async with partition.lock:
                overdue = time.monotonic() - partition.round_at_s >= every_s
                if overdue and partition.applied_offset > partition.marked_offset:
                    await self._round(partition)

    async def revoke(self) -> None:
        """Before a rebalance: write everything down, so that whoever comes next has little to read."""
        self.rebalances += 1
        async with self._moving:
            self.settled = False
            await self.rounds(0.0)
            for number in self.partitions:
                meter.forget_partition(JOURNAL, number)
            self._revoked, self.partitions = self.partitions, {}

    async def assign(self, numbers: set[int]) -> None:
        """After a rebalance, before the first batch: restore what is ours now. The next rebalance stops it.

        A partition that comes back as it went, with the same offset committed, needs no restore: nobody else
        has moved it meanwhile.

        Raises `LogTruncated`, `ReleaseRefused`, `ServiceUnavailable`.
        """
        rebalance = self.rebalances
        async with self._moving:
            committed = await self.in_thread(asked_again(self._restorer.committed), JOURNAL, numbers)
            for number in sorted(numbers):
                partition = await self._taken_over(
                    number, committed[number], lambda: rebalance == self.rebalances
                )
                if partition is None or rebalance != self.rebalances:
                    return
                self.partitions[number] = partition
            self._revoked = {}
            self._show()
            self.settled = True

    async def _taken_over(self, number: int, committed: int, wanted: Callable[[], bool]) -> Partition | None:
        partition = self._revoked.pop(number, None)
        if partition is None or partition.next_offset != max(committed, 0):
            partition = await self.in_thread(self._restored, number, committed, wanted)
        if partition is not None:
            partition.rested()
        return partition

    @asked_again
    def _restored(self, number: int, committed: int, wanted: Callable[[], bool]) -> Partition | None:
        started_s = time.monotonic()
        partition = self._restorer.take_over(number, committed, wanted)
        metrics.RESTORE_SECONDS.labels(str(number)).set(time.monotonic() - started_s)
        return partition

    def committed(self, offsets: Mapping[int, int]) -> None:
        """Kafka has taken a commit of these offsets of the journal."""
        for number, offset in offsets.items():
            if number in self.partitions:
                self.partitions[number].committed(offset)
                metrics.LAST_COMMIT.labels(str(number)).set_to_current_time()

    def _count(self, done: Processed, partition: Partition) -> None:
        meter.count_outputs(JOURNAL, done.outputs)
        meter.count_bad(JOURNAL, done.bad)
        meter.count_produced(done.records)
        meter.show_partition(JOURNAL, partition)
        if done.batch.controls:
            self._show()

    def _show(self) -> None:
        engines: Iterable[Engine] = (partition.engine for partition in self.partitions.values())
        meter.show_engines(engines)

    async def close(self) -> None:
        """At a clean end: a last round of checkpoints. A restore that is under way stops."""
        self.rebalances += 1
        await self.rounds(0.0)
        self.settled = False
        self._thread.shutdown()
