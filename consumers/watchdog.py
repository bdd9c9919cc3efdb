"""Notices a sink that stands still, from a thread of its own with a consumer of its own.

A server that is known to be away is no stall: trying again is all that a new process could do. A stall is a
call that does not come back, or records that wait while nothing is wrong.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from consumers.intake import TOPICS
from consumers.progress import Progress
from consumers.reading import Reading
from consumers.store import Place
from infra.hollow import Waiting
from infra.kafka import consumer
from infra.stalls import Stall, StallClock, Standing, look_every_s
from infra.topic_reader import spans
from schemas.errors import GridcastError

if TYPE_CHECKING:
    from confluent_kafka import Consumer

    from infra.settings import Settings

_log = logging.getLogger(__name__)

#: One partition may wait behind what was fetched of the others while PostgreSQL is slow.
PARTITION_PATIENCE: Final = 10.0


class Watchdog:
    """Calls `on_stall` with a plain reason, and `alive` at each look. `progress.stalls` is what stands still,
    for the probes. `more`: what else must move.
    """

    def __init__(
        self,
        settings: Settings,
        reading: Reading,
        progress: Progress,
        on_stall: Callable[[str], object],
        alive: Callable[[], None],
        topics: Sequence[str] = TOPICS,
        name: str = "the sink",
        more: Callable[[], dict[str, Standing]] = dict,
    ) -> None:
        self._settings = settings
        self._reading = reading
        self._progress = progress
        self._on_stall = on_stall
        self._alive = alive
        self._topics = topics
        self._name = name
        self._more = more
        self._every_s = look_every_s(settings.stall_s)
        self._clock = StallClock(self._every_s)
        self._waiting = Waiting(settings)
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="gridcast-watchdog", daemon=True)

    def start(self) -> None:
        """Begin to watch."""
        self._thread.start()

    def close(self) -> None:
        """Stop watching; a look that waits for a Kafka that is away is not waited for."""
        self._closing.set()
        self._thread.join(1.0)

    def _run(self) -> None:
        reader = consumer(self._settings, None)
        while not self._closing.wait(self._every_s):
            self._alive()
            self._progress.stalls = self._clock.look(time.monotonic(), self._standing(reader))
            for stall in self._progress.stalls:
                if stall.share_s >= self._settings.stall_s:
                    self._on_stall(_reason(stall, self._progress.stalls))
        reader.close()

    def _standing(self, reader: Consumer) -> dict[str, Standing]:
        """The loop must come round whatever is away; records must move while nothing is."""
        made = {self._name: Standing(self._progress.steps), **self._more()}
        at = dict(self._reading.at) if self._reading.placed and not self._progress.trouble else {}
        waiting = [place for place, end in self._ends(reader, at).items() if end > at[place]]
        if waiting:
            made["the reading"] = Standing((self._progress.writes, tuple(sorted(at.items()))))
        for place in waiting:
            made["{}[{}]".format(*place)] = Standing(at[place], patience=PARTITION_PATIENCE)
        return made

    def _ends(self, reader: Consumer, at: dict[Place, int]) -> dict[Place, int]:
        try:
            held = {topic: spans(self._settings, topic, reader) for topic in self._topics if at}
            ends = {(topic, number): held[topic][number].end for topic, number in at}
            return {place: self._waiting.end(place, at[place], end) for place, end in ends.items()}
        except GridcastError as error:
            _log.warning("%s", error)
            return {}


def _reason(stall: Stall, all_stalls: Sequence[Stall]) -> str:
    """One line with the partitions that wait."""
    waiting = ", ".join(one.what for one in all_stalls if "[" in one.what)
    told = f"{stall.what} has not moved for {stall.for_s:.0f} s with work waiting"
    return f"{told}: {waiting}" if waiting else told
