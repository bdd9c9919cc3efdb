"""OPC UA into the journal. What makes nothing get lost that the server still has:

1. the subscription stands before the history is read, so that nothing falls between the two;
2. history is read from the bookmark of each plant on, window by window, and until it has come to its end
   nothing later goes out: the bookmark never passes a gap;
3. scans are produced, Kafka acknowledges them, and only then the bookmark moves.

A loss of the connection, a queue that ran over and a start all lead to 2. A kill between the parts of 3 reads
the same values again: the same plant, time and values, which the worker drops.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Final, Protocol

from infra.kafka import Outgoing
from infra.topics import JOURNAL
from models.validate import MAX_AHEAD_MS
from producers.live.bookmarks import LiveBookmark
from producers.live.mapping import OpcuaMapping
from producers.live.opcua import Reading, Target
from producers.live.opcua_park import Due, Park
from producers.live.outbox import Outbox
from producers.live.progress import Progress
from schemas.codec import Codec
from schemas.errors import InputError, ServiceUnavailable

_log = logging.getLogger(__name__)

_LISTEN_S: Final = 0.1
_WINDOW_MS: Final = 3_600_000
_AT_ONCE: Final = 500
_PAUSE_S: Final = (0.5, 10.0)
_HISTORY_TRIES: Final = 8
_HISTORY_PAUSE_S: Final = 1.0


class Source(Protocol):
    """A server as the feed sees it. `opcua.Server` is one."""

    #: Something may have been missed since the last look.
    lost: bool

    @property
    def connected(self) -> bool:
        """Whether the session stands now."""

    async def open(self) -> None:
        """Begin a session; `lost` is True then."""

    async def close(self) -> None:
        """End it."""

    async def values(self, timeout_s: float) -> list[Reading]:
        """What has come by subscription."""

    async def history(self, targets: Iterable[Target], from_ms: int, to_ms: int) -> list[Reading]:
        """What the source has kept."""


class OpcuaFeed:
    """Carries the scans of a mapping's plants to Kafka. Everything runs in one event loop but the sending."""

    def __init__(
        self,
        mapping: OpcuaMapping,
        server: Source,
        codec: Codec,
        outbox: Outbox,
        progress: Progress,
        bookmarks: dict[str, LiveBookmark],
        now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        self._link = mapping.opcua
        self._server = server
        self._codec = codec
        self._outbox = outbox
        self._progress = progress
        self._now_ms = now_ms
        self._failures = 0
        self._park = Park(mapping, progress, bookmarks, now_ms)

    async def run(self, stopped: Callable[[], bool], give_up_s: float) -> None:
        """Until `stopped`; then what is whole is sent.

        Raises:
            ServiceUnavailable: the server did not come up in `give_up_s`. Later it may come and go.
            InputError: it refuses us, or has not the nodes of the mapping.
        """
        try:
            if await self._open(stopped, give_up_s):
                await self._follow(stopped)
        finally:
            await self._server.close()

    async def _open(self, stopped: Callable[[], bool], give_up_s: float | None) -> bool:
        pause_s, longest_s = _PAUSE_S
        deadline_s = None if give_up_s is None else time.monotonic() + give_up_s
        while not stopped():
            try:
                await self._server.open()
            except (ServiceUnavailable, InputError) as error:
                self._progress.disconnected(str(error))
                await self._server.close()
                # Later a refusal may be a server that has not come up wholly.
                final = isinstance(error, InputError)
                if deadline_s is not None and (final or time.monotonic() >= deadline_s):
                    raise
                _log.warning("%s; trying on", error)
                await asyncio.sleep(random.uniform(0.5, 1.0) * pause_s)
                pause_s = min(2 * pause_s, longest_s)
            else:
                _log.info("connected to %s", self._link.endpoint)
                return True
        return False

    async def _follow(self, stopped: Callable[[], bool]) -> None:
        sending: asyncio.Task[bool] | None = None
        while not stopped():
            if self._park.take(await self._server.values(_LISTEN_S), from_history=False):
                self._server.lost = True
            if sending is not None and not sending.done():
                continue
            if sending is not None and not await sending:
                return
            sending = None
            if self._server.lost:
                await self._recover(stopped)
            elif due := self._park.due():
                sending = asyncio.create_task(self._send(due))
        if sending is None or await sending:
            await self._send(self._park.due() if not self._server.lost else [])

    async def _recover(self, stopped: Callable[[], bool]) -> None:
        """Come back after a loss and read what was missed. What fails here is tried in the next round."""
        if not self._server.connected:
            self._progress.disconnected(f"the connection to {self._link.endpoint} was lost")
            await self._server.close()
            await self._open(stopped, None)
            return
        self._server.lost = False
        try:
            whole = await self._catch_up(stopped)
        except ServiceUnavailable as error:
            await self._history_failed(error)
            return
        if whole and not self._server.lost:
            self._failures = 0
            self._progress.connected()
        else:
            self._server.lost = True

    async def _history_failed(self, error: ServiceUnavailable) -> None:
        self._failures += 1
        if self._failures < _HISTORY_TRIES:
            _log.warning("%s; trying again", error)
            self._server.lost = True
            await asyncio.sleep(random.uniform(0.5, 1.0) * self._failures * _HISTORY_PAUSE_S)
            return
        self._failures = 0
        self._progress.count("history_failed")
        _log.error(
            "%s, %d times: going on without; what came while we were away is lost", error, _HISTORY_TRIES
        )
        self._progress.connected()

    async def _catch_up(self, stopped: Callable[[], bool]) -> bool:
        """Whether the history was read to its end: what is later must not go out before."""
        if not self._link.history:
            return True
        for plant_id in self._park.plant_ids:
            from_ms, done = self._park.from_ms(plant_id), False
            while not done:
                if stopped() or self._server.lost:
                    return False
                # The last window reaches as far ahead as the source's clock may be.
                done = from_ms + _WINDOW_MS >= self._now_ms()
                to_ms = self._now_ms() + MAX_AHEAD_MS if done else from_ms + _WINDOW_MS
                values = await self._server.history(self._park.targets(plant_id), from_ms, to_ms)
                self._park.take_history(plant_id, values, from_ms, to_ms)
                if not await self._send(self._park.due(plant_id, to_ms)):
                    return False
                from_ms = to_ms - self._park.slack_ms
        return True

    async def _send(self, due: Sequence[Due]) -> bool:
        """Whether Kafka has all of them; the bookmarks move with each part that it has."""
        for first in range(0, len(due), _AT_ONCE):
            part = due[first : first + _AT_ONCE]
            payloads = self._codec.encode("Telemetry", [scan.to_avro() for _, _, scan in part])
            records = [
                Outgoing(JOURNAL, plant_id.encode(), payload)
                for (plant_id, _, _), payload in zip(part, payloads, strict=True)
            ]
            if not await asyncio.to_thread(self._outbox.send, records):
                return False
            self._progress.count("scan", len(part))
            self._park.acknowledged(part)
        return True
