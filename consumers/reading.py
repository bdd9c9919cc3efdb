"""The sink's end of the consumer group: which partitions are its own, and from where it reads them.

Kafka says which partitions; PostgreSQL says from which offset. After every rebalance and every doubt the
consumer is placed anew by `sink_offsets`, so what it remembers never counts for more than what was written.
"""

import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Protocol

from confluent_kafka import OFFSET_BEGINNING, KafkaError, KafkaException, Message, TopicPartition

from consumers.bounds import log_bounds
from consumers.intake import Taken
from consumers.store import Place
from infra import metrics
from schemas.errors import GridcastError, LogTruncated

if TYPE_CHECKING:
    from confluent_kafka import Consumer
    from confluent_kafka.admin import AdminClient

_log = logging.getLogger(__name__)

WAY_ON: Final = "`gridcast sink --accept-loss` goes on without them"
_POLL_S: Final = 0.2
#: Asked for in one go from librdkafka; small beside a batch, so that its bytes can be bounded too.
_AT_ONCE: Final = 500


@dataclass(frozen=True, slots=True)
class BatchLimits:
    """A batch ends at the first of these that it reaches."""

    records: int
    size_bytes: int
    linger_s: float


class Offsets(Protocol):
    """Who knows where reading goes on: PostgreSQL."""

    def offsets(self, places: Sequence[Place]) -> dict[Place, int]:
        """Where reading goes on in each partition that was ever read."""

    def begin(self, firsts: Mapping[Place, int]) -> None:
        """Write down where partitions begin that were never read."""

    def skip(self, place: Place, stored: int, offset: int) -> None:
        """Move a partition past what is lost."""


@dataclass
class Reading:
    """Partitions of this sink. `at`: the next offset to write of each, once placed.

    `turn` counts rebalances: work begun in an earlier turn must not be finished. `kind`: a named tuple of
    what is wanted of a record.
    """

    consumer: "Consumer"
    admin: "AdminClient"
    store: Offsets
    accept_loss: bool = False
    kind: type[Any] = Taken
    command: str = "gridcast sink"
    at: dict[Place, int] = field(default_factory=dict)
    placed: bool = False
    turn: int = 0

    def subscribe(self, topics: Sequence[str]) -> None:
        """Join the group."""
        self.consumer.subscribe(
            list(topics), on_assign=self._on_assign, on_revoke=self._on_revoke, on_lost=self._on_revoke
        )

    def doubt(self) -> None:
        """Be placed anew before anything else is read."""
        self.placed = False
        self.turn += 1

    def has_partitions(self) -> bool:
        """Whether the group has given this sink anything to read."""
        return bool(self.consumer.assignment())

    def place(self) -> bool:
        """Go to where PostgreSQL says, in every partition; False while there is none.

        Raises:
            LogTruncated: the log no longer reaches back to there.
            ServiceUnavailable: PostgreSQL or Kafka does not answer.
        """
        places = [(one.topic, one.partition) for one in self.consumer.assignment()]
        if not places:
            return False
        held = log_bounds(self.admin, places)
        self.store.begin({place: first for place, (first, _) in held.items()})
        stored = self.store.offsets(places)
        self.at = {place: self._checked(place, stored[place], *held[place]) for place in places}
        self.consumer.assign([TopicPartition(*place, offset) for place, offset in self.at.items()])
        self.consumer.resume([TopicPartition(*place) for place in places])
        self.placed = True
        starts = ", ".join(f"{topic}[{partition}] {at}" for (topic, partition), at in sorted(self.at.items()))
        _log.info("reading from %s", starts)
        return True

    def gather(self, limits: BatchLimits) -> list[Any]:
        """The next records, none after a rebalance: then what was gathered may be another sink's."""
        turn, deadline = self.turn, time.monotonic() + limits.linger_s
        gathered: list[Any] = []
        size = 0
        while len(gathered) < limits.records and size < limits.size_bytes:
            left_s = deadline - time.monotonic()
            if left_s <= 0 and gathered:
                break
            wanted = min(_AT_ONCE, limits.records - len(gathered))
            messages = self._sound(self.consumer.consume(wanted, timeout=max(min(left_s, _POLL_S), 0.01)))
            if self.turn != turn or not self.placed:
                return []
            gathered += _taken(messages, self.kind)
            size += sum(map(len, messages))
            if left_s <= 0:
                break
        return gathered

    def hold(self, seconds: float, stopped: Callable[[], bool]) -> None:
        """Stay in the group for a while without taking records: the back-pressure on Kafka."""
        # What is not placed is paused since it was assigned, or will be placed anew before it is read.
        own = [TopicPartition(*place) for place in self.at] if self.placed else []
        turn, deadline = self.turn, time.monotonic() + seconds
        self.consumer.pause(own)
        try:
            while time.monotonic() < deadline and self.turn == turn and not stopped():
                self._sound([message for message in [self.consumer.poll(_POLL_S)] if message is not None])
        finally:
            if self.turn == turn:
                self.consumer.resume(own)

    def commit(self) -> None:
        """Show in Kafka how far this sink is; nothing depends on it."""
        marks = [TopicPartition(*place, offset) for place, offset in self.at.items()]
        try:
            self.consumer.commit(offsets=marks, asynchronous=True)
        except KafkaException as error:
            _log.warning("the position could not be shown in Kafka: %s", error.args[0].str())

    def lag(self) -> dict[Place, int]:
        """Records in the log that are not written yet, as far as is known without asking."""
        behind = {}
        for place, offset in self.at.items():
            _, end = self.consumer.get_watermark_offsets(TopicPartition(*place), cached=True)
            behind[place] = max(end - offset, 0)
        return behind

    def _on_assign(self, consumer: "Consumer", assigned: list[TopicPartition]) -> None:
        # Nothing may be read before PostgreSQL has been asked, which is not done here: it may take long.
        consumer.assign([TopicPartition(one.topic, one.partition, OFFSET_BEGINNING) for one in assigned])
        consumer.pause(assigned)
        self.doubt()

    def _on_revoke(self, _consumer: "Consumer", revoked: list[TopicPartition]) -> None:
        _log.info("gave back %d partitions", len(revoked))
        self.at = {}
        self.doubt()

    def _checked(self, place: Place, stored: int, first: int, end: int) -> int:
        if first <= stored <= end:
            return stored
        if self.accept_loss:
            self.store.skip(place, stored, first)
            lost = max(first - stored, 0)
            metrics.LOST.labels(place[0], str(place[1])).set(lost)
            _log.warning(
                "%s[%d]: %d records are lost, as accepted; went from %d to the log's start at %d",
                *place, lost, stored, first,
            )  # fmt: skip
            return first
        if stored < first:
            raise LogTruncated(*place, first - stored, WAY_ON)
        raise GridcastError(
            f"{place[0]}[{place[1]}] ends at {end}, but was written up to {stored}: was the topic made anew?"
            f" `{self.command} --accept-loss` takes what it holds now"
        )

    def _sound(self, messages: list["Message"]) -> list["Message"]:
        """The records among them; errors that need somebody are raised, librdkafka mends the others."""
        errors = [error for error in map(Message.error, messages) if error is not None]
        for error in errors:
            self._look_at(error)
        return [message for message in messages if message.error() is None] if errors else messages

    def _look_at(self, error: KafkaError) -> None:
        if error.code() in (KafkaError._AUTO_OFFSET_RESET, KafkaError.OFFSET_OUT_OF_RANGE):
            self.doubt()
        elif error.fatal() or error.code() in _NEEDS_SOMEBODY:
            raise GridcastError(f"Kafka refuses: {error.str()}")
        else:
            _log.warning("Kafka: %s", error.str())


def _taken(messages: list[Any], kind: type[Any]) -> Iterator[Any]:
    """Without a step in Python for each of them."""
    getters = [getattr(Message, name) for name in kind._fields]
    return map(partial(tuple.__new__, kind), zip(*(map(one, messages) for one in getters), strict=True))


_NEEDS_SOMEBODY: Final = (
    KafkaError.UNKNOWN_TOPIC_OR_PART,
    KafkaError.TOPIC_AUTHORIZATION_FAILED,
    KafkaError.GROUP_AUTHORIZATION_FAILED,
)
