"""Notices a worker that stands still: records wait in the journal and the position does not move."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from infra.kafka import consumer
from infra.topic_reader import spans
from infra.topics import JOURNAL
from schemas.errors import ServiceUnavailable
from streams import meter
from streams.ending import end_process

if TYPE_CHECKING:
    from infra.settings import Settings

_log = logging.getLogger(__name__)

LOOK_EVERY_S = 5.0
Positions = Mapping[int, int]


class StallClock:
    """Remembers since when each partition has stood at one position with records waiting."""

    def __init__(self) -> None:
        self._since: dict[int, tuple[int, float]] = {}

    def stalled_s(self, now_s: float, positions: Positions, ends: Positions | None) -> dict[int, float]:
        """How long each waiting partition has stood still; without `ends` (Kafka away) all begin anew."""
        waiting = {p: at for p, at in positions.items() if ends is not None and ends.get(p, 0) > at}
        self._since = {
            p: self._since[p] if p in self._since and self._since[p][0] == at else (at, now_s)
            for p, at in waiting.items()
        }
        return {p: now_s - since for p, (_, since) in self._since.items()}


class Watchdog:
    """A thread of its own with a consumer of its own: it sees a blocked event loop, too.

    `ends` is the newest known end of each journal partition; `seen_at_s` (monotonic) when it was read.
    """

    def __init__(self, settings: Settings, positions: Callable[[], Positions]) -> None:
        self._settings = settings
        self._positions = positions
        self._clock = StallClock()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="gridcast-watchdog", daemon=True)
        self.ends: Positions = {}
        self.seen_at_s = time.monotonic()

    def start(self) -> None:
        """Begin to watch."""
        self._thread.start()

    def _run(self) -> None:
        reader = consumer(self._settings, None)
        while not self._closing.wait(LOOK_EVERY_S):
            positions = self._positions()
            ends: Positions | None = None
            try:
                ends = self.ends = {p: span.end for p, span in spans(self._settings, JOURNAL, reader).items()}
                self.seen_at_s = time.monotonic()
                meter.show_lag(JOURNAL, {p: max(0, ends[p] - at) for p, at in positions.items()})
            except ServiceUnavailable as error:
                _log.warning("%s", error)
            self._judge(self._clock.stalled_s(time.monotonic(), positions, ends))
        reader.close()

    def _judge(self, stalled_s: Mapping[int, float]) -> None:
        for partition, seconds in stalled_s.items():
            if seconds >= self._settings.stall_s:
                end_process(f"{JOURNAL}[{partition}] has not moved for {seconds:.0f} s with records waiting")

    def close(self) -> None:
        """Stop watching."""
        self._closing.set()
