"""The local servers of one home folder (`.gridcast/`): started once, found again, stopped without a trace.

`local.json` there says where they listen and which processes they are; it holds PostgreSQL's password and is
readable for its owner alone. Two homes never meet: ports are free ones, data and logs lie under the home.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from infra import local_kafka, local_postgres
from infra.processes import Running, stop
from infra.settings import damaged, local_document

NAMES = ("kafka", "postgres")
_FIRST_TIME = {"kafka": " (the first time on a machine it is fetched, which takes a while)"}
Say = Callable[[str], None]
Ask = Callable[[], None]


@dataclass(frozen=True)
class Server:
    """One local server: `address` is what a client connects to, and may hold a password."""

    name: str
    address: str
    running: Running

    @property
    def alive(self) -> bool:
        """Whether its process is there."""
        return self.running.process() is not None

    @property
    def shown(self) -> str:
        """The address without its password."""
        return without_password(self.address)


def without_password(address: str) -> str:
    """A `scheme://user:password@host` address with the password masked; others as they are."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return "***"  # what cannot be read may hold a password anywhere
    if not parts.password:
        return address
    return address.replace(f":{parts.password}@", ":***@", 1)


def up(home: Path, names: tuple[str, ...] = NAMES, say: Say = lambda _: None) -> list[Server]:
    """Start what does not run yet; returns the servers. Raises `ServiceUnavailable` when one cannot."""
    home.mkdir(parents=True, exist_ok=True)
    with _locked(home):
        servers = _read(home)
        for name in names:
            known = servers.get(name)
            if known is not None and known.alive:
                say(f"{name} runs already at {known.shown}")
                continue
            say(f"starting {name}{_FIRST_TIME.get(name, '') if known is None else ''}")
            servers[name] = _start(home, name, known)
            _write(home, servers)
            say(f"{name} started at {servers[name].shown}")
        return [servers[name] for name in names]


def down(home: Path) -> list[str]:
    """Stop what runs; returns the names of the servers that did. Data and logs stay."""
    if not home.exists():
        return []
    with _locked(home):
        servers = _read(home)
        stopped = [name for name, server in servers.items() if _stop(home, server)]
        # The ports are kept, so that the next `up` takes the same ones where it can.
        _write(home, servers)
        return stopped


def status(home: Path) -> list[Server]:
    """The servers that were ever started here, running or not."""
    return list(_read(home).values())


def log_file(home: Path, name: str) -> Path:
    """Where the server `name` writes its log."""
    return home / "logs" / f"{name}.log"


def _start(home: Path, name: str, known: Server | None) -> Server:
    log = log_file(home, name)
    log.parent.mkdir(parents=True, exist_ok=True)
    port = _port(known.address) if known is not None else None
    module = local_kafka if name == "kafka" else local_postgres
    running, address = module.start(home / name, log, port)
    return Server(name, address, running)


def _stop(home: Path, server: Server) -> bool:
    if not server.alive:
        return False
    if server.name == "postgres":
        local_postgres.stop(home / server.name)
        return True
    return stop(server.running)


def _port(address: str) -> int | None:
    return urlsplit(address if "://" in address else f"//{address}").port


def _read(home: Path) -> dict[str, Server]:
    found = local_document(home)
    processes = found.get("processes", {})
    try:
        return {
            name: Server(name, found.get(name) or found["last"][name], Running(**processes[name]))
            for name in NAMES
            if name in processes
        }
    except (KeyError, TypeError) as error:
        raise damaged(home / "local.json", repr(error)) from error


def _write(home: Path, servers: dict[str, Server]) -> None:
    """`kafka` and `postgres` stand in the file only while they run: that is where settings look."""
    document: dict[str, Any] = {name: server.address for name, server in servers.items() if server.alive}
    document["last"] = {name: server.address for name, server in servers.items()}
    document["processes"] = {name: asdict(server.running) for name, server in servers.items()}
    unfinished = home / "local.json.new"
    unfinished.touch(mode=0o600)
    unfinished.write_text(json.dumps(document, indent=1) + "\n")
    os.replace(unfinished, home / "local.json")  # noqa: PTH105 - one atomic step


@contextmanager
def _locked(home: Path) -> Iterator[None]:
    with (home / "local.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
