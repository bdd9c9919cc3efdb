"""Kafka's batches as columns: the same as aiokafka reads record by record, whatever stands in them."""

from __future__ import annotations

import random
from typing import Any

import pytest
from aiokafka.record.default_records import DefaultRecordBatch, DefaultRecordBatchBuilder

from streams import kafka_batches
from streams.kafka_batches import Fetched, read

Row = tuple[int, int, bytes | None, bytes | None, list[tuple[str, bytes | None]]]
CODECS = {0: "none", 1: "gzip", 2: "snappy", 3: "lz4", 4: "zstd"}
COUNT = 200


def wire(rows: list[Row], codec: int = 3, first: int = 0, appended: bool = False) -> bytes:
    builder = DefaultRecordBatchBuilder(2, codec, 0, -1, -1, 0, 1 << 24)
    for row in rows:
        builder.append(*row)
    made = bytearray(builder.build())
    made[:8] = first.to_bytes(8, "big")
    made[22] |= 8 * appended  # the timestamp is the broker's
    return bytes(made)


def rows(chance: random.Random, count: int = COUNT) -> list[Row]:
    made: list[Row] = []
    offset = 0
    for _ in range(count):
        key, value = (chance.randbytes(chance.choice((0, 1, 9, 130, 9000))) for _ in range(2))
        made.append((offset, chance.randrange(1 << 41), key, value, []))
        offset += chance.choice((1, 1, 1, 3, 1000))
    return made


def said(found: Fetched | None) -> Any:
    assert found is not None
    columns = found.offsets.tolist(), list(found.keys), list(found.payloads), found.timestamps.tolist()
    return *columns, found.timestamp_type


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Whether each batch was read at once."""
    seen: list[bool] = []

    def watched(raw: memoryview, real: Any = kafka_batches._at_once) -> Fetched | None:
        found: Fetched | None = real(raw)
        seen.append(found is not None)
        return found

    monkeypatch.setattr(kafka_batches, "_at_once", watched)
    return seen


@pytest.mark.parametrize("codec", CODECS, ids=CODECS.get)
@pytest.mark.parametrize("appended", [False, True])
def test_a_batch_is_read_at_once_and_as_aiokafka_reads_it(
    codec: int, appended: bool, at_once: list[bool]
) -> None:
    for seed in range(10):
        chance = random.Random(seed)
        raw = wire(rows(chance), codec, chance.randrange(1 << 50), appended)
        batch = DefaultRecordBatch(raw)
        assert said(read(batch, memoryview(raw))) == said(Fetched.of(list(DefaultRecordBatch(raw))))
    assert at_once == [True] * 10


ODD: dict[str, tuple[bytes | None, bytes | None, list[tuple[str, bytes | None]]]] = {
    "tombstone": (b"k", None, []),
    "no key": (None, b"v", []),
    "header": (b"k", b"v", [("traceparent", b"00-1")]),
    "empty header": (b"k", b"v", [("", b"")]),
    "null header": (b"k", b"v", [("a", None)]),
    "header like a record": (b"k", b"v", [("", b"\x10\0\0\0\x02k\x02v\0")]),
    "many headers": (b"k", b"v", [("x", b"y" * 200)] * 300),
}


@pytest.mark.parametrize("odd", ODD.values(), ids=ODD)
@pytest.mark.parametrize("place", [0, COUNT // 2, COUNT - 1])
def test_what_avro_cannot_say_is_read_one_by_one(odd: Any, place: int, at_once: list[bool]) -> None:
    made = rows(random.Random(1))
    made[place] = (*made[place][:2], *odd)
    raw = wire(made)
    assert said(read(DefaultRecordBatch(raw), memoryview(raw))) == said(
        Fetched.of(list(DefaultRecordBatch(raw)))
    )
    assert at_once == [False]


@pytest.mark.parametrize("count", [COUNT - 1, COUNT + 1])
def test_a_batch_that_counts_its_records_wrongly_is_not_read_at_once(count: int) -> None:
    raw = bytearray(wire(rows(random.Random(2)), codec=0))
    raw[57:61] = count.to_bytes(4, "big")
    assert kafka_batches._at_once(memoryview(bytes(raw))) is None


def test_few_records_and_none() -> None:
    few = wire(rows(random.Random(3), 2))
    assert said(read(DefaultRecordBatch(few), memoryview(few))) == said(
        Fetched.of(list(DefaultRecordBatch(few)))
    )
    none = bytearray(few[:61])
    none[8:12], none[22], none[57:61] = (49).to_bytes(4, "big"), 0, bytes(4)  # all compacted away
    assert read(DefaultRecordBatch(bytes(none)), memoryview(bytes(none))) is None


@pytest.mark.parametrize("limit", [1, 3, 4, 5, 9, 12, 100])
def test_parts_are_cut_at_a_limit_and_nothing_is_lost(limit: int) -> None:
    made = rows(random.Random(4), 12)
    whole = Fetched.of(list(DefaultRecordBatch(wire(made))))
    waiting, taken = [whole[:4], whole[4:5], whole[5:12]], []
    while waiting:
        found, waiting = Fetched.cut(waiting, limit)
        assert 0 < len(found) <= limit and (len(found) == limit or not waiting)
        taken.append(found)
    assert said(Fetched.joined(taken)) == said(whole)
