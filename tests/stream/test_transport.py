"""Faust fed with batches: what an agent gets, and which offsets may be committed."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.consumer import fetcher
from aiokafka.errors import CorruptRecordException
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.structs import ConsumerRecord
from faust.types import TP, Message

from streams.fetches import BROKER_HOLDS_MS
from streams.kafka_batches import Fetched
from streams.transport import BatchApp, BatchConsumer, BatchScheduler, BatchSchema, RecordBatch

JOURNAL, OTHER = TP("journal", 0), TP("changelog", 0)


def record(tp: TP, offset: int) -> Any:
    return SimpleNamespace(
        topic=tp.topic,
        partition=tp.partition,
        offset=offset,
        key=b"k%d" % offset,
        value=b"v%d" % offset,
        timestamp=1000 + offset,
        timestamp_type=1,
        headers=(),
        checksum=None,
        serialized_key_size=2,
        serialized_value_size=2,
    )


def batch(tp: TP, first: int, last: int) -> RecordBatch:
    return RecordBatch.of(tp, fetched(tp, range(first, last + 1)))


def fetched(tp: TP, offsets: Iterable[int]) -> Fetched:
    """What a fetch of a batch topic brings."""
    return Fetched.of([record(tp, offset) for offset in offsets])


@pytest.fixture
def app(tmp_path: Path) -> BatchApp:
    return BatchApp(
        "test",
        broker="kafka://localhost:1",
        datadir=str(tmp_path),
        store="memory://",
        batch_topics=frozenset({JOURNAL.topic}),
        batch_records=100,
    )


@pytest.fixture
def consumer(app: BatchApp) -> BatchConsumer:
    made: BatchConsumer = app.transport.create_consumer(
        callback=lambda _: None, on_partitions_revoked=None, on_partitions_assigned=None
    )
    app.topics._acking_topics.add(JOURNAL.topic)
    return made


def test_a_scheduler_yields_whole_batches_in_order_and_leaves_other_topics_alone() -> None:
    records = {
        JOURNAL: [fetched(JOURNAL, (0, 1, 2)), fetched(JOURNAL, (3, 4))],
        OTHER: [record(OTHER, offset) for offset in range(5)],
    }
    got = list(BatchScheduler(frozenset({JOURNAL.topic}), lambda _: 2).iterate(records))
    batches = [one for tp, one in got if tp == JOURNAL]
    assert [one.offsets.tolist() for one in batches] == [[0, 1], [2, 3], [4]]
    assert [one.offset for tp, one in got if tp == OTHER] == [0, 1, 2, 3, 4]


def test_a_scheduler_takes_turns_between_partitions() -> None:
    other = TP(JOURNAL.topic, 1)
    records = {tp: [fetched(tp, range(4))] for tp in (JOURNAL, other)}
    got = [tp.partition for tp, _ in BatchScheduler(frozenset({JOURNAL.topic}), lambda _: 2).iterate(records)]
    assert got == [0, 1, 0, 1]


def test_a_batch_knows_its_records() -> None:
    one = batch(JOURNAL, 3, 5)
    assert one.keys == [b"k3", b"k4", b"k5"]
    assert one.payloads == [b"v3", b"v4", b"v5"]
    assert one.offsets.tolist() == [3, 4, 5]
    assert (one.offset, one.timestamp, one.timestamp_type) == (5, 1005, 1)


@pytest.mark.parametrize(("topic", "is_wrapped"), [(JOURNAL.topic, False), (OTHER.topic, True)])
def test_records_of_batch_topics_come_out_of_a_fetch_as_columns(
    app: BatchApp, topic: str, is_wrapped: bool
) -> None:
    builder = DefaultRecordBatchBuilder(2, 0, 0, -1, -1, 0, 1 << 16)
    for offset in range(3):
        builder.append(offset, 1000 + offset, b"k%d" % offset, None if offset == 1 else b"v%d" % offset, [])
    found = list(taken(TP(topic, 0), bytes(builder.build())))
    assert app.batch_topics and [isinstance(one, ConsumerRecord) for one in found] == (
        [True] * 3 if is_wrapped else [False]
    )
    if not is_wrapped:
        read = RecordBatch.of(TP(topic, 0), found[0])
        assert read.offsets.tolist() == [0, 1, 2]
        assert (read.keys, read.payloads) == ([b"k0", b"k1", b"k2"], [b"v0", None, b"v2"])
        assert (read.timestamp, read.timestamp_type) == (1002, 0)


def taken(tp: TP, log: bytes, since: int = 0, check_crcs: bool = True) -> Any:
    """What aiokafka takes out of the answer to a fetch."""
    return fetcher.PartitionRecords(tp, fetcher.MemoryRecords(log), [], since, None, None, check_crcs, 0)


@pytest.mark.parametrize("count", [3, 300])
def test_a_fetch_begins_at_the_place_asked_for_and_ends_behind_what_is_compacted_away(
    app: BatchApp, count: int
) -> None:
    builder = DefaultRecordBatchBuilder(2, 0, 0, -1, -1, 0, 1 << 16)
    for offset in (*range(count - 1), count):
        builder.append(offset, 1000, b"k", b"v", [])
    found = taken(JOURNAL, bytes(builder.build()), since=1)
    assert app.batch_topics
    (one,) = list(found)
    assert one.offsets.tolist() == [*range(1, count - 1), count]
    assert len(one.keys) == len(one.payloads) == len(one.timestamps) == count - 1
    assert found.next_fetch_offset == count + 1


def test_a_fetch_of_what_is_over_brings_nothing(app: BatchApp) -> None:
    builder = DefaultRecordBatchBuilder(2, 0, 0, -1, -1, 0, 1 << 16)
    builder.append(0, 1000, b"k", b"v", [])
    found = taken(JOURNAL, bytes(builder.build()), since=1)
    assert app.batch_topics and list(found) == []


def test_no_more_of_a_fetch_is_unpacked_than_a_batch_needs(app: BatchApp) -> None:
    """What waits in a fetch is packed: a worker that catches up holds it for every partition."""

    def of(first: int) -> bytes:
        builder = DefaultRecordBatchBuilder(2, 3, 0, -1, -1, 0, 1 << 16)
        for offset in range(100):
            builder.append(offset, 1000, b"k", b"v", [])
        return first.to_bytes(8, "big") + bytes(builder.build())[8:]

    log = taken(JOURNAL, b"".join(of(first) for first in range(0, 500, 100)))
    state = SimpleNamespace(paused=False, position=0)
    state.consumed_to = lambda place: setattr(state, "position", place)
    assignment = SimpleNamespace(active=True, state_value=lambda _: state)
    result = fetcher.FetchResult(JOURNAL, assignment=assignment, partition_records=log, backoff=0)
    seen, more = [], []
    while app.batch_topics and result.has_more():
        seen.append([one.offsets.tolist() for one in result.getall(150)])
        more.append((state.position, result.has_more()))
    assert [len(one) for one in seen] == [2, 2, 1]
    assert [offset for got in seen for one in got for offset in one] == list(range(500))
    assert more == [(200, True), (400, True), (500, False)]


def test_what_ends_a_transaction_is_no_record_of_the_journal(app: BatchApp) -> None:
    def of(first: int, is_control: bool) -> bytes:
        builder = DefaultRecordBatchBuilder(2, 0, 0, -1, -1, 0, 1 << 16)
        builder.append(0, 1000, b"\0\0\0\1", b"v", [])
        made = bytearray(builder.build())
        made[:8], made[22] = first.to_bytes(8, "big"), 0x20 * is_control  # its base offset and attributes
        return bytes(made)

    log = of(0, False) + of(1, True) + of(2, False) + of(3, True)
    found = taken(JOURNAL, log, check_crcs=False)
    assert app.batch_topics and [one.offsets.tolist() for one in found] == [[0], [2]]
    assert found.next_fetch_offset == 4, "the next fetch does not ask for the last one again"


def test_a_damaged_fetch_is_refused(app: BatchApp) -> None:
    builder = DefaultRecordBatchBuilder(2, 0, 0, -1, -1, 0, 1 << 16)
    builder.append(0, 1000, b"k", b"value", [])
    damaged = bytes(builder.build()).replace(b"value", b"valve")
    with pytest.raises(CorruptRecordException):
        list(taken(JOURNAL, damaged))
    assert app.batch_topics


def test_no_fetch_stays_with_the_broker_for_long(app: BatchApp, consumer: BatchConsumer) -> None:
    """aiokafka asks a broker for one fetch at a time: the records of other partitions wait for its end."""

    async def held_ms() -> int:
        thread = consumer._new_consumer_thread()
        made: int = thread._create_worker_consumer(app.transport)._fetch_max_wait_ms
        return made

    assert asyncio.run(held_ms()) == BROKER_HOLDS_MS < 100


def test_a_schema_hands_the_batch_on_undecoded(app: BatchApp) -> None:
    one = batch(JOURNAL, 0, 1)
    message = Message(JOURNAL.topic, 0, 1, 1.0, 1, (), None, one, None, tp=JOURNAL)
    event = asyncio.run(BatchSchema().compile(app)(message, propagate=True))
    assert event.value is one


def deliver(consumer: BatchConsumer, one: RecordBatch) -> Message:
    """What Faust's fetcher does with a message."""
    message: Message = consumer._to_message(JOURNAL, one)
    consumer._read_offset[JOURNAL] = one.offset
    message.incref()
    return message


def ack(consumer: BatchConsumer, message: Message) -> int | None:
    message.ack(consumer)
    return commit(consumer)


def commit(consumer: BatchConsumer) -> int | None:
    waiting = consumer._filter_tps_with_pending_acks()
    offset: int | None = consumer._filter_committable_offsets(waiting).get(JOURNAL)
    if offset is not None:
        consumer._committed_offset[JOURNAL] = offset
    return offset


def test_every_acked_batch_can_be_committed_to_its_end(consumer: BatchConsumer) -> None:
    for first, last in ((0, 9), (10, 10), (11, 40), (41, 42)):
        message = deliver(consumer, batch(JOURNAL, first, last))
        assert ack(consumer, message) == last + 1


def test_a_first_batch_that_ends_at_offset_zero_blocks_nothing(consumer: BatchConsumer) -> None:
    for first, last in ((0, 0), (1, 5), (6, 9)):
        message = deliver(consumer, batch(JOURNAL, first, last))
        assert ack(consumer, message) == last + 1


def test_nothing_is_committed_past_an_unfinished_batch(consumer: BatchConsumer) -> None:
    spans = ((0, 9), (10, 19), (20, 29))
    one, two, three = (deliver(consumer, batch(JOURNAL, first, last)) for first, last in spans)
    assert ack(consumer, one) == 10
    assert ack(consumer, three) is None
    assert ack(consumer, two) == 30


def test_holes_of_compaction_do_not_block_commits(consumer: BatchConsumer) -> None:
    for first, last in ((4, 4), (9, 12), (30, 31)):
        message = deliver(consumer, batch(JOURNAL, first, last))
        assert ack(consumer, message) == last + 1


def test_after_a_restart_commits_go_on_from_the_committed_offset(consumer: BatchConsumer) -> None:
    consumer._committed_offset[JOURNAL] = consumer._read_offset[JOURNAL] = 100
    for first, last in ((100, 100), (101, 140), (150, 151)):
        message = deliver(consumer, batch(JOURNAL, first, last))
        assert ack(consumer, message) == last + 1


def test_batches_that_the_streams_passed_over_and_read_again_do_not_block(consumer: BatchConsumer) -> None:
    for first, last in ((160, 219), (220, 279)):
        deliver(consumer, batch(JOURNAL, first, last))
    consumer._committed_offset[JOURNAL] = consumer._read_offset[JOURNAL] = 100
    again = [deliver(consumer, batch(JOURNAL, first, last)) for first, last in ((100, 159), (160, 279))]
    assert [ack(consumer, message) for message in again] == [160, 280]


def test_a_batch_acked_while_partitions_are_revoked_is_committed(consumer: BatchConsumer) -> None:
    first, second = (deliver(consumer, batch(JOURNAL, at, at + 9)) for at in (0, 10))
    first.ack(consumer)
    consumer._acked.pop(JOURNAL)  # as Faust does when a rebalance begins
    consumer._acked_index.pop(JOURNAL)
    assert commit(consumer) == 10
    assert ack(consumer, second) == 20


@pytest.mark.parametrize("seed", range(20))
def test_any_cut_with_any_delay_of_acks_commits_what_is_done(consumer: BatchConsumer, seed: int) -> None:
    chance = random.Random(seed)
    waiting: list[Message] = []
    following = chance.choice((0, 1, 50))
    done = following
    for _ in range(60):
        if chance.random() < 0.6:
            first = following + chance.choice((0, 0, 0, 3))
            waiting.append(deliver(consumer, batch(JOURNAL, first, first + chance.choice((0, 0, 1, 7)))))
            following = waiting[-1].offset + 1
        elif waiting:
            one = waiting.pop(0)
            committed = ack(consumer, one)
            done = one.offset + 1
            assert committed == done
    assert commit(consumer) is None


@pytest.fixture
def fetches(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What Kafka is asked for, and what it has: 250 records of the journal, then one at a time."""
    asked: list[Any] = []
    held = {JOURNAL: [fetched(JOURNAL, range(130)), fetched(JOURNAL, range(130, 250))]}

    async def getmany(_: Any, active: set[TP], timeout: float) -> dict[TP, list[Any]]:
        asked.append((set(active), timeout))
        rest = fetched(SECOND, [len(asked)])
        return {tp: held.pop(tp, []) if tp in held else [rest] for tp in active}

    monkeypatch.setattr("faust.transport.consumer.ThreadDelegateConsumer._getmany", getmany)
    return asked


SECOND = TP("journal", 1)


def offsets_of(got: list[Fetched]) -> list[int]:
    return [offset for one in got for offset in one.offsets.tolist()]


def test_the_backlog_of_one_partition_keeps_no_other_waiting(
    consumer: BatchConsumer, fetches: list[Any]
) -> None:
    async def rounds() -> list[dict[TP, int]]:
        both = {JOURNAL, SECOND}
        return [
            {tp: len(offsets_of(got)) for tp, got in (await consumer._getmany(both, 1.0)).items()}
            for _ in range(3)
        ]

    assert asyncio.run(rounds()) == [
        {JOURNAL: 100, SECOND: 1},
        {JOURNAL: 100, SECOND: 1},
        {JOURNAL: 50, SECOND: 1},
    ]
    assert fetches[1:] == [({SECOND}, 0.0), ({SECOND}, 0.0)], "what waits here is not asked for again"


def test_a_full_partition_gets_nothing_and_loses_nothing(consumer: BatchConsumer, fetches: list[Any]) -> None:
    async def rounds() -> list[list[int]]:
        seen = []
        for active in ({JOURNAL, SECOND}, {SECOND}, {SECOND}, {JOURNAL, SECOND}, {JOURNAL, SECOND}):
            got = await consumer._getmany(active, 1.0)
            seen.append(offsets_of(got.get(JOURNAL, [])))
        return seen

    seen = asyncio.run(rounds())
    assert [len(one) for one in seen] == [100, 0, 0, 100, 50]
    assert [offset for one in seen for offset in one] == list(range(250))


def test_nothing_that_waits_here_outlives_a_rebalance(
    app: BatchApp, consumer: BatchConsumer, fetches: list[Any]
) -> None:
    async def over_a_rebalance() -> dict[TP, list[Any]]:
        await consumer._getmany({JOURNAL}, 1.0)
        app.consumer_generation_id += 1
        consumer._surplus.clear()  # as on_partitions_assigned does
        return dict(await consumer._getmany({JOURNAL}, 1.0))

    again = asyncio.run(over_a_rebalance())
    assert offsets_of(again[JOURNAL]) != list(range(100, 200))


class Log:
    """A partition of 300 records, read from `position` on: what Kafka's client is to Faust."""

    def __init__(self) -> None:
        self.position = 250
        self.asked = asyncio.Event()
        self.answer = asyncio.Event()

    async def getmany(self, active: set[TP], _timeout_s: float) -> dict[TP, list[Any]]:
        self.asked.set()
        await self.answer.wait()
        found = [fetched(JOURNAL, range(self.position, 300))] if self.position < 300 else []
        self.position = 300
        return {tp: found for tp in active if found}

    async def seek(self) -> dict[TP, int]:
        self.position = 200
        return {JOURNAL: 200}


def test_a_fetch_that_outlasts_a_rebalance_takes_nothing_with_it(
    app: BatchApp, consumer: BatchConsumer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def over_a_rebalance() -> list[int]:
        log = Log()
        monkeypatch.setattr("faust.transport.consumer.ThreadDelegateConsumer._getmany", log.getmany)
        monkeypatch.setattr("faust.transport.consumer.ThreadDelegateConsumer.seek_to_committed", log.seek)
        before = asyncio.ensure_future(consumer._getmany({JOURNAL}, 1.0))
        await log.asked.wait()
        app.consumer_generation_id += 1
        seeking = asyncio.ensure_future(consumer.seek_to_committed())
        await asyncio.sleep(0)
        log.answer.set()
        assert await before == {}
        await seeking
        return offsets_of((await consumer._getmany({JOURNAL}, 1.0))[JOURNAL])

    assert asyncio.run(over_a_rebalance())[0] == 200


def test_fausts_own_look_at_stalls_cannot_end_a_worker_whose_partition_has_no_position_yet(
    consumer: BatchConsumer,
) -> None:
    consumer.assignment = lambda: {JOURNAL}  # type: ignore[method-assign]
    asyncio.run(consumer.verify_all_partitions_active())
