"""A folder of its own for each demo: servers, data and logs; only the logs outlive it."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from cli.demo.children import end_left_over
from infra import local
from infra.processes import Running, identify, stop
from schemas.errors import GridcastError

_LOGS_KEPT: Final = 5


class Home:
    """`demo/run-PID` under gridcast's home. Two demos never share one, in whatever checkout they run."""

    def __init__(self, base: Path) -> None:
        self.results = base / "demo"
        self.path = self.results / f"run-{os.getpid()}"

    def make(self) -> None:
        """Tidy up after demos that were killed, then make the folder."""
        self.results.mkdir(parents=True, exist_ok=True)
        self._sweep()
        shutil.rmtree(self.path, ignore_errors=True)
        self.path.mkdir()
        owner = identify(os.getpid())
        assert owner is not None
        (self.path / "owner.json").write_text(json.dumps(asdict(owner)))
        (self.path / "logs").mkdir()  # last: a folder with logs and without an owner is an old one

    def clean(self) -> None:
        """Stop the servers and remove everything but the logs."""
        _clean(self.path)

    def _sweep(self) -> None:
        left = sorted(self.results.glob("run-*"), key=lambda path: path.stat().st_mtime)
        ended = [path for path in left if _owner_is_gone(path)]
        for path in ended:
            if (path / "owner.json").exists():
                end_left_over(path)
                _clean(path)
        for path in ended[:-_LOGS_KEPT]:
            shutil.rmtree(path, ignore_errors=True)


def _owner_is_gone(path: Path) -> bool:
    """Whether the demo of a folder has ended; a folder without an owner was cleaned already."""
    owner = path / "owner.json"
    try:
        return Running(**json.loads(owner.read_text())).process() is None
    except FileNotFoundError:
        return (path / "logs").exists()
    except ValueError:
        return False  # being written at this moment


def _clean(path: Path) -> None:
    try:
        local.down(path)
    except GridcastError:
        for server in local.status(path):
            stop(server.running, patience_s=5.0)
    for entry in path.iterdir():
        if entry.name == "logs":
            continue
        if entry.is_dir():
            shutil.rmtree(entry, ignore_errors=True)
        else:
            entry.unlink(missing_ok=True)


def write_whole(path: Path, content: dict[str, Any]) -> None:
    """A JSON document, there in one step: another demo may be reading or writing the same one."""
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    partial.write_text(json.dumps(content, indent=1) + "\n")
    partial.replace(path)
