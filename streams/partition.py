"""What a worker holds for one journal partition that it owns."""

from __future__ import annotations

import asyncio
import time
import uuid
from dataclasses import dataclass, field

from models.engine import Engine

#: A batch that takes longer than this is followed by smaller ones, a short one by larger ones: a stop, a
#: commit and the watchdog wait for a batch.
LONG_S = 2.0
SHORT_S = 0.5
FIRST_BATCH = 200
#: How far back a state may lie, in records of the checkpoints' log; older ones are written again.
STATES_PER_PLANT = 4
STATES_AT_LEAST = 1000


@dataclass(eq=False, slots=True)
class Partition:
    """An engine, the place in the journal up to which it holds, and what was last written down of it.

    `next_offset`: the first journal record that is not applied yet. `taken_at`: the end of this partition of
    `worker.checkpoints` when `owner` took over; what stands behind it under another owner came from a worker
    that had lost the partition and did not know. `marked_offset`: journal offset of the last marker, -1 for
    none. `written`: for each plant a place in that log at or before its newest state. `at_once`: how many
    records a batch may hold. Times named `_s` are monotonic; `uncommitted_since_s` is None when all that is
    applied is committed.
    """

    number: int
    engine: Engine
    next_offset: int
    taken_at: int
    marked_offset: int = -1
    written: dict[str, int] = field(default_factory=dict)
    owner: str = field(default_factory=lambda: uuid.uuid4().hex)
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    round_at_s: float = field(default_factory=time.monotonic)
    moved_at_s: float = field(default_factory=time.monotonic)
    uncommitted_since_s: float | None = None
    at_once: int = FIRST_BATCH
    appended_at_ms: int = -1
    known_at_ms: int = -1

    @property
    def applied_offset(self) -> int:
        """The last journal record that is applied."""
        return self.next_offset - 1

    @property
    def since(self) -> int:
        """The place in the checkpoints' log from which on it holds a state of every plant."""
        return min(self.written.values(), default=0)

    def stale(self) -> list[str]:
        """Plants that have not changed for so long that a restore would read far back for their state."""
        far = max(self.written.values(), default=0) - STATES_PER_PLANT * len(self.written) - STATES_AT_LEAST
        return [plant_id for plant_id, place in self.written.items() if place < far]

    def moved(self, last_offset: int, known_at_ms: int, appended_at_ms: int) -> None:
        """A batch is applied and all that it led to is acknowledged."""
        self.next_offset = max(self.next_offset, last_offset + 1)
        self.known_at_ms = max(self.known_at_ms, known_at_ms)
        self.appended_at_ms = max(self.appended_at_ms, appended_at_ms)
        self.moved_at_s = time.monotonic()
        if self.uncommitted_since_s is None:
            self.uncommitted_since_s = self.moved_at_s

    def took(self, count: int, seconds: float, most: int) -> None:
        """Choose the size of the batches to come by what `count` records took; `most` is the largest."""
        if seconds > LONG_S:
            self.at_once = max(1, count // 2)
        elif seconds < SHORT_S and count >= self.at_once:
            self.at_once = min(most, self.at_once * 2)

    def committed(self, offset: int) -> None:
        """Kafka has taken a commit."""
        self.uncommitted_since_s = None if offset >= self.next_offset else time.monotonic()

    def rested(self) -> None:
        """Restored, or back after a rebalance: nothing has waited for it until now."""
        self.moved_at_s = time.monotonic()
        self.uncommitted_since_s = None
