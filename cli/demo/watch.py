"""What a subscriber of the topics sees while the demo runs, and how far everybody is behind."""

from __future__ import annotations

import queue
import threading
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from cli.lag import readers
from consumers.lag import waiting
from infra.kafka import consumer
from infra.topic_reader import spans
from infra.topics import ANOMALIES, DRIFT, FORECASTS, JOURNAL, REJECTED
from schemas.codec import Codec
from schemas.errors import DecodeError

if TYPE_CHECKING:
    from confluent_kafka import Consumer, Message

    from infra.settings import Settings

WATCHED: Final = (JOURNAL, FORECASTS, ANOMALIES, REJECTED, DRIFT)
_LAG_EVERY_S: Final = 0.5
_RATE_OVER_S: Final = 5.0

Record = Mapping[str, Any]
Event = tuple[str, str, str, int]  # plant, unit, detector, started at


@dataclass(frozen=True)
class Behind:
    """Records that wait, by group, and by topic of each group; asked of Kafka at `asked_s` (monotonic)."""

    asked_s: float
    groups: Mapping[str, int]
    topics: Mapping[tuple[str, str], int]

    @classmethod
    def of(cls, asked_s: float, topics: Mapping[tuple[str, str], int]) -> Behind:
        """With the sums over topics."""
        groups: Counter[str] = Counter()
        for (group, _), records in topics.items():
            groups[group] += records
        return cls(asked_s, groups, topics)


@dataclass
class Seen:
    """The state of the topics as far as it was read."""

    counts: Counter[str] = field(default_factory=Counter)
    power: dict[str, Record] = field(default_factory=dict)
    forecast: dict[str, Record] = field(default_factory=dict)
    alerts: dict[Event, Record] = field(default_factory=dict)
    behind: Behind | None = None
    records_per_s: float = 0.0
    forecasts_per_s: float = 0.0


class Watch:
    """Follows the topics in a thread, outside any group. `news`: events, rejects and drift as they come."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._codec = Codec()
        self._closing = threading.Event()
        self._error: BaseException | None = None
        self._marks: list[tuple[float, int, int]] = []
        self.seen = Seen()
        self.news: queue.SimpleQueue[tuple[str, Record]] = queue.SimpleQueue()
        self._threads = [
            threading.Thread(target=self._guarded, args=(work,), daemon=True)
            for work in (self._follow, self._measure)
        ]
        for thread in self._threads:
            thread.start()

    def check(self) -> None:
        """Raise what a thread has failed with."""
        if self._error is not None:
            raise self._error

    def close(self) -> None:
        """Stop following."""
        self._closing.set()
        for thread in self._threads:
            thread.join(timeout=15.0)

    def _guarded(self, work: Any) -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - told to the main thread by `check`
            if not self._closing.is_set():
                self._error = error

    def _measure(self) -> None:
        groups = readers(self._settings)
        while not self._closing.wait(_LAG_EVERY_S):
            asked_s = time.monotonic()
            self.seen.behind = Behind.of(asked_s, waiting(self._settings, groups))

    def _follow(self) -> None:
        from confluent_kafka import TopicPartition

        reader: Consumer = consumer(self._settings, None)
        places = [
            TopicPartition(topic, partition, span.first)
            for topic in WATCHED
            for partition, span in spans(self._settings, topic, reader).items()
        ]
        reader.assign(places)
        while not self._closing.is_set():
            messages = [m for m in reader.consume(2000, timeout=0.2) if m.error() is None]
            self._take(messages)
            self._rate()
        reader.close()

    def _take(self, messages: list[Message]) -> None:
        newest: dict[tuple[str, bytes], Message] = {}
        for message in messages:
            topic = str(message.topic())
            self.seen.counts[topic] += 1
            if topic in (JOURNAL, FORECASTS):
                newest[topic, bytes(message.key() or b"")] = message
            else:
                self._happened(self._record(message))
        for (topic, _), message in newest.items():
            self._now(topic, self._record(message))

    def _record(self, message: Message) -> tuple[str, Record]:
        try:
            return self._codec.decode(bytes(message.value() or b""))
        except DecodeError:
            return "", {}

    def _now(self, topic: str, found: tuple[str, Record]) -> None:
        """Of forecasts and telemetry only the newest is looked at: the past comes by the thousand."""
        name, record = found
        if topic == FORECASTS and name == "Forecast":
            self.seen.forecast[record["plant_id"]] = record
        elif name == "Telemetry" and record["power_kw"] is not None:
            self.seen.power[record["plant_id"]] = record

    def _happened(self, found: tuple[str, Record]) -> None:
        name, record = found
        if name == "AnomalyEvent":
            key = (record["plant_id"], record["unit_id"], record["detector"], record["started_at"])
            if record["phase"] == "close":
                self.seen.alerts.pop(key, None)
            else:
                self.seen.alerts[key] = record
        if name:
            self.news.put((name, record))

    def _rate(self) -> None:
        now_s, counts = time.monotonic(), self.seen.counts
        self._marks.append((now_s, counts[JOURNAL], counts[FORECASTS]))
        while self._marks[0][0] < now_s - _RATE_OVER_S:
            self._marks.pop(0)
        then_s, records, forecasts = self._marks[0]
        if now_s > then_s:
            self.seen.records_per_s = (counts[JOURNAL] - records) / (now_s - then_s)
            self.seen.forecasts_per_s = (counts[FORECASTS] - forecasts) / (now_s - then_s)
