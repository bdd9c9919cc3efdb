"""Processes on one core, and what they cost: CPU of all their threads, memory, the load of the machine."""

from __future__ import annotations

import os
import platform
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).parents[2]
_TICK_S: Final = 1.0 / os.sysconf("SC_CLK_TCK")
_PAGE: Final = os.sysconf("SC_PAGE_SIZE")
_MB: Final = 1e6


@cache
def allowed() -> tuple[int, ...]:
    """The cores that this process was started with, whatever it has kept itself to since."""
    return tuple(sorted(os.sched_getaffinity(0)))


def cores() -> tuple[int, int]:
    """The core of what is measured, and that of the broker and all else (the same one where there is one)."""
    return allowed()[0], allowed()[-1]


@contextmanager
def everything_else() -> Iterator[None]:
    """This process and the servers that it starts stay off the core of what is measured."""
    everywhere = allowed()
    os.sched_setaffinity(0, {everywhere[-1]})
    try:
        yield
    finally:
        os.sched_setaffinity(0, everywhere)


@contextmanager
def on_all_cores() -> Iterator[None]:
    """Servers that are started meanwhile may run anywhere."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, allowed())
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def cpu_s(pid: int) -> float:
    """CPU time that all threads of a process have taken."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * _TICK_S


def busy_s() -> float:
    """CPU time that all processes of the machine have taken, and the kernel's."""
    fields = Path("/proc/stat").read_text().splitlines()[0].split()[1:]
    user, nice, system, _idle, _wait, irq, softirq = map(int, fields[:7])
    return (user + nice + system + irq + softirq) * _TICK_S


def resident_mb(pid: int) -> float:
    """Memory that a process holds now, shared libraries included."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE / _MB


def most_mb(pid: int) -> float:
    """The most that a process has ever held."""
    return _kb(Path(f"/proc/{pid}/status"), "VmHWM") * 1024 / _MB


def proportional_mb(pid: int) -> float:
    """Memory that a process holds now, what it shares with others counted in parts."""
    return _kb(Path(f"/proc/{pid}/smaps_rollup"), "Pss") * 1024 / _MB


def _kb(path: Path, name: str) -> int:
    lines = (line.split() for line in path.read_text().splitlines())
    return next(int(words[1]) for words in lines if words[0] == f"{name}:")


def load_1min() -> float:
    """Processes that wanted a core over the last minute."""
    return round(os.getloadavg()[0], 2)


def about() -> dict[str, Any]:
    """The machine, in the words of its own kernel."""
    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if "model name" in line
        ),
        platform.processor(),
    )
    memory = os.sysconf("SC_PHYS_PAGES") * _PAGE / 1e9
    return {
        "cpu": model,
        "cores": os.cpu_count(),
        "memory_gb": round(memory, 1),
        "python": platform.python_version(),
    }


def commit() -> str:
    """The commit that is measured, with `+` where files differ from it."""
    head = _git("rev-parse", "--short", "HEAD")
    return f"{head}+" if _git("status", "--porcelain", "--untracked-files=no") else head


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip() or ("unknown" if arguments[0] == "rev-parse" else "")


class Pinned:
    """A child process on one core (None: on all), its output in a file; ended by its own pid in any case."""

    def __init__(
        self, command: Sequence[str], environment: Mapping[str, str], log: Path, core: int | None
    ) -> None:
        log.parent.mkdir(parents=True, exist_ok=True)
        self.log = log
        where = [str(core)] if core is not None else [",".join(map(str, allowed()))]
        with log.open("wb") as output:
            self.process = subprocess.Popen(
                ["taskset", "--cpu-list", *where, *command],
                cwd=ROOT,
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    @property
    def pid(self) -> int:
        return self.process.pid

    def said(self) -> str:
        """All that it has written."""
        return self.log.read_text(errors="replace")

    def check(self) -> None:
        """Raises `RuntimeError` with its last words where it has ended."""
        if self.process.poll() is not None:
            raise RuntimeError(
                f"it ended with {self.process.returncode}: {self.said()[-1500:]} (log: {self.log})"
            )

    def stop(self, patience_s: float = 60.0) -> int:
        """Ask it to end, wait, and make it end where asking was not enough; returns its exit code."""
        with suppress(ProcessLookupError):
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(patience_s)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()

    def __enter__(self) -> Pinned:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
