"""The API's ear on Kafka, without a group: the compacted topic from its start, the live ones from now on."""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING, Any, Final

from confluent_kafka import KafkaError, KafkaException, TopicPartition

from consumers.api.hub import TOPICS as LIVE
from consumers.api.hub import Hub, Place
from infra.kafka import consumer
from infra.topic_reader import spans
from infra.topics import FORECASTS_LATEST
from schemas.errors import DecodeError, GridcastError, ServiceUnavailable

if TYPE_CHECKING:
    from confluent_kafka import Consumer, Message

    from consumers.api.latest import Latest
    from infra.settings import Settings

_log = logging.getLogger(__name__)
_POLL_S: Final = 0.5
_AT_ONCE: Final = 500
_AGAIN_S: Final = 2.0
_SILENT_S: Final = 5.0
_ANSWER_S: Final = 5.0


class Follower:
    """Feeds `latest` and the hub until `close`. What it fails with it says, and tries again."""

    def __init__(self, settings: Settings, latest: Latest, hub: Hub) -> None:
        self._settings = settings
        self._latest = latest
        self._hub = hub
        self._at: dict[Place, int] = {}
        self._waiting: set[int] = set()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="api-follower", daemon=True)
        self.whole = False
        self.trouble: str | None = "Kafka has not answered yet"
        self.moved_s = time.monotonic()

    def start(self) -> None:
        """Begin, in a thread of its own."""
        self._thread.start()

    def close(self) -> None:
        """Stop and wait for it."""
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join(10)

    @property
    def alive(self) -> bool:
        """Whether the thread runs and has been round its loop lately."""
        return self._thread.is_alive() and time.monotonic() - self.moved_s < self._settings.stall_s

    def _run(self) -> None:
        while not self._stopped.is_set():
            self.moved_s = time.monotonic()
            try:
                self._follow()
            except (GridcastError, KafkaException) as error:
                said = " ".join(str(error).split())
                if said != self.trouble:
                    _log.warning("%s; trying again", said)
                self.trouble = said
                self._hub.lose()
                self._stopped.wait(_AGAIN_S)

    def _follow(self) -> None:
        reader = consumer(self._settings, None, enable_partition_eof=True)
        try:
            reader.assign(self._starts(reader))
            self._hub.publish([], self._at)
            self.trouble = None
            heard_s = time.monotonic()
            while not self._stopped.is_set():
                self.moved_s = time.monotonic()
                first = reader.poll(_POLL_S)
                if first is not None:
                    self._take([first, *reader.consume(_AT_ONCE, timeout=0)])
                    heard_s = time.monotonic()
                elif time.monotonic() - heard_s > _SILENT_S:
                    # A broker that is gone and one that has nothing to say are the same to who polls.
                    reader.list_topics(FORECASTS_LATEST, timeout=_ANSWER_S)
                    heard_s = time.monotonic()
        finally:
            reader.close()

    def _starts(self, reader: Consumer) -> list[TopicPartition]:
        """The whole compacted topic, whatever was held before; the live ones from where they were left."""
        held = spans(self._settings, FORECASTS_LATEST, reader)
        starts = [TopicPartition(FORECASTS_LATEST, p, span.first) for p, span in held.items()]
        self._waiting = set(held)
        for topic in LIVE:
            for partition, span in spans(self._settings, topic, reader).items():
                at = min(max(self._at.get((topic, partition), span.end), span.first), span.end)
                self._at[topic, partition] = at
                starts.append(TopicPartition(topic, partition, at))
        return starts

    def _take(self, messages: list[Message]) -> None:
        live = []
        for message in messages:
            topic, partition = str(message.topic()), int(message.partition() or 0)
            error: Any = message.error()
            if error is not None:
                self._look_at(error, topic, partition)
            elif topic == FORECASTS_LATEST:
                self._hold(message)
            else:
                self._at[topic, partition] = int(message.offset() or 0) + 1
                live.append(message)
        if live:
            self._hub.publish(live, self._at)

    def _hold(self, message: Message) -> None:
        try:
            self._latest.take(message)
        except DecodeError as error:
            _log.warning("%s[%s] %s: %s", message.topic(), message.partition(), message.offset(), error)

    def _look_at(self, error: Any, topic: str, partition: int) -> None:
        if error.code() == KafkaError._PARTITION_EOF:
            if topic == FORECASTS_LATEST:
                self._waiting.discard(partition)
                self.whole = self.whole or not self._waiting
        elif error.fatal() or not error.retriable():
            raise ServiceUnavailable(f"Kafka refuses {topic}[{partition}]: {error.str()}")
        else:
            _log.warning("Kafka: %s", error.str())
