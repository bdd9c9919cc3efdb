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
from collections.abc import Callable, Sequence
from typing import Final

from infra.kafka import Outgoing
from infra.topics import JOURNAL
from producers.live.bookmarks import LiveBookmark
from producers.live.mapping import OpcuaMapping
from producers.live.opcua import Reading, Server, Target
from producers.live.opcua_values import fault_of, is_nothing_yet, ran_over, scaled, source_ms
from producers.live.outbox import Outbox
from producers.live.progress import Progress
from producers.live.scan import Scan
from producers.live.scans import Scans, places
from schemas.codec import Codec
from schemas.errors import InputError, ServiceUnavailable

_log = logging.getLogger(__name__)

_LISTEN_S: Final = 0.1
_WINDOW_MS: Final = 3_600_000
#: Scans that wait for Kafka at most; later ones are read from the history.
_MOST_OPEN: Final = 20_000
_AT_ONCE: Final = 500
_PAUSE_S: Final = (0.5, 10.0)
_HISTORY_TRIES: Final = 8

#: (plant, stamp [ms], scan)
Due = tuple[str, int, Scan]


class OpcuaFeed:
    """Carries the scans of a mapping's plants to Kafka. Everything runs in one event loop but the sending."""

    def __init__(
        self,
        mapping: OpcuaMapping,
        server: Server,
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
        self._bookmarks = bookmarks
        self._now_ms = now_ms
        self._failures = 0
        first_ms = now_ms() - round(self._link.first_history_s * 1000)
        self._acknowledged_ms = {
            plant_id: first_ms if (known := bookmark.read()) is None else known
            for plant_id, bookmark in bookmarks.items()
        }
        self._scans = {
            plant.plant_id: Scans(plant, self._link.straggler_s, self._acknowledged_ms[plant.plant_id])
            for plant in mapping.plants
        }

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
            self._take(await self._server.values(_LISTEN_S), from_history=False)
            if sending is not None and not sending.done():
                continue
            if sending is not None and not await sending:
                return
            sending = None
            if self._server.lost:
                await self._recover(stopped)
            elif due := self._due(None):
                sending = asyncio.create_task(self._send(due))
        if sending is None or await sending:
            await self._send(self._due(None) if not self._server.lost else [])

    async def _recover(self, stopped: Callable[[], bool]) -> None:
        """Come back after a loss and read what was missed. What fails here is tried in the next round."""
        if not self._server.connected:
            self._progress.disconnected(f"the connection to {self._link.endpoint} was lost")
            await self._server.close()
            await self._open(stopped, None)
            return
        self._server.lost = False
        try:
            await self._catch_up(stopped)
        except ServiceUnavailable as error:
            await self._history_failed(error)
            return
        if not self._server.lost:
            self._failures = 0
            self._progress.connected()

    async def _history_failed(self, error: ServiceUnavailable) -> None:
        self._failures += 1
        if self._failures < _HISTORY_TRIES:
            _log.warning("%s; trying again", error)
            self._server.lost = True
            await asyncio.sleep(random.uniform(0.5, 1.0) * self._failures)
            return
        self._failures = 0
        self._progress.count("history_failed")
        _log.error(
            "%s, %d times: going on without; what came while we were away is lost", error, _HISTORY_TRIES
        )
        self._progress.connected()

    async def _catch_up(self, stopped: Callable[[], bool]) -> None:
        if not self._link.history:
            return
        slack_ms = round(self._link.straggler_s * 1000)
        for plant_id, scans in self._scans.items():
            targets: list[Target] = [(plant_id, place) for place in places(scans.plant)]
            from_ms = self._acknowledged_ms[plant_id] - slack_ms
            while not stopped() and not self._server.lost:
                to_ms = min(from_ms + _WINDOW_MS, self._now_ms())
                values = await self._server.history(targets, from_ms, to_ms)
                kept = [one for one in values if self._within(one, from_ms, to_ms)]
                self._progress.count("from_history", len(kept))
                self._take(kept, from_history=True)
                scans.settle(min(to_ms, self._now_ms() - slack_ms) - slack_ms)
                if not await self._send(self._due(to_ms, plant_id)):
                    return
                if to_ms >= self._now_ms() - slack_ms:
                    break
                from_ms = to_ms - slack_ms

    @staticmethod
    def _within(reading: Reading, from_ms: int, to_ms: int) -> bool:
        """Servers add a value beyond the bounds where there is none at them."""
        at_ms = source_ms(reading[1])
        return at_ms is not None and from_ms <= at_ms <= to_ms

    def _take(self, readings: Sequence[Reading], from_history: bool) -> None:
        now_s, known_at_ms = time.monotonic(), self._now_ms()
        for (plant_id, place), value in readings:
            at_ms = source_ms(value)
            if ran_over(value):
                self._progress.count("overflow")
                self._server.lost = True
            if at_ms is None or is_nothing_yet(value):
                continue
            scans = self._scans[plant_id]
            fault = fault_of(value, place)
            if fault is not None:
                self._progress.count(fault)
            held = None if fault is not None else scaled(scans.plant, place, value)
            scans.add(place, at_ms, held, now_s, known_at_ms, from_history)
        if not from_history and sum(len(scans) for scans in self._scans.values()) > _MOST_OPEN:
            self._forget()

    def _forget(self) -> None:
        """Kafka is away for long: what waits is dropped here, and read again from the server's history."""
        self._progress.count("overflow")
        _log.warning("more than %d scans wait for Kafka: they are read from the history later", _MOST_OPEN)
        for scans in self._scans.values():
            scans.forget_open()
        self._server.lost = True

    def _due(self, until_ms: int | None, plant_id: str | None = None) -> list[Due]:
        now_s = time.monotonic()
        found: list[Due] = []
        for scans in [self._scans[plant_id]] if plant_id is not None else self._scans.values():
            powerless = scans.powerless
            found += [(scans.plant.plant_id, at_ms, scan) for at_ms, scan in scans.due(now_s, until_ms)]
            if scans.powerless > powerless:
                self._progress.count("powerless", scans.powerless - powerless)
        return found

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
            self._remember(part)
        return True

    def _remember(self, part: Sequence[Due]) -> None:
        for plant_id, stamp_ms, scan in part:
            self._acknowledged_ms[plant_id] = max(self._acknowledged_ms[plant_id], stamp_ms)
            self._progress.acknowledged(plant_id, scan.event_time_ms)
        for plant_id in {plant_id for plant_id, _, _ in part}:
            self._bookmarks[plant_id].write(self._acknowledged_ms[plant_id])
