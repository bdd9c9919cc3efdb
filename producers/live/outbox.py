"""Records to Kafka from a source that waits for our acknowledgement: tried until they are taken."""

from __future__ import annotations

import logging
import random
import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final, Protocol

from infra import metrics
from infra.kafka import Outgoing, produce_all, producer
from producers.live.progress import Progress
from schemas.errors import ServiceUnavailable

if TYPE_CHECKING:
    from infra.settings import Settings

_log = logging.getLogger(__name__)

#: After so long librdkafka gives a record back; until then it tries itself.
_MESSAGE_S: Final = 10.0
_FIRST_PAUSE_S: Final = 0.5
_LONGEST_PAUSE_S: Final = 10.0


class Sender(Protocol):
    """Hands records over for good. A test may put a list here."""

    def __call__(self, records: Sequence[Outgoing]) -> int:
        """Returns once all are acknowledged; raises `ServiceUnavailable` where another try can help."""


def kafka_sender(settings: Settings) -> Sender:
    """An idempotent producer that knows the fate of every record when it returns."""
    client = producer(settings, linger_ms=5, message_timeout_ms=int(_MESSAGE_S * 1000))
    return lambda records: produce_all(client, records, 2 * _MESSAGE_S)


class Outbox:
    """Sends a batch again and again until Kafka has it, or until a stop is asked for.

    Order: a batch that failed in part goes out whole once more, so that of two values of one plant and time
    the later one still comes last.
    """

    def __init__(self, sender: Sender, progress: Progress, stopped: Callable[[], bool]) -> None:
        self._sender = sender
        self._progress = progress
        self._stopped = stopped

    def send(self, records: Sequence[Outgoing]) -> bool:
        """True once every record is acknowledged, False where a stop came before.

        Raises:
            GridcastError: Kafka refuses a record for good.
        """
        pause_s = _FIRST_PAUSE_S
        while True:
            try:
                self._sender(records)
            except ServiceUnavailable as error:
                self._progress.kafka_failed(str(error))
                if self._stopped():
                    return False
                _log.warning("%s; trying on, nothing is acknowledged to the source", error)
                self._wait(random.uniform(0.5, 1.0) * pause_s)
                pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
            else:
                self._progress.kafka_took()
                for topic, count in Counter(record.topic for record in records).items():
                    metrics.PRODUCED.labels(topic).inc(count)
                return True

    def _wait(self, pause_s: float) -> None:
        until_s = time.monotonic() + pause_s
        while not self._stopped() and time.monotonic() < until_s:
            time.sleep(0.05)
