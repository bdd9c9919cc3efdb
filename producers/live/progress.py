"""How it goes: what the probes of `gridcast telemetry` answer, and what its metrics show."""

from __future__ import annotations

import threading
import time
from collections import Counter
from typing import Final

from infra import metrics
from infra.health import Verdict

#: A source or a Kafka away for longer than this is not healthy.
PATIENCE_S: Final = 60.0


class Progress:
    """Written by the threads that receive and send, read by the probes."""

    def __init__(self, way: str, plants: list[str]) -> None:
        self._way = way
        self._lock = threading.Lock()
        self._source_fault: tuple[float, str] | None = (time.monotonic(), "not connected yet")
        self._kafka_fault: tuple[float, str] | None = None
        self._newest_ms: dict[str, int | None] = dict.fromkeys(plants)
        self._heard_s: dict[str, float] = {}
        self.counts: Counter[str] = Counter()
        self._show_link(False)

    def connected(self) -> None:
        """The source is there, and sends what we have asked for."""
        with self._lock:
            self._source_fault = None
        self._show_link(True)

    def disconnected(self, why: str) -> None:
        """The source is away, since the first time that this was said; the newest cause is shown."""
        with self._lock:
            since_s = time.monotonic() if self._source_fault is None else self._source_fault[0]
            self._source_fault = (since_s, why)
        self._show_link(False)

    def kafka_took(self) -> None:
        """Kafka has acknowledged a batch."""
        with self._lock:
            self._kafka_fault = None

    def kafka_failed(self, why: str) -> None:
        """Kafka did not take a batch."""
        with self._lock:
            since_s = time.monotonic() if self._kafka_fault is None else self._kafka_fault[0]
            self._kafka_fault = (since_s, why)

    def count(self, outcome: str, number: int = 1) -> None:
        """So many messages or values came to this end."""
        with self._lock:
            self.counts[outcome] += number
        metrics.LIVE.labels(self._way, outcome).inc(number)

    def acknowledged(self, plant_id: str, event_time_ms: int) -> None:
        """A scan of the plant is in the journal."""
        with self._lock:
            before = self._newest_ms.get(plant_id)
            newest_ms = event_time_ms if before is None else max(before, event_time_ms)
            self._newest_ms[plant_id] = newest_ms
            self._heard_s[plant_id] = time.monotonic()
        metrics.LIVE_NEWEST.labels(plant_id).set(newest_ms / 1000)

    def ready(self) -> Verdict:
        """The source is connected."""
        with self._lock:
            fault = self._source_fault
        return Verdict(fault is None, {} if fault is None else {"source": fault[1]})

    def health(self) -> Verdict:
        """Neither the source nor Kafka is away for longer than a minute."""
        now_s = time.monotonic()
        with self._lock:
            faults = {"source": self._source_fault, "kafka": self._kafka_fault}
            silent_s = {plant: round(now_s - at_s, 1) for plant, at_s in self._heard_s.items()}
            counts = dict(self.counts)
        away = {
            name: {"away_s": round(now_s - fault[0], 1), "why": fault[1]}
            for name, fault in faults.items()
            if fault is not None
        }
        good = all(one["away_s"] < PATIENCE_S for one in away.values() if isinstance(one["away_s"], float))
        return Verdict(good, {**away, "since_last_scan_s": silent_s, "counts": counts})

    def _show_link(self, connected: bool) -> None:
        metrics.LIVE_CONNECTED.labels(self._way).set(connected)
