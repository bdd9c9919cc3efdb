"""Where the groups are, twice a second: how long anything stands still, and when all is caught up."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from confluent_kafka import ConsumerGroupTopicPartitions, KafkaException, TopicPartition

from consumers.intake import TOPICS as OF_SINK
from infra.kafka import admin, await_admin, consumer
from infra.topics import FORECASTS, JOURNAL, PLANTS, RELEASES, WEATHER_RUNS
from schemas.errors import ServiceUnavailable

if TYPE_CHECKING:
    from confluent_kafka import Consumer
    from confluent_kafka.admin import AdminClient

    from infra.settings import Settings

_EVERY_S = 0.5
_ANSWER_S = 5.0
OF_WORKER = (JOURNAL, WEATHER_RUNS, PLANTS, RELEASES)

Place = tuple[str, str, int]  # group, topic, partition


@dataclass
class Gauge:
    """Reads committed offsets and ends. `stuck_s`: the longest that a partition stood still with records
    waiting while nothing was being done to the system.
    """

    settings: Settings
    stuck_s: float = 0.0
    stuck_at: str = ""
    blind: str = ""
    _committed: dict[Place, int] = field(default_factory=dict)
    _ends: dict[tuple[str, int], int] = field(default_factory=dict)
    _moved_s: dict[Place, float] = field(default_factory=dict)
    _calm_since_s: float = field(default_factory=time.monotonic)
    _calm: bool = True
    _seen_s: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _closing: threading.Event = field(default_factory=threading.Event)

    def start(self) -> None:
        """Begin to look."""
        threading.Thread(target=self._run, name="chaos-gauge", daemon=True).start()

    def close(self) -> None:
        """Look no more."""
        self._closing.set()

    def disturbed(self) -> None:
        """Something is being done: nobody needs to move."""
        with self._lock:
            self._calm = False

    def calm(self) -> None:
        """It is over: from here on everybody must move."""
        with self._lock:
            self._calm, self._calm_since_s = True, time.monotonic()

    def recovered(self, within_s: float) -> float | None:
        """Wait until all that is in the log now is read; returns how long it took, None if it did not end."""
        began_s = time.monotonic()
        marks: dict[tuple[str, int], int] | None = None
        while time.monotonic() - began_s < within_s:
            time.sleep(_EVERY_S / 2)
            with self._lock:
                if self._seen_s <= began_s:
                    continue
                marks = marks or dict(self._ends)
                if all(self._committed.get(place, 0) >= marks.get(place[1:], 0) for place in self._places()):
                    return time.monotonic() - began_s
        return None

    @property
    def moving(self) -> bool:
        """Whether the sink has read forecasts."""
        with self._lock:
            at = [n for (group, topic, _), n in self._committed.items() if topic == FORECASTS]
            return sum(at) > 0

    def behind(self) -> dict[str, int]:
        """Records that wait, by group, topic and partition."""
        with self._lock:
            return {
                f"{group} {topic}[{number}]": self._ends[topic, number] - self._committed.get(place, 0)
                for place in self._places()
                for group, topic, number in (place,)
                if self._ends[topic, number] > self._committed.get(place, 0)
            }

    def _places(self) -> list[Place]:
        groups = {self.settings.worker_group: OF_WORKER, self.settings.sink_group: OF_SINK}
        return [
            (group, topic, number)
            for group, topics in groups.items()
            for topic, number in self._ends
            if topic in topics
        ]

    def _run(self) -> None:
        client, reader = admin(self.settings), consumer(self.settings, None)
        while not self._closing.wait(_EVERY_S):
            try:
                ends = self._read_ends(reader)
                committed = self._read_committed(client)
            except (KafkaException, ServiceUnavailable) as error:
                self.blind = str(error)
                # One that has met a broker without leaders believes it for minutes.
                reader.close()
                client, reader = admin(self.settings), consumer(self.settings, None)
                continue
            with self._lock:
                self._take_in(ends, committed, time.monotonic())

    def _take_in(self, ends: dict[tuple[str, int], int], committed: dict[Place, int], now_s: float) -> None:
        self._ends, self._seen_s = ends, now_s
        for place in self._places():
            at, before = committed.get(place, 0), self._committed.get(place)
            if at != before or at >= ends[place[1:]]:
                self._moved_s[place] = now_s
            still_s = now_s - max(self._moved_s.get(place, now_s), self._calm_since_s)
            if self._calm and still_s > self.stuck_s:
                self.stuck_s, self.stuck_at = still_s, f"{place[0]} {place[1]}[{place[2]}] at {at}"
        self._committed = committed

    def _read_ends(self, reader: Consumer) -> dict[tuple[str, int], int]:
        there = reader.list_topics(timeout=_ANSWER_S).topics
        places = [(name, number) for name in {*OF_WORKER, *OF_SINK} for number in there[name].partitions]
        return {
            place: reader.get_watermark_offsets(TopicPartition(*place), timeout=_ANSWER_S)[1]
            for place in places
        }

    def _read_committed(self, client: AdminClient) -> dict[Place, int]:
        made: dict[Place, int] = {}
        for group in (self.settings.worker_group, self.settings.sink_group):
            asked = client.list_consumer_group_offsets(
                [ConsumerGroupTopicPartitions(group)], request_timeout=_ANSWER_S
            )
            found = await_admin(asked[group], "offsets", _ANSWER_S)
            for one in found.topic_partitions:
                made[group, one.topic, one.partition] = max(one.offset, 0)
        return made
