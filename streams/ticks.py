"""Time for silent plants: the owner of a journal partition writes the ticks that are due there."""

from __future__ import annotations

from infra.kafka import Outgoing
from infra.topics import JOURNAL
from schemas.codec import Codec
from streams.partition import Partition

#: The owner must have read about everything, or it would write ticks for telemetry that waits in the log.
FRESH_MS = 10_000


def due(codec: Codec, partition: Partition, end: int | None, now_ms: int) -> list[Outgoing]:
    """Ticks for the plants of a partition that let an issue time pass; `end` is the log's end where known.

    `now_ms` is the wall clock: here and nowhere else it decides that time has passed, and what it decides is
    written to the journal, where a replay reads it.
    """
    at_end = end is not None and partition.next_offset >= end
    if not at_end and now_ms - partition.appended_at_ms > FRESH_MS:
        return []
    found = partition.engine.due_ticks(now_ms)
    ticks = [{"plant_id": plant, "event_time": issue_ms, "known_at": now_ms} for plant, issue_ms in found]
    return [
        Outgoing(JOURNAL, plant.encode(), payload, (), partition.number)
        for (plant, _), payload in zip(found, codec.encode("Tick", ticks), strict=True)
    ]
