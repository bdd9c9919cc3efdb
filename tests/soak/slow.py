"""A PostgreSQL that is slow: a way to it that lets little through, and locks on its tables now and then."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import closing, suppress
from urllib.parse import urlsplit, urlunsplit

import psycopg2

PIECE = 32 << 10
ROOM = 512 << 10
LOCKED = ("forecasts", "telemetry")


class SlowWay:
    """A TCP way to PostgreSQL. `bytes_s` is what it lets through to it, None for all that comes."""

    def __init__(self, dsn: str, bytes_s: float | None) -> None:
        parts = urlsplit(dsn)
        self.bytes_s = bytes_s
        self._target = parts.hostname, parts.port
        self._listener = socket.create_server(("127.0.0.1", 0))
        place = f"{parts.netloc.rpartition('@')[0]}@127.0.0.1:{self._listener.getsockname()[1]}"
        self.dsn = urlunsplit(parts._replace(netloc=place))
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            near, _ = self._listener.accept()
            far = socket.create_connection(self._target)
            # Little room, so that what is slow is felt at once; a window under a segment would stand still.
            near.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, ROOM)
            threading.Thread(target=self._pump, args=(near, far, True), daemon=True).start()
            threading.Thread(target=self._pump, args=(far, near, False), daemon=True).start()

    def _pump(self, source: socket.socket, target: socket.socket, slow: bool) -> None:
        with suppress(OSError):
            while data := source.recv(PIECE):
                if slow and self.bytes_s is not None:
                    time.sleep(len(data) / self.bytes_s)
                target.sendall(data)
        for one in (source, target):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)


class Locks:
    """Holds a table for `hold_s` of every `every_s`, until closed."""

    def __init__(self, dsn: str, hold_s: float = 12.0, every_s: float = 60.0) -> None:
        self._dsn, self._hold_s, self._every_s = dsn, hold_s, every_s
        self.held = 0
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._closing.wait(self._every_s - self._hold_s):
            with closing(psycopg2.connect(self._dsn)) as server, server.cursor() as cursor:
                cursor.execute(f"lock table {LOCKED[self.held % 2]} in access exclusive mode")
                self.held += 1
                self._closing.wait(self._hold_s)

    def close(self) -> None:
        """Hold nothing any more."""
        self._closing.set()
        self._thread.join()
