"""A training in a process of its own, so that who started it stays awake and can end it."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final

import psutil

from infra.settings import child_environment

if TYPE_CHECKING:
    from infra.settings import Settings

_ROOT: Final = Path(__file__).parents[1]
_PATIENCE_S: Final = 10.0
_NICER: Final = 5  # a worker on the same machine goes first


class TrainingChild:
    """`gridcast train --json ARGUMENTS`; each line of its log goes to `told`."""

    def __init__(self, settings: Settings, arguments: Sequence[str], told: Callable[[str], None]) -> None:
        environment = child_environment(settings)
        path = environment.get("PYTHONPATH")
        environment["PYTHONPATH"] = f"{_ROOT}:{path}" if path else str(_ROOT)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "cli", "train", "--json", *arguments],
            stdin=subprocess.PIPE,  # held open: it ends with this process, however this one ends
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
        )
        with suppress(psutil.Error):
            psutil.Process(self._process.pid).nice(_NICER)
        self._told = told
        self._out: list[str] = []
        self._errors: list[str] = []
        self._readers = [
            self._reader(self._process.stdout, self._out.append),
            self._reader(self._process.stderr, self._heard),
        ]

    def ended(self) -> bool:
        """Whether it has ended; then all that it said is there."""
        if self._process.poll() is None:
            return False
        self._let_go()
        return True

    def wait(self, timeout_s: float) -> None:
        """Return when it has ended, or after the time."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout_s)

    def document(self) -> dict[str, Any] | None:
        """What it printed when it has done its work; None where it failed."""
        if self._process.returncode != 0:
            return None
        with suppress(ValueError, IndexError):
            found = json.loads(self._out[-1])
            return found if isinstance(found, dict) else None
        return None

    def failure(self) -> str:
        """Why it failed, in one line."""
        code = self._process.returncode
        last = next((line for line in reversed(self._errors) if line.startswith("error:")), None)
        return last or f"it ended with {code}: {self._errors[-1] if self._errors else 'it said nothing'}"

    def stop(self) -> None:
        """End it, asked first."""
        self._process.terminate()
        try:
            self._process.wait(_PATIENCE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._let_go()

    def _let_go(self) -> None:
        for reader in self._readers:
            reader.join()
        if self._process.stdin is not None:
            self._process.stdin.close()

    def _heard(self, line: str) -> None:
        self._errors.append(line)
        self._told(line)

    @staticmethod
    def _reader(pipe: IO[str] | None, take: Callable[[str], None]) -> threading.Thread:
        assert pipe is not None

        def read() -> None:
            for line in pipe:
                if line.strip():
                    take(line.strip())
            pipe.close()

        thread = threading.Thread(target=read, daemon=True)
        thread.start()
        return thread
