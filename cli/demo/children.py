"""The processes that the demo starts, each as a user would start it, with a log of its own."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from infra.processes import Running, identify, reason_in, start_detached, stop
from schemas.errors import GridcastError

ROOT = Path(__file__).parents[2]
_PATIENCE_S = 20.0
_TAIL = 5


class ChildEnded(GridcastError):
    """A process has ended that should run, or has failed. `tail`: the last lines of its log."""

    def __init__(self, message: str, tail: list[str]) -> None:
        super().__init__(message)
        self.tail = tail


@dataclass
class Child:
    """One process: `gridcast NAME ...`."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path
    from_byte: int
    lasting: bool

    @property
    def pid(self) -> int:
        """Its process id."""
        return self.process.pid

    def said(self) -> str:
        """What it has written since it was started."""
        with self.log.open("rb") as file:
            file.seek(self.from_byte)
            return file.read().decode(errors="replace")

    def failure(self) -> ChildEnded:
        """Why it ended, in one line."""
        code = self.process.returncode
        if code < 0:
            why = f"was killed by {signal.Signals(-code).name}"
        else:
            why = f"ended with {code}: {reason_in(self.log, self.from_byte)}"
        tail = self.said().splitlines()[-_TAIL:]
        return ChildEnded(f"`gridcast {self.name}` {why} (log: {self.log})", tail)


class Children:
    """Starts processes in sessions of their own and ends all of them. `environment` is theirs."""

    def __init__(self, home: Path, environment: Mapping[str, str]) -> None:
        self._home = home
        path = environment.get("PYTHONPATH")
        self._environment = {**environment, "PYTHONPATH": f"{ROOT}:{path}" if path else str(ROOT)}
        self._running: list[Child] = []

    def start(self, name: str, *arguments: str, log: str | None = None, lasting: bool = True) -> Child:
        """Start `gridcast NAME ARGUMENTS`.

        One that is not `lasting` ends by itself; where it wants the same core as the others, they come first.
        """
        file = self._home / "logs" / f"{log or name}.log"
        file.parent.mkdir(parents=True, exist_ok=True)
        from_byte = file.stat().st_size if file.exists() else 0
        command = [sys.executable, "-m", "cli.main", name, *arguments]
        process = start_detached(command, file, self._environment, self._home)
        child = Child(name, process, file, from_byte, lasting)
        self._running.append(child)
        self._write_down()
        if not lasting:
            with suppress(psutil.Error):
                psutil.Process(child.pid).nice(10)
        return child

    def check(self) -> None:
        """Raise `ChildEnded` for the first process that has ended and should not have."""
        for child in self._running:
            if child.lasting and child.process.poll() is not None:
                raise child.failure()

    def finished(self, child: Child) -> bool:
        """Whether a process that is to end by itself has done so; raises `ChildEnded` where it failed."""
        if child.process.poll() is None:
            return False
        self._forget(child)
        if child.process.returncode != 0:
            raise child.failure()
        return True

    def kill(self, child: Child) -> None:
        """SIGKILL: the process has no say."""
        child.process.kill()
        child.process.wait()
        self._forget(child)

    def stop(self, child: Child, patience_s: float = _PATIENCE_S) -> int:
        """SIGTERM, and wait for the end; returns the exit code, -9 where it had to be killed."""
        child.process.terminate()
        try:
            return child.process.wait(patience_s)
        except subprocess.TimeoutExpired:
            child.process.kill()
            return child.process.wait()
        finally:
            self._forget(child)

    def end_all(self) -> list[str]:
        """End whatever runs still, all at once; returns the names."""
        ended = [child for child in self._running if child.process.poll() is None]
        for child in ended:
            child.process.terminate()
        deadline = time.monotonic() + _PATIENCE_S
        for child in ended:
            try:
                child.process.wait(max(deadline - time.monotonic(), 0.1))
            except subprocess.TimeoutExpired:
                child.process.kill()
                child.process.wait()
        self._running.clear()
        self._write_down()
        return [child.name for child in ended]

    def _forget(self, child: Child) -> None:
        with suppress(ValueError):
            self._running.remove(child)
        self._write_down()

    def _write_down(self) -> None:
        """Which processes they are, for the demo that finds the rest of one that was killed."""
        known = [asdict(found) for child in self._running if (found := identify(child.pid)) is not None]
        path = self._home / "children.json"
        partial = path.with_suffix(".new")
        partial.write_text(json.dumps(known))
        partial.replace(path)


def end_left_over(home: Path) -> None:
    """End the processes that a demo which was killed has left behind in its home."""
    path = home / "children.json"
    if path.exists():
        for entry in json.loads(path.read_text()):
            stop(Running(**entry), patience_s=5.0)
