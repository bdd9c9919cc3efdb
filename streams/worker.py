"""The life of a batch of a journal partition, from bytes to acknowledged outputs and checkpoints.

What stands here knows nothing of Faust: `app.py` hands the batches in. The hot path in the middle is
`turns.py`.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

from infra import metrics
from infra.kafka import Outgoing
from infra.topics import JOURNAL
from schemas.codec import Codec
from schemas.errors import Reason
from streams import checkpoints, meter
from streams.decoding import asked_again
from streams.partition import Partition
from streams.records import Records
from streams.turns import Send, Taken, Turns

if TYPE_CHECKING:
    from infra.settings import Settings
    from streams.restore import Restorer

_T = TypeVar("_T")

STATES_AT_ONCE = 8


class Worker:
    """The journal partitions that this process owns; their plants stand in one `fleet`.

    Everything that touches an engine runs in one thread of its own, so that heartbeats never wait for
    numbers; `codec` belongs to that thread.
    """

    def __init__(self, settings: Settings, codec: Codec, send: Send, restorer: Restorer) -> None:
        self._settings = settings
        self.codec = codec
        self._send = send
        self._restorer = restorer
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="gridcast-engine")
        self._turns = Turns(codec, self._thread, send, restorer, self._renew)
        self.fleet = restorer.new_engine().fleet
        self._revoked: dict[int, Partition] = {}
        self._moving = asyncio.Lock()
        self._coverage_at_s = -math.inf
        self.rebalances = 0
        self.partitions: dict[int, Partition] = {}
        self.settled = False
        meter.show_rungs()

    async def handle(self, records: Records, appended_at_ms: int) -> None:
        """The life of one batch. The order is the delivery guarantee:

        1. decode, apply, encode, in the engines' thread, in a turn with the batches of other partitions;
        2. produce what the turn led to and rejected records, and wait until Kafka has acknowledged every one;
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
                taken = await self._turns.take(partition, records)
                partition.took(count, time.monotonic() - started_s, self._settings.batch_records)
                partition.moved(int(records.offsets[-1]), taken.batch.known_at_ms, appended_at_ms)
                overdue = time.monotonic() - partition.round_at_s >= self._settings.checkpoint_every_s
                if overdue or any(one.reason is Reason.BAD_RELEASE for one in taken.bad):
                    await self._round(partition)  # a refusal is written down before it is committed
        await self._show(taken, partition)

    def _renew(self, partition: Partition, next_offset: int) -> None:
        """Build the engine of a partition anew, after it broke."""
        partition.engine.leave()
        healthy = self._restorer.take_over(partition.number, next_offset, lambda: True, self.fleet)
        if healthy is not None:
            partition.engine = healthy.engine

    async def _check_place(self, partition: Partition, first: int) -> None:
        if first > partition.next_offset:
            check = self._restorer.check_nothing_skipped
            place = partition.number, partition.next_offset, first
            await asyncio.get_running_loop().run_in_executor(None, check, *place)  # turns go on meanwhile

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
        plants = await self.in_thread(checkpoints.to_write, partition)
        states: dict[str, Outgoing] = {}
        for first in range(0, len(plants), STATES_AT_ONCE):  # turns of other partitions come in between
            some = plants[first : first + STATES_AT_ONCE]
            states |= await self.in_thread(checkpoints.states, self.codec, partition, some)
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
        if time.monotonic() - self._coverage_at_s < self._settings.checkpoint_every_s:
            return  # it is of all partitions: once for all their rounds
        self._coverage_at_s = time.monotonic()
        meter.show_coverage(self.fleet, self._settings.coverage_days, self._settings.coverage_by_plant)

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
            self._revoked |= self.partitions
            self.partitions = {}

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
                if partition is None:
                    return
                if rebalance != self.rebalances:
                    self._revoked[number] = partition
                    return
                if partition.marked_offset < 0 < partition.next_offset:
                    await self._round(partition)  # or the next life would look for what stood before it
                self.partitions[number] = partition
            await self.in_thread(self._let_go)
            self.settled = True

    async def _taken_over(self, number: int, committed: int, wanted: Callable[[], bool]) -> Partition | None:
        partition = self._revoked.pop(number, None)
        if partition is None or partition.next_offset != max(committed, 0):
            partition = await self.in_thread(self._restored, number, committed, wanted, partition)
        if partition is not None:
            partition.rested()
        return partition

    def _let_go(self) -> None:
        """What others own now leaves the fleet."""
        for number, partition in self._revoked.items():
            meter.forget_plants(number, partition.engine.plants)
            partition.engine.leave()
        self._revoked = {}
        meter.show_fleet(self.fleet)

    @asked_again
    def _restored(
        self, number: int, committed: int, wanted: Callable[[], bool], outdated: Partition | None
    ) -> Partition | None:
        started_s = time.monotonic()
        if outdated is not None:
            outdated.engine.leave()
        partition = self._restorer.take_over(number, committed, wanted, self.fleet)
        metrics.RESTORE_SECONDS.labels(str(number)).set(time.monotonic() - started_s)
        return partition

    def committed(self, offsets: Mapping[int, int]) -> None:
        """Kafka has taken a commit of these offsets of the journal."""
        for number, offset in offsets.items():
            if number in self.partitions:
                self.partitions[number].committed(offset)
                metrics.LAST_COMMIT.labels(str(number)).set_to_current_time()

    async def _show(self, taken: Taken, partition: Partition) -> None:
        meter.count_bad(JOURNAL, taken.bad)
        meter.show_partition(JOURNAL, partition)
        if taken.batch.controls:
            await self.in_thread(meter.show_fleet, self.fleet)

    async def close(self) -> None:
        """At a clean end: a last round of checkpoints. A restore that is under way stops."""
        self.rebalances += 1
        await self.rounds(0.0)
        self.settled = False
        self._thread.shutdown()
