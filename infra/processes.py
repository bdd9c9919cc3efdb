"""Processes that outlive the command that started them: detached, known and ended by pid and birth."""

from __future__ import annotations

import os
import random
import re
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

#: A server that was killed counts as ended before the last of its threads has let go of its port.
_RELEASED_WITHIN_S = 3.0
_SERVER_PORTS = range(20_000, 32_000)
_NOISE = re.compile(r"^\s*(at |\.\.\. \d+ more)")  # the frames of a Java stack trace
_TROUBLE = re.compile(r"\b(ERROR|FATAL|PANIC)\b|^Exception in thread|^[Ee]rror:")
_EXPLAINS = re.compile(r"^(Caused by: )?[\w.$]+(Exception|Error): |\b(DETAIL|HINT): ")


@dataclass(frozen=True)
class Running:
    """A process of ours. `born_s` is its creation time, so that a pid used again is not mistaken for it."""

    pid: int
    born_s: float

    def process(self) -> psutil.Process | None:
        """The live process, or None when it has ended."""
        try:
            found = psutil.Process(self.pid)
            alive = abs(found.create_time() - self.born_s) < 1.0 and found.status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return None
        return found if alive else None


def identify(pid: int) -> Running | None:
    """What to remember of the process `pid`; None when it has ended already."""
    try:
        return Running(pid, psutil.Process(pid).create_time())
    except psutil.NoSuchProcess:
        return None


def start_detached(
    command: Sequence[str | Path], log: Path, environment: Mapping[str, str], folder: Path
) -> subprocess.Popen[bytes]:
    """Start `command` in a session of its own, its output appended to `log`."""
    with log.open("ab") as output:
        return subprocess.Popen(
            [str(part) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=dict(environment),
            cwd=folder,
            start_new_session=True,
        )


def stop(running: Running, patience_s: float = 20.0) -> bool:
    """End the process: asked first (SIGTERM), made to after `patience_s`. False when it had ended before."""
    process = running.process()
    if process is None:
        return False
    with suppress(psutil.NoSuchProcess):
        process.terminate()
        if not _ended(process, patience_s):
            process.kill()
            _ended(process, 5.0)
    return True


def _ended(process: psutil.Process, patience_s: float) -> bool:
    # Polled, because `psutil.wait` would take the exit code of a child away from its `Popen`.
    deadline = time.monotonic() + patience_s
    while time.monotonic() < deadline:
        with suppress(ChildProcessError):
            os.waitpid(process.pid, os.WNOHANG)
        if not process.is_running() or process.status() == psutil.STATUS_ZOMBIE:
            return True
        time.sleep(0.05)
    return False


def free_ports(count: int, wanted: Sequence[int] = ()) -> list[int]:
    """`count` free ports on the loopback address, those of `wanted` first where they are free in a moment.

    They lie below the ports that systems give to clients: there a client that tries to reach a server that is
    down may be given the server's own port, and hold it.
    """
    sockets: list[socket.socket] = []
    deadline = time.monotonic() + _RELEASED_WITHIN_S
    try:
        for port in [*wanted, *random.sample(_SERVER_PORTS, 200)]:
            if len(sockets) == count:
                break
            taken = _bound(port)
            while taken is None and port in wanted and time.monotonic() < deadline:
                time.sleep(0.1)
                taken = _bound(port)
            if taken is not None:
                sockets.append(taken)
        return [found.getsockname()[1] for found in sockets]
    finally:
        for found in sockets:
            found.close()


def _bound(port: int) -> socket.socket | None:
    """A socket that holds the port; None where somebody else does."""
    candidate = socket.socket()
    # As servers do: a port that only old connections still hold is free.
    candidate.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        candidate.bind(("127.0.0.1", port))
    except OSError:
        candidate.close()
        return None
    return candidate


def reason_in(log: Path, from_byte: int = 0, limit: int = 300) -> str:
    """What a log says last about a failure, in one line: its last line of trouble with what explains it."""
    if not log.exists():
        return "it left no log"
    with log.open("rb") as file:
        file.seek(from_byte)
        text = file.read().decode(errors="replace")
    lines = [line for line in text.splitlines() if line.strip() and not _NOISE.match(line)]
    if not lines:
        return "it said nothing"
    start = max((i for i, line in enumerate(lines) if _TROUBLE.search(line)), default=len(lines) - 1)
    explained = [line for line in lines[start + 1 : start + 4] if _EXPLAINS.search(line)]
    return " ".join(" ".join([lines[start], *explained]).split())[:limit]
