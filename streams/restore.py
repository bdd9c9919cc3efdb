"""Taking over a journal partition: its newest states, then the journal in silence up to the commit."""

from __future__ import annotations

import logging
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np
from confluent_kafka import KafkaException, TopicPartition

from infra import metrics
from infra.kafka import consumer
from infra.topic_reader import Span, read, spans
from infra.topics import CHECKPOINTS, JOURNAL
from models.engine import Engine
from models.state import layout_of
from schemas.codec import Codec
from schemas.errors import GridcastError, LogTruncated, ServiceUnavailable
from streams.checkpoints import Found, since
from streams.decoding import decode
from streams.partition import Partition
from streams.records import Records, of_messages, pick, without

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from confluent_kafka import Message

    from infra.settings import Settings
    from models.fleet import Fleet

_log = logging.getLogger(__name__)

ANSWER_S = 20.0
STATES_AT_ONCE = 200
RECORDS_AT_ONCE = 500
TAIL = 200
NOTHING_COMMITTED = -1
NEVER_MORE = "the number of partitions must never change; make the topics anew and publish again"
WAY_ON = "`gridcast worker --accept-loss` goes on without them"


def is_no_records_fault(error: Exception) -> bool:
    """Whether an error says by itself that no record is to blame."""
    return isinstance(error, GridcastError | MemoryError | OSError)


class _Isolated(Exception):
    """A record that the engine breaks on is known now; what was built with it must be built again."""


@dataclass(frozen=True)
class Restorer:
    """Builds partitions. `accept_loss`: go on where the log no longer holds what was to be read.

    `poison`: by partition the records that the engine cannot take, with what happens. They are left out, in
    every life of a worker the same ones: a record is poison when an engine that has taken all before it, but
    for earlier poison, breaks on it.

    `restoring`: how far each restore under way has come, in batches read; the watchdog looks at it.
    """

    settings: Settings
    codec: Codec
    new_engine: Callable[[], Engine]
    accept_loss: bool = False
    poison: dict[int, dict[int, str]] = field(default_factory=dict)
    restoring: dict[int, int] = field(default_factory=dict)

    def committed(self, topic: str, partitions: set[int]) -> dict[int, int]:
        """The group's committed offset by partition, -1 where there is none.

        Raises `LogTruncated`, unless loss is accepted, where the log has left a committed offset behind:
        Faust would step over the lost records in silence.
        """
        if not partitions:
            return {}
        held = spans(self.settings, topic)
        committed = self._committed(topic, partitions)
        for partition, offset in committed.items():
            if offset != NOTHING_COMMITTED:
                self._reachable(topic, partition, offset, held[partition])
        return committed

    def _committed(self, topic: str, partitions: set[int]) -> dict[int, int]:
        client = consumer(self.settings, self.settings.worker_group)
        try:
            asked = [TopicPartition(topic, partition) for partition in sorted(partitions)]
            found = client.committed(asked, timeout=ANSWER_S)
        except KafkaException as error:
            text = error.args[0].str()
            raise ServiceUnavailable(f"Kafka does not say what was committed: {text}") from error
        finally:
            client.close()
        return {one.partition: max(one.offset, NOTHING_COMMITTED) for one in found}

    def take_over(
        self, number: int, committed: int, wanted: Callable[[], bool], fleet: Fleet | None = None
    ) -> Partition | None:
        """The state of a journal partition as of the committed offset; outputs below it exist already.

        Its plants stand in `fleet`, or in one of their own. None when it stopped halfway, because `wanted`
        says that the partition is not to be ours after all.

        Raises:
            LogTruncated: the journal no longer reaches back to the states.
            ReleaseRefused: a release that forecasts were made with is gone.
            ServiceUnavailable: Kafka does not answer; nothing has changed.
        """
        self._moved(number)
        try:
            while True:
                engine = self.new_engine()
                if fleet is not None:
                    engine.join(fleet)
                with suppress(_Isolated):
                    return self._take_over(engine, number, committed, wanted)
        finally:
            self.restoring.pop(number, None)

    def _moved(self, number: int) -> None:
        self.restoring[number] = self.restoring.get(number, 0) + 1

    def forget(self, number: int, before: int) -> None:
        """Poison that no restore will come to any more need not be remembered."""
        known = self.poison.get(number, {})
        for offset in [one for one in known if one < before]:
            del known[offset]

    def _take_over(
        self, engine: Engine, number: int, committed: int, wanted: Callable[[], bool]
    ) -> Partition | None:
        try:
            partition = self._built(engine, number, committed, wanted)
        except BaseException:
            engine.leave()
            raise
        if partition is None:
            engine.leave()
        return partition

    def _built(
        self, engine: Engine, number: int, committed: int, wanted: Callable[[], bool]
    ) -> Partition | None:
        held = spans(self.settings, CHECKPOINTS)
        if number not in held:
            raise GridcastError(f"{JOURNAL} has a partition {number}, {CHECKPOINTS} has none: {NEVER_MORE}")
        taken_at = held[number].end
        found = self._found(number, held[number], layout_of(engine.fleet.fields), len(held))
        engine.serving.restore(found.releases)
        for snapshot in found.newest.values():
            engine.restore(snapshot)
        engine.changed.update(found.foreign)
        partition = Partition(number, engine, found.start, taken_at, found.marked_offset, found.written)
        if not self._catch_up(partition, committed, wanted):
            return None
        journal = found.start, partition.next_offset
        _log.info("partition %d: %d plants, journal read from %d to %d", number, len(engine.plants), *journal)
        return partition

    def check_nothing_skipped(self, number: int, expected: int, first: int) -> None:
        """A batch of the journal begins at `first` where `expected` was to come: are records missing?

        Offsets without a record are normal behind a producer with transactions.

        Raises:
            ServiceUnavailable: the log holds records in between; a restart reads them, being uncommitted.
            LogTruncated: retention was faster than this worker, and loss is not accepted.
        """
        held = spans(self.settings, JOURNAL, only={number})[number]
        start = self._reachable(JOURNAL, number, expected, held)
        skipped = sum(len(m) for m in read(self.settings, JOURNAL, {number: start}, {number: first}))
        if skipped:
            where = f"{JOURNAL}[{number}]"
            raise ServiceUnavailable(f"{where}: {skipped} records from {expected} on were passed over")

    def _found(self, number: int, held: Span, layout: str, partitions: int) -> Found:
        found = Found()
        for messages in self._states(number, held):
            found.add(self.codec, messages)
            self._moved(number)
        moved = found.moved(number, partitions)
        if moved:
            raise GridcastError(f"{JOURNAL}[{number}] is no longer where {moved} belongs: {NEVER_MORE}")
        if any(snapshot.layout != layout for snapshot in found.newest.values()):
            _log.warning("partition %d: states of another layout; the whole journal is read instead", number)
            return Found()
        return found

    def _states(self, number: int, held: Span) -> Iterator[list[Message]]:
        """The checkpoints from where they have to be read: the last marker knows, and it is near the end."""
        tail = TAIL
        while True:
            first = max(held.first, held.end - tail)
            newest = list(self._read_states(number, first))
            told = since(chain.from_iterable(newest))
            if told is not None or first == held.first:
                break
            tail *= 8
        begin = max(held.first, told or 0)
        if begin < first:
            newest.clear()
            yield from self._read_states(number, begin)
        while newest:
            yield [message for message in newest.pop(0) if (message.offset() or 0) >= begin]

    def _read_states(self, number: int, first: int) -> Iterator[list[Message]]:
        return read(self.settings, CHECKPOINTS, {number: first}, batch=STATES_AT_ONCE)

    def _catch_up(self, partition: Partition, committed: int, wanted: Callable[[], bool]) -> bool:
        """Read the journal in silence from the states to the committed offset; False when it was stopped."""
        held = spans(self.settings, JOURNAL, only={partition.number})[partition.number]
        if partition.next_offset == 0 and committed == NOTHING_COMMITTED:
            partition.next_offset = held.first
            return True  # nobody was here before: begin with whatever the log begins with
        start = self._reachable(JOURNAL, partition.number, partition.next_offset, held)
        partition.next_offset = start
        if committed <= start:
            return True  # what comes again from `committed` on is old to the states: they ignore it
        bounds = {partition.number: start}, {partition.number: committed}
        for messages in read(self.settings, JOURNAL, *bounds, batch=RECORDS_AT_ONCE):
            self._learn(partition, of_messages(JOURNAL, partition.number, messages))
            self._moved(partition.number)
            if not wanted():
                return False
        partition.next_offset = max(partition.next_offset, committed)
        return True

    def _learn(self, partition: Partition, records: Records) -> None:
        try:
            batch = decode(self.codec, without(records, self.poison.get(partition.number, {})))
            partition.engine.apply(batch, speak=False)
        except Exception as error:
            self.isolate(records, error)
            raise _Isolated from error
        partition.moved(int(records.offsets[-1]), batch.known_at_ms, -1)

    def isolate(self, records: Records, error: Exception) -> None:
        """Find the first record that an engine breaks on, and note it as poison.

        Raises `error` again where it says by itself that no record is to blame, or none is found.
        """
        if is_no_records_fault(error):
            raise error
        number, first = records.partition, int(records.offsets[0])
        known = self.poison.setdefault(number, {})
        healthy = self.take_over(number, first, lambda: True)
        if healthy is None:
            raise error
        try:
            for row in np.flatnonzero(~np.isin(records.offsets, list(known))):
                self._moved(number)
                fault = self._fault_of(healthy.engine, pick(records, np.array([row])))
                if fault is not None:
                    offset = int(records.offsets[row])
                    known[offset] = fault
                    _log.error("%s[%d]: record %d is poison: %s", JOURNAL, number, offset, fault)
                    return
        finally:
            self.restoring.pop(number, None)
        raise error

    def _fault_of(self, engine: Engine, record: Records) -> str | None:
        try:
            engine.apply(decode(self.codec, record), speak=False)
        except Exception as found:  # noqa: BLE001 - whatever the engine breaks on
            return f"{type(found).__name__}: {found}"
        return None

    def _reachable(self, topic: str, partition: int, offset: int, held: Span) -> int:
        if offset > held.end:
            raise GridcastError(
                f"{topic}[{partition}] ends at {held.end}, but was read up to {offset}: was the topic made"
                f" anew? The offsets of the group and the states on {CHECKPOINTS} are of the old one"
            )
        lost = held.first - offset
        if lost > 0 and not self.accept_loss:
            raise LogTruncated(topic, partition, lost, WAY_ON)
        if lost > 0:
            metrics.LOST.labels(topic, str(partition)).set(lost)
            _log.warning("%s[%d]: %d records are lost, as accepted", topic, partition, lost)
        return max(offset, held.first)
