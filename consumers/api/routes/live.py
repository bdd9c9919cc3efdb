"""Live: forecasts, alerts and drift as server-sent events, and on from where somebody was cut off."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Final

from fastapi import APIRouter, Header, Query, Request
from sse_starlette import EventSourceResponse, ServerSentEvent

from consumers.api.answers import problems
from consumers.api.gate import LOOK_S, KeyFirst, Reader
from consumers.api.hub import Listener, Place, event_id, place_of
from consumers.api.params import Levels, OfPlant, levels_of
from consumers.api.parts import Given, Parts
from consumers.api.problems import RETRY_S, Problem
from consumers.api.wanted import Wanted
from infra.topic_reader import read
from schemas.errors import GridcastError, InputError, LogTruncated

if TYPE_CHECKING:
    from confluent_kafka import Message

_log = logging.getLogger(__name__)
router = APIRouter(tags=["live"], responses=problems(401, 403, 429, 503), route_class=KeyFirst)

#: A line now and then keeps proxies from hanging up, and tells the listener how far it is.
_PING_S: Final = 15
#: A stream ends by itself when the service stops; it is not to be cut off in the middle of that.
_GRACE_S: Final = 2.0
#: How soon a listener that was cut off comes back [ms].
_BACK_MS: Final = 2000
_AT_ONCE: Final = 500
_EVENT: Final = {
    "type": "object",
    "properties": {
        "event": {"enum": ["forecast", "alert", "drift", "gap"]},
        "id": {"type": "string", "description": "Where to go on: `Last-Event-ID`."},
        "data": {"type": "string", "contentMediaType": "application/json"},
    },
}
Kinds = Annotated[
    str,
    Query(
        pattern="^(forecast|alert|drift)(,(forecast|alert|drift)){0,2}$",
        description="What to hear, with commas between.",
        examples=["forecast,alert"],
    ),
]


@router.get(
    "/v1/live",
    response_class=EventSourceResponse,
    responses={
        200: {
            "description": "Events `forecast`, `alert` and `drift`; their data is JSON.",
            "content": {"text/event-stream": {"schema": _EVENT}},
        },
        **problems(404),
    },
)
async def live(
    request: Request,
    given: Given,
    _key: Reader,
    kinds: Kinds = "forecast,alert,drift",
    plant_id: OfPlant = None,
    levels: Levels = None,
    first: Annotated[bool, Query(description="Begin with the newest forecast of each plant.")] = False,
    last_event_id: Annotated[str | None, Header(max_length=100_000)] = None,
    accept: Annotated[str, Header(include_in_schema=False)] = "",
) -> EventSourceResponse:
    """What happens from now on, as server-sent events, to who accepts `text/event-stream` as browsers do.

    Who does not say so gets what there is by now, and an end: come back with the last id, which is polling.

    With `Last-Event-ID` it goes on with what came after that event, as long as Kafka keeps it;
    where some of it is gone, an event `gap` says how many records.
    """
    wanted = Wanted(given, set(kinds.split(",")), plant_id, levels_of(levels))
    try:
        since = None if last_event_id is None else place_of(last_event_id)
    except InputError as error:
        raise Problem(404, str(error)) from error
    if not given.hub.at:
        raise Problem(503, "Kafka does not answer: try again", {"Retry-After": str(RETRY_S)})
    if given.hub.listeners >= given.settings.api_streams:
        raise Problem(503, "too many streams are open: try again", {"Retry-After": str(RETRY_S)})
    listener = given.hub.listen()
    pass_ = _Pass(request.scope["state"]["still_holds"])
    return EventSourceResponse(
        _events(given, listener, wanted, pass_, since, first, "text/event-stream" in accept),
        ping=_PING_S,
        shutdown_grace_period=_GRACE_S,
        headers={"Cache-Control": "no-store"},
    )


@dataclass
class _Pass:
    """The key of a stream, looked at again and again: one that was revoked hears no more."""

    still_holds: Callable[[], Awaitable[bool]]
    looked_s: float = field(default_factory=time.monotonic)

    @property
    def left_s(self) -> float:
        """How long it need not be looked at."""
        return max(self.looked_s + LOOK_S - time.monotonic(), 0.0)

    async def holds(self) -> bool:
        """Whether the stream may go on."""
        if self.left_s > 0:
            return True
        self.looked_s = time.monotonic()
        return await self.still_holds()


async def _events(
    given: Parts,
    listener: Listener,
    wanted: Wanted,
    pass_: _Pass,
    since: dict[Place, int] | None,
    first: bool,
    stays: bool,
) -> AsyncIterator[ServerSentEvent]:
    """The stream of one listener. `at` is where it is: the id of each event."""
    known = {place: offset for place, offset in (since or {}).items() if place in listener.start}
    at = {**listener.start, **known}
    try:
        yield ServerSentEvent(id=event_id(at), comment="from here", retry=_BACK_MS)
        if first:
            for data in wanted.newest():
                yield ServerSentEvent(data.decode(), event="forecast", id=event_id(at))
        async for one in _missed(given, listener, wanted, pass_, at):
            yield one
        while stays and not listener.behind and await pass_.holds():
            try:
                message = await asyncio.wait_for(listener.queue.get(), pass_.left_s)
            except TimeoutError:
                continue
            if message is None:
                return
            told = _seen(wanted, message, at)
            if told is not None:
                yield ServerSentEvent(told[1], event=told[0], id=event_id(at))
    finally:
        given.hub.leave(listener)


def _seen(wanted: Wanted, message: Message, at: dict[Place, int]) -> tuple[str, str] | None:
    """Go on past a message, and what is to be told of it."""
    at[str(message.topic()), int(message.partition() or 0)] = int(message.offset() or 0) + 1
    return wanted.told(message)


async def _missed(
    given: Parts, listener: Listener, wanted: Wanted, pass_: _Pass, at: dict[Place, int]
) -> AsyncIterator[ServerSentEvent]:
    """What came between `at` and the moment of listening, out of Kafka; each batch is read in a thread."""
    behind = {place: offset for place, offset in at.items() if offset < listener.start[place]}
    batches = _between(given, behind, listener.start)
    try:
        while (batch := await asyncio.to_thread(next, batches, None)) is not None:
            if given.hub.closed or not given.hub.at or not await pass_.holds():
                listener.behind = True
                return
            if isinstance(batch, int):
                yield ServerSentEvent(f'{{"lost": {batch}}}', event="gap", id=event_id(at))
                continue
            for message in batch:
                told = _seen(wanted, message, at)
                if told is not None:
                    yield ServerSentEvent(told[1], event=told[0], id=event_id(at))
    except GridcastError as error:
        _log.warning("a stream ends, its listener will come back: %s", error)
        listener.behind = True
        return
    at.update(listener.start)  # the mark of a transaction may stand at the end, which is no record


def _between(
    given: Parts, start: Mapping[Place, int], end: Mapping[Place, int]
) -> Iterator[list[Message] | int]:
    """Batches of what lies between two places, and the number of records that the log has lost before it."""
    for topic in sorted({topic for topic, _ in start}):
        first = {partition: offset for (name, partition), offset in start.items() if name == topic}
        last = {partition: end[topic, partition] for partition in first}
        while True:
            try:
                yield from read(given.settings, topic, first, last, batch=_AT_ONCE)
                break
            except LogTruncated as gone:
                yield gone.lost
                first[gone.partition] += gone.lost
