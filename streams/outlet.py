"""The worker's one way out: records to Kafka, each acknowledged before anyone goes on."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_attempt, wait_exponential

from infra.kafka import Delivery, Outgoing, poll, producer
from infra.topics import DENSE
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

    def __init__(self, expected: int) -> None:
        super().__init__()
        self._left = expected
        self._loop = asyncio.get_running_loop()
        self.complete = asyncio.Event()
        self.first_offset = -1

    def callback(self, error: Any, message: Any) -> None:
        """Called for every record: this and no more is what its report costs."""
        if error is not None:
            super().callback(error, message)
        elif self.first_offset < 0:
            # An idempotent producer's reports come in the order of the log.
            self.first_offset = message.offset()
        self._left -= 1
        if not self._left:
            self.give_up()

    def give_up(self) -> None:
        """Wake the sender, also where reports are missing: no more will come."""
        self._loop.call_soon_threadsafe(self.complete.set)


class _Line:
    """An idempotent producer with a thread that serves its delivery reports.

    Only that thread polls: two would count the reports of one `send` at the same time.
    """

    def __init__(self, settings: Settings, compression: str) -> None:
        self._client = producer(
            settings,
            linger_ms=1,
            message_timeout_ms=DELIVERY_TIMEOUT_MS,
            compression_type=compression,
            queue_buffering_max_kbytes=32 << 10,
        )
        self._closing = threading.Event()
        self._open: set[_Reports] = set()
        self._final: GridcastError | None = None
        self._poller = threading.Thread(target=self._poll, name=f"gridcast-outlet-{compression}", daemon=True)
        self._poller.start()

    async def send(self, records: Sequence[Outgoing]) -> int:
        """Produce every record once and await a report of each; returns the first offset, -1 for none."""
        if not records:
            return -1
        reports = _Reports(len(records))
        self._open.add(reports)
        try:
            await self._produce(records, reports)
            if self._final is None:
                await reports.complete.wait()
        finally:
            self._open.discard(reports)
        if self._final is not None:
            raise self._final
        reports.check()
        return reports.first_offset

    async def _produce(self, records: Sequence[Outgoing], reports: _Reports) -> None:
        produce, report = self._client.produce, reports.callback
        for done, (topic, key, value, headers, partition) in enumerate(records, 1):
            while True:
                try:
                    produce(topic, value, key, partition, on_delivery=report, headers=list(headers) or None)
                    break
                except BufferError:
                    if self._final is not None:
                        return  # nobody polls any more, so the queue stays full
                    await asyncio.sleep(QUEUE_FULL_PAUSE_S)
            if done % RECORDS_BETWEEN_PAUSES == 0:
                await asyncio.sleep(0)

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


class Outlet:
    """Two producers: one that compresses, and one for the topics where that is not worth it."""

    def __init__(self, settings: Settings) -> None:
        self._packed = _Line(settings, "lz4")
        self._dense = _Line(settings, "none")

    async def send(self, records: Sequence[Outgoing]) -> int:
        """Produce every record and return when Kafka has acknowledged all of them.

        After a passing failure all are offered again: whoever reads them drops second copies by identity.
        Returns the first offset among them, -1 for none: of use where all went to one partition.

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
        dense = [record for record in records if record.topic in DENSE]
        if not dense:
            return await self._packed.send(records)
        packed = [record for record in records if record.topic not in DENSE]
        answers = await asyncio.gather(
            self._dense.send(dense), self._packed.send(packed), return_exceptions=True
        )
        for answer in answers:
            if isinstance(answer, BaseException):
                raise answer
        return max(answer for answer in answers if isinstance(answer, int))

    def close(self) -> None:
        """Stop the threads; every `send` must have returned."""
        self._packed.close()
        self._dense.close()
