"""Notices to the topic of the grid operator, and dead letters to theirs.

A record that a killed alerter had handed over, or that Kafka did not acknowledge, is looked for in the log
before it is sent again, so it stands there once; and its `id` is the same whatever happens.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Final

from consumers.alerts.events import CONTENT_TYPE, undelivered
from consumers.alerts.outbox import Delivery, Later, Outcome, Sent
from infra import topics
from infra.kafka import Outgoing, produce_all, producer
from infra.topic_reader import offsets_at, read
from schemas.errors import GridcastError

if TYPE_CHECKING:
    from confluent_kafka import Producer

    from infra.settings import Settings

#: Clocks of PostgreSQL and Kafka may differ by so much.
_CLOCKS_MS: Final = 300_000
_LONGER_S: Final = 2.0


class TopicSender:
    """Sends to one topic; `timeout_s`: how long Kafka may take."""

    def __init__(self, settings: Settings, topic: str, timeout_s: float) -> None:
        self._settings = settings
        self._topic = topic
        self._timeout_s = timeout_s
        self._client: Producer | None = None

    def send(self, delivery: Delivery, handing_over: Callable[[], None]) -> Outcome:
        """Send it and wait until Kafka has it. One whose acknowledgement was lost is found in the log."""
        try:
            if delivery.attempts and delivery.handed_at is not None and self.has_arrived(delivery):
                return Sent()
        except GridcastError as error:
            return Later(str(error))
        document = json.loads(text := self._text(delivery))
        headers = (
            ("content-type", f"{CONTENT_TYPE}; charset=UTF-8".encode()),
            ("id", document["id"].encode()),
        )
        record = Outgoing(self._topic, document["partitionkey"].encode(), text.encode(), headers)
        handing_over()
        try:
            # It gives a record up before we do: what waits in its memory would be sent beside the next one.
            produce_all(self._producer(), [record], self._timeout_s + _LONGER_S)
        except GridcastError as error:
            self._client = None
            return Later(str(error))
        return Sent()

    def _producer(self) -> Producer:
        if self._client is None:
            self._client = producer(
                self._settings,
                linger_ms=0,
                compression_type="none",  # not every client outside has lz4
                message_timeout_ms=round(self._timeout_s * 1000),
            )
        return self._client

    def has_arrived(self, delivery: Delivery) -> bool | None:
        """Whether the log holds it already.

        Raises `GridcastError` where Kafka does not say.
        """
        identity = json.loads(self._text(delivery))["id"].encode()
        since = delivery.handed_at or delivery.made_at
        start = offsets_at(self._settings, self._topic, _ms(since) - _CLOCKS_MS)
        found = read(self._settings, self._topic, start)
        return any(("id", identity) in (message.headers() or ()) for batch in found for message in batch)

    def _text(self, delivery: Delivery) -> str:
        if self._topic != topics.ALERTS_DEAD:
            return delivery.event
        channel, _, target = delivery.target.partition(":")
        return undelivered(delivery.event, channel, target, delivery.detail)


def _ms(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)
