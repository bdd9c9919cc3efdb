"""Who writes ticks, and when not."""

from __future__ import annotations

from typing import Any

from infra.kafka import Outgoing
from infra.topics import JOURNAL
from schemas.codec import Codec
from streams import ticks
from streams.partition import Partition

CODEC = Codec()
NOW_MS = 1_700_000_000_000


class Waiting:
    """Stands for an engine with a plant that has let an issue time pass."""

    def due_ticks(self, now_ms: int) -> list[tuple[str, int]]:
        return [("p1", now_ms - 100_000)]


def partition(next_offset: int, appended_at_ms: int = -1) -> Partition:
    engine: Any = Waiting()
    return Partition(3, engine, next_offset, 0, appended_at_ms=appended_at_ms)


def test_a_tick_goes_to_the_partition_of_its_plant() -> None:
    (tick,) = ticks.due(CODEC, partition(10), 10, NOW_MS)
    assert tick == Outgoing(JOURNAL, b"p1", tick.value, (), 3)
    assert CODEC.decode(tick.value) == (
        "Tick",
        {"plant_id": "p1", "event_time": NOW_MS - 100_000, "known_at": NOW_MS},
    )


def test_an_owner_that_has_records_to_read_writes_none() -> None:
    assert ticks.due(CODEC, partition(10, NOW_MS - 60_000), 500, NOW_MS) == []
    assert ticks.due(CODEC, partition(10), None, NOW_MS) == []


def test_an_owner_that_has_read_almost_everything_writes() -> None:
    assert len(ticks.due(CODEC, partition(10, NOW_MS - 2_000), 11, NOW_MS)) == 1
