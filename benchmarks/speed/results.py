"""`results.json`: what was measured, written after each figure, in the shape that the contract promises."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.speed import machine


class Results:
    """The figures so far. Raw ones stand under `figures`, the contract's keys are made of them."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.found: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}

    def begin(self, arguments: list[str]) -> None:
        """A run starts."""
        about = {
            "command": " ".join(["python -m benchmarks.run", *arguments]),
            "commit": machine.commit(),
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
            "machine": machine.about(),
            "load_at_start": machine.load_1min(),
        }
        self.found["run"] = about

    def add(self, name: str, found: dict[str, Any], load_before: float, load_after: float, runs: int) -> None:
        """A figure is done."""
        about = {"commit": machine.commit(), "runs": runs, "load": [load_before, load_after]}
        self.found.setdefault("figures", {})[name] = found | about
        self._write()

    def end(self) -> None:
        """The run is over."""
        self.found["run"]["load_at_end"] = machine.load_1min()
        self._write()

    def _write(self) -> None:
        partial = self._path.with_suffix(".partial")
        partial.write_text(json.dumps(self.found, indent=1))
        partial.replace(self._path)
