"""Live events, from the follower's thread to everybody who listens.

The id of an event is a place: the next offset of every partition of the live topics, once this event is seen.
Whoever comes back with it goes on exactly there, out of Kafka, for as long as the log reaches back.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from cachetools import LRUCache

from infra import metrics, topics
from schemas.errors import InputError

if TYPE_CHECKING:
    from confluent_kafka import Message

Place = tuple[str, int]
#: Kind and bytes of a record, and the levels of who hears it.
ToldKey = tuple[str, bytes, tuple[float, ...] | None]
#: What is live, with the letter that stands for it in an id, and what an event of it is called.
LETTERS: Final = {topics.FORECASTS: "f", topics.ANOMALIES: "a", topics.DRIFT: "d"}
KINDS: Final = {topics.FORECASTS: "forecast", topics.ANOMALIES: "alert", topics.DRIFT: "drift"}
TOPICS: Final = tuple(LETTERS)
_WAITING: Final = 2000
_TOLD: Final = 300  # some 15 kB each; listeners are told of a record soon after each other
_ID: Final = re.compile(r"[fad]\d{1,6}\.\d{1,19}(-[fad]\d{1,6}\.\d{1,19}){0,5000}")


class Listener:
    """One stream: what came since it began to listen. `behind`: it was too slow, and is let go.

    `start` is where everybody was at that moment: what lies before is not in the queue.
    """

    def __init__(self, start: Mapping[Place, int]) -> None:
        self.start = dict(start)
        self.queue: asyncio.Queue[Message | None] = asyncio.Queue(_WAITING)
        self.behind = False

    def offer(self, message: Message | None) -> None:
        """Put one in, or note that there is no room."""
        try:
            self.queue.put_nowait(message)
        except asyncio.QueueFull:
            self.behind = True


class Hub:
    """Who listens, and `at`, where everybody is: nowhere while Kafka is away. All but `publish` and `lose`
    belongs to the event loop.
    """

    def __init__(self) -> None:
        self._listeners: set[Listener] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self.at: dict[Place, int] = {}
        self.closed = False
        #: What was told of a record, once for all who hear it at the same levels.
        self.told: LRUCache[ToldKey, tuple[str, str] | None] = LRUCache(_TOLD)

    def open(self, loop: asyncio.AbstractEventLoop) -> None:
        """From now on events can be handed over."""
        self._loop = loop

    def publish(self, messages: list[Message], at: Mapping[Place, int]) -> None:
        """From the follower's thread: what came, and where it stands after that."""
        loop = self._loop
        if loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(self._hand_out, messages, dict(at))

    def lose(self) -> None:
        """From the follower's thread: Kafka is away. Who listens is let go, and may come back later."""
        loop = self._loop
        if loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(self._let_go)

    def listen(self) -> Listener:
        """Begin to listen, here and now."""
        listener = Listener(self.at)
        self._listeners.add(listener)
        metrics.API_STREAMS.set(len(self._listeners))
        return listener

    def leave(self, listener: Listener) -> None:
        """Listen no more."""
        self._listeners.discard(listener)
        metrics.API_STREAMS.set(len(self._listeners))

    @property
    def listeners(self) -> int:
        """How many streams are open."""
        return len(self._listeners)

    def close(self) -> None:
        """End every stream: the service stops, and waits for none."""
        self.closed = True
        self._let_go()

    def _let_go(self) -> None:
        self.at = {}
        for listener in self._listeners:
            listener.behind = listener.queue.full()
            listener.offer(None)

    def _hand_out(self, messages: list[Message], at: dict[Place, int]) -> None:
        self.at = at
        for listener in self._listeners:
            for message in messages:
                listener.offer(message)


def event_id(at: Mapping[Place, int]) -> str:
    """A place as text."""
    return "-".join(f"{LETTERS[topic]}{partition}.{at[topic, partition]}" for topic, partition in sorted(at))


def place_of(text: str) -> dict[Place, int]:
    """The place that an id names. Raises `InputError` for what is no id of ours."""
    if not _ID.fullmatch(text):
        raise InputError("this Last-Event-ID is none of this API's: leave it out to begin now")
    names = {letter: topic for topic, letter in LETTERS.items()}
    found = {}
    for one in text.split("-"):
        partition, _, offset = one[1:].partition(".")
        found[names[one[0]], int(partition)] = int(offset)
    return found
