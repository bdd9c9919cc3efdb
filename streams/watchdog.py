"""Notices a worker that stands still: records wait and the position does not move."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from infra.ending import end_process
from infra.hollow import Waiting
from infra.kafka import consumer
from infra.stalls import LastResort, Stall, StallClock, look_every_s
from infra.topic_reader import spans
from infra.topics import JOURNAL
from schemas.errors import GridcastError
from streams import meter
from streams.partition import Partition
from streams.standing import Ends, Moving

if TYPE_CHECKING:
    from confluent_kafka import Consumer

    from infra.settings import Settings

_log = logging.getLogger(__name__)


class Watchdog:
    """A thread of its own with a consumer of its own: it sees a blocked event loop, too.

    `ends` is the newest known end of each partition watched; `seen_at_s` (monotonic) when it was read;
    `stalls` what stood still then.
    """

    def __init__(self, settings: Settings, moving: Moving) -> None:
        self._settings = settings
        self._moving = moving
        self._every_s = look_every_s(settings.stall_s)
        self._clock = StallClock(self._every_s)
        self._last_resort = LastResort(settings.stall_s)
        self._waiting = Waiting(settings)
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="gridcast-watchdog", daemon=True)
        self.ends: Ends = {}
        self.seen_at_s = time.monotonic()
        self.stalls: Sequence[Stall] = ()

    def start(self) -> None:
        """Begin to watch."""
        self._last_resort.put_off()
        self._thread.start()

    def _run(self) -> None:
        reader = consumer(self._settings, None)
        while not self._closing.wait(self._every_s):
            self._last_resort.put_off()
            self.stalls = self._look(reader)
            for stall in self.stalls:
                if stall.share_s >= self._settings.stall_s:
                    end_process(f"{stall.what} has not moved for {stall.for_s:.0f} s with work waiting")
        reader.close()

    def _look(self, reader: Consumer) -> list[Stall]:
        """What stands still now; nothing while Kafka does not answer, and from then on all begin anew."""
        try:
            positions = self._moving.positions()
            self.ends = {topic: self._ends(topic, reader, positions) for topic in self._moving.topics}
        except GridcastError as error:
            _log.warning("%s", error)
            return self._clock.look(time.monotonic(), None)
        self.seen_at_s = time.monotonic()
        journal = self.ends[JOURNAL]
        behind = {n: max(0, journal.get(n, 0) - one.next_offset) for n, one in self._partitions().items()}
        meter.show_lag(JOURNAL, behind)
        return self._clock.look(self.seen_at_s, self._moving.standing(self.ends))

    def _ends(self, topic: str, reader: Consumer, positions: Mapping[tuple[str, int], int]) -> dict[int, int]:
        held = spans(self._settings, topic, reader).items()
        return {
            number: self._waiting.end((topic, number), positions.get((topic, number), span.end), span.end)
            for number, span in held
        }

    def _partitions(self) -> dict[int, Partition]:
        return dict(self._moving.worker.partitions)

    def close(self) -> None:
        """Stop watching."""
        self._closing.set()
        self._last_resort.close()
