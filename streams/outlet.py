"""The worker's one way out: records to Kafka, each acknowledged before anyone goes on."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_attempt, wait_exponential

from infra.kafka import Delivery, Outgoing, poll, producer
from schemas.errors import GridcastError, ServiceUnavailable

if TYPE_CHECKING:
    from infra.settings import Settings

#: How long librdkafka tries by itself, and how often the same records are offered again: 5 min in all.
DELIVERY_TIMEOUT_MS = 60_000
ATTEMPTS = 5
QUEUE_FULL_PAUSE_S = 0.01
RECORDS_BETWEEN_PAUSES = 500
POLL_S = 0.05


class _Reports(Delivery):
    """The delivery reports of one `send`; the poller counts them and wakes the sender at the last."""

    def __init__(self, expected: int, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self._left = expected
        self._loop = loop
        self.complete = asyncio.Event()
        self.first_offset = -1

    def callback(self, error: Any, message: Any) -> None:
        super().callback(error, message)
        self._left -= 1
        if error is None and (self.first_offset < 0 or message.offset() < self.first_offset):
            self.first_offset = message.offset()
        if self._left == 0:
            self._loop.call_soon_threadsafe(self.complete.set)

    def give_up(self) -> None:
        """Wake the sender though reports are missing: no more will come."""
        self._loop.call_soon_threadsafe(self.complete.set)


class Outlet:
    """An idempotent producer with a thread that serves its delivery reports.

    Only that thread polls: two would count the reports of one `send` at the same time.
    """

    def __init__(self, settings: Settings) -> None:
        self._client = producer(settings, linger_ms=5, message_timeout_ms=DELIVERY_TIMEOUT_MS)
        self._closing = threading.Event()
        self._open: set[_Reports] = set()
        self._final: GridcastError | None = None
        self._poller = threading.Thread(target=self._poll, name="gridcast-outlet", daemon=True)
        self._poller.start()

    async def send(self, records: Sequence[Outgoing]) -> int:
        """Produce every record and return when Kafka has acknowledged all of them.

        After a passing failure all are offered again: whoever reads them drops second copies by identity.
        Returns the lowest offset among them, -1 for none: of use where all went to one partition.

        Raises:
            ServiceUnavailable: Kafka stayed away for as long as the limit says.
            GridcastError: Kafka refuses a record.
        """
        if not records:
            return -1
        attempts = AsyncRetrying(
            stop=stop_after_attempt(ATTEMPTS),
            wait=wait_exponential(multiplier=0.5, max=5.0),
            retry=retry_if_exception_type(ServiceUnavailable),
            reraise=True,
        )
        async for attempt in attempts:
            with attempt:
                return await self._send_once(records)
        raise AssertionError("the attempts end with a result or raise")

    async def _send_once(self, records: Sequence[Outgoing]) -> int:
        reports = _Reports(len(records), asyncio.get_running_loop())
        self._open.add(reports)
        try:
            return await self._reported(records, reports)
        finally:
            self._open.discard(reports)

    async def _reported(self, records: Sequence[Outgoing], reports: _Reports) -> int:
        for done, record in enumerate(records, 1):
            await self._enqueue(record, reports)
            if done % RECORDS_BETWEEN_PAUSES == 0:
                await asyncio.sleep(0)
        if self._final is None:
            await reports.complete.wait()
        if self._final is not None:
            raise self._final
        reports.check()
        return reports.first_offset

    async def _enqueue(self, record: Outgoing, reports: _Reports) -> None:
        while True:
            try:
                self._client.produce(
                    record.topic,
                    key=record.key,
                    value=record.value,
                    headers=list(record.headers) or None,
                    partition=record.partition,
                    on_delivery=reports.callback,
                )
                return
            except BufferError:
                await asyncio.sleep(QUEUE_FULL_PAUSE_S)

    def _poll(self) -> None:
        while not self._closing.is_set():
            try:
                poll(self._client, POLL_S)
            except GridcastError as error:
                self._final = error
                for reports in list(self._open):
                    reports.give_up()
                return

    def close(self) -> None:
        """Stop the thread; every `send` must have returned."""
        self._closing.set()
        self._poller.join()
