"""Turns: the batches that wait, of whatever partitions, go through the engines at once.

Most of what a small batch costs are NumPy's calls, whatever they are given. So while the engines are at work
new batches gather, and the next turn takes them together; a batch that finds them idle waits for nobody.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from infra.kafka import Outgoing
from infra.topics import JOURNAL
from models import turn
from models.engine import Engine
from models.outputs import Outputs
from models.turn import Share
from schemas.codec import Codec
from schemas.errors import Reason
from schemas.journal import Bad, JournalBatch
from streams import meter
from streams.decoding import decode_all
from streams.outputs import LIVE, Destinations, outgoing, rejects
from streams.partition import Partition
from streams.records import Records, without
from streams.restore import Restorer, is_no_records_fault

_log = logging.getLogger(__name__)

#: More than this and a turn leaves batches for the next one: what it leads to is acknowledged meanwhile.
TURN_RECORDS = 12_000
#: For so long an engine that has just been at work waits for more: what it led to is sent meanwhile, and the
#: next turn has more partitions in it.
GATHER_S = 0.003

Send = Callable[[list[Outgoing]], Awaitable[int]]


class Taken(NamedTuple):
    """A batch that was applied, and its records that cannot count."""

    batch: JournalBatch
    bad: list[Bad]


@dataclass(frozen=True)
class Processed:
    """Batches that were applied: each, what all of them led to, and that as records to produce."""

    taken: list[Taken]
    outputs: Outputs
    records: list[Outgoing]

    @property
    def bad(self) -> list[Bad]:
        """What was refused of all of them."""
        return [bad for taken in self.taken for bad in taken.bad]


def process(codec: Codec, work: Sequence[tuple[Engine, Records]], to: Destinations = LIVE) -> Processed:
    """Decode, apply and encode a batch of each of some journal partitions, whose engines share a fleet.

    Bad records are values: what cannot be read is sorted out by the codec, what cannot be is refused by the
    engine; both end up in `bad` and the rest flows on. An exception means that something unknown happened in
    the middle of it, and that none of the engines must be used any more.
    """
    with meter.timed("decode"):
        decoded = decode_all(codec, [records for _, records in work])
        shares = [Share(engine, batch) for (engine, _), batch in zip(work, decoded, strict=True)]
    with meter.timed("apply"):
        outputs, refused = turn.apply(shares)
    with meter.timed("encode"):
        made = outgoing(codec, outputs, to)
        taken = []
        for (_, batch), bad, (_, records) in zip(shares, refused, work, strict=True):
            every = sorted([*batch.bad, *bad], key=lambda one: one.offset)
            taken.append(Taken(batch, every))
            made += rejects(codec, records, every, to.rejected)
    return Processed(taken, outputs, made)


@dataclass
class Turns:
    """`thread` is the engines' own, `codec` belongs to it; `send` acknowledges what it is given."""

    codec: Codec
    thread: Executor
    send: Send
    restorer: Restorer
    renew: Callable[[Partition, int], None]
    _waiting: list[_Waiting] = field(default_factory=list)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _turning: bool = False

    async def take(self, partition: Partition, records: Records) -> Taken:
        """Apply a batch, in the next turn; all that the turn led to is acknowledged then."""
        waiting = _Waiting(partition, records, asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        if not self._turning:
            self._turning = True
            self._begin(self._turn())
        return await waiting.done

    def _begin(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _turn(self) -> None:
        try:
            while self._waiting:
                work = self._next()
                try:
                    done = await asyncio.get_running_loop().run_in_executor(self.thread, self._process, work)
                except BaseException as error:  # noqa: BLE001 - those who wait raise it, and end the process
                    _fail(work, error)
                else:
                    self._begin(self._deliver(work, done))
                    await asyncio.sleep(GATHER_S)
        finally:
            self._turning = False

    def _next(self) -> list[_Waiting]:
        count, records = 0, 0
        while count < len(self._waiting) and records < TURN_RECORDS:
            records += len(self._waiting[count].records.offsets)
            count += 1
        work, self._waiting = self._waiting[:count], self._waiting[count:]
        return work

    async def _deliver(self, work: list[_Waiting], done: list[Processed]) -> None:
        """Produce what a turn led to while the next one is under way."""
        try:
            with meter.timed("produce"):
                await self.send([record for one in done for record in one.records])
            for one in done:
                meter.count_outputs(JOURNAL, one.outputs)
                meter.count_produced(one.records)
            taken = {one.batch.partition: one for part in done for one in part.taken}
            for waiting in work:
                if not waiting.done.done():
                    waiting.done.set_result(taken[waiting.partition.number])
        except BaseException as error:  # noqa: BLE001 - the same
            _fail(work, error)

    def _process(self, work: list[_Waiting]) -> list[Processed]:
        """All together; a partition with a record that breaks engines alone, until that lies behind it."""
        poisoned = {number for number, known in self.restorer.poison.items() if known}
        alone = [one for one in work if one.partition.number in poisoned]
        together = [one for one in work if one.partition.number not in poisoned]
        return self._together(together) + [self._alone(one) for one in alone]

    def _together(self, work: list[_Waiting]) -> list[Processed]:
        if len(work) <= 1:
            return [self._alone(one) for one in work]
        try:
            return [process(self.codec, [(one.partition.engine, one.records) for one in work])]
        except Exception as error:
            if is_no_records_fault(error):
                raise
            _log.warning("a turn of %d batches broke on %s: now one by one", len(work), type(error).__name__)
        for one in work:
            self.renew(one.partition, int(one.records.offsets[0]))
        return [self._alone(one) for one in work]

    def _alone(self, work: _Waiting) -> Processed:
        """A record that the engine breaks on is left out and refused, on an engine built anew.

        Raises what the engine raised where no single record is to blame.
        """
        partition, records = work.partition, work.records
        while True:
            poison = self.restorer.poison.get(partition.number, {})
            try:
                done = process(self.codec, [(partition.engine, without(records, poison))])
            except Exception as error:  # noqa: BLE001 - whatever the engine breaks on
                self.restorer.isolate(records, error)
                self.renew(partition, int(records.offsets[0]))
                continue
            mine = sorted(poison.keys() & set(records.offsets.tolist())) if poison else []
            bad = [Bad(offset, Reason.POISON, poison[offset]) for offset in mine]
            refused = rejects(self.codec, records, bad, LIVE.rejected)
            [taken] = done.taken
            return replace(done, taken=[taken._replace(bad=taken.bad + bad)], records=done.records + refused)


class _Waiting(NamedTuple):
    """A batch, and the promise to whoever waits for it."""

    partition: Partition
    records: Records
    done: asyncio.Future[Taken]


def _fail(work: list[_Waiting], error: BaseException) -> None:
    for waiting in work:
        if not waiting.done.done():
            waiting.done.set_exception(error)
