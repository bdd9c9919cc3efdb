"""A door between the clients and one server: TCP that can be slow, and be shut in the middle of anything."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any

_BLOCK_BYTES = 1 << 16


class Door:
    """Listens on a free port and passes everything on to `to_port`. `delay_s`: for each block, both ways."""

    def __init__(self, to_port: int) -> None:
        self._to_port = to_port
        self._loop = asyncio.new_event_loop()
        self._open: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_shut = False
        self.delay_s = 0.0
        threading.Thread(target=self._loop.run_forever, name="chaos-door", daemon=True).start()
        self.port: int = self._call(self._listen())

    def shut(self) -> None:
        """Cut every connection; new ones are cut at once until `open`."""
        self._is_shut = True
        self._call(self._cut())

    def open(self) -> None:
        """Let everybody through again."""
        self._is_shut = False

    def close(self) -> None:
        """Stop for good."""
        self.shut()
        self._loop.call_soon_threadsafe(self._loop.stop)

    def _call(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10.0)

    async def _listen(self) -> int:
        server = await asyncio.start_server(self._enter, "127.0.0.1", 0)
        return int(server.sockets[0].getsockname()[1])

    async def _cut(self) -> None:
        for writer in list(self._open):
            writer.transport.abort()

    async def _enter(self, inner: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        try:
            if self._is_shut:
                raise ConnectionError
            outer, there = await asyncio.open_connection("127.0.0.1", self._to_port)
        except OSError:
            back.transport.abort()
            return
        self._open |= {back, there}
        for source, sink in ((inner, there), (outer, back)):
            task = asyncio.ensure_future(self._pass_on(source, sink, {back, there}))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _pass_on(
        self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, both: set[asyncio.StreamWriter]
    ) -> None:
        with suppress(OSError):
            while block := await source.read(_BLOCK_BYTES):
                if self.delay_s:
                    await asyncio.sleep(self.delay_s)
                sink.write(block)
                await sink.drain()
        for writer in both:
            writer.close()
        self._open -= both
