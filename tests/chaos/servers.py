"""A Kafka and a PostgreSQL that can be killed, frozen, filled up and started again, each behind its door."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import psutil

from infra import local_kafka, local_postgres
from infra.processes import Running, free_ports
from infra.processes import stop as end
from schemas.errors import ServiceUnavailable
from tests.chaos.door import Door

_START_S = 90.0
Start = Callable[[], tuple[Running, str]]


@dataclass
class Server:
    """One server. `start_once` starts it on its port; `as_owner`: what stands before a command to run it as
    its user; `address`: where it is without its door.
    """

    name: str
    door: Door
    start_once: Start
    as_owner: Callable[[], list[str]]
    address: str = ""
    _running: Running | None = field(default=None, init=False)

    def start(self) -> None:
        """Start it, again and again where what a kill has left behind is still in the way."""
        deadline = time.monotonic() + _START_S
        while True:
            try:
                self._running, self.address = self.start_once()
                return
            except ServiceUnavailable:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.5)

    @property
    def alive(self) -> bool:
        """Whether its main process is there."""
        return self._running is not None and self._running.process() is not None

    def kill(self) -> None:
        """SIGKILL to its main process."""
        for process in self._processes()[:1]:
            process.kill()
            process.wait(10.0)

    def freeze(self) -> None:
        """SIGSTOP to all of its processes."""
        for process in self._processes():
            with suppress(psutil.NoSuchProcess):
                process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let them go on."""
        for process in self._processes():
            with suppress(psutil.NoSuchProcess):
                process.send_signal(signal.SIGCONT)

    def limit_files(self, most_bytes: int | None) -> None:
        """What `ulimit -f` does, to running processes: no file may grow, as on a full disk. None: undo."""
        limit = f"--fsize={'unlimited' if most_bytes is None else most_bytes}:"
        for process in self._processes():
            command = [*self.as_owner(), "prlimit", "--pid", str(process.pid), limit]
            done = subprocess.run(command, capture_output=True, check=False, text=True)
            if done.returncode != 0 and process.is_running():
                raise ServiceUnavailable(f"{self.name} cannot be filled up: {done.stderr.strip()}")

    def stop(self) -> None:
        """End it in order."""
        if self._running is not None:
            self.thaw()
            end(self._running, patience_s=20.0)
        self.door.close()

    def _processes(self) -> list[psutil.Process]:
        process = self._running.process() if self._running is not None else None
        if process is None:
            return []
        with suppress(psutil.NoSuchProcess):
            return [process, *process.children(recursive=True)]
        return []


def make_kafka(home: Path) -> Server:
    """A broker that sends its clients through its door."""
    (port,) = free_ports(1)
    door = Door(port)
    more = f"advertised.listeners=PLAINTEXT://127.0.0.1:{door.port}\n"
    log = _log(home, "kafka")
    return Server("kafka", door, lambda: local_kafka.start(home / "kafka", log, port, more), list)


def make_postgres(home: Path) -> Server:
    """A PostgreSQL behind its door."""
    (port,) = free_ports(1)
    log = _log(home, "postgres")
    start = partial(local_postgres.start, home / "postgres", log, port)
    return Server("postgres", Door(port), start, local_postgres.as_servant)


def dsn_through_door(server: Server) -> str:
    """The address of PostgreSQL as its clients shall use it."""
    port = urlsplit(server.address).port
    return server.address.replace(f":{port}/", f":{server.door.port}/")


def _log(home: Path, name: str) -> Path:
    path = home / "logs" / f"{name}.log"
    path.parent.mkdir(parents=True, exist_ok=True)
    return path
