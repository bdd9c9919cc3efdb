"""A worker that hangs on one value, in the way that the variable HANG names: faults that nobody foresees."""

from __future__ import annotations

import ctypes
import os
import threading
import time
from typing import Any

import streams.app  # noqa: F401  # as the command does, so that what is replaced below is what runs
from cli.main import main
from infra import stalls
from models.engine import Engine
from streams.transport import BatchConsumer
from streams.worker import Worker

HANGING_KW = 333.25
FOREVER_S = 100_000
_seen = threading.Event()
_apply, _count, _commit = Engine.apply, Worker._count, BatchConsumer._commit
_how = os.environ.get("HANG", "no")


def apply(self: Engine, batch: Any, speak: bool = True) -> Any:
    """The engine's thread hangs, or holds Python's lock for ever, or goes on."""
    if (batch.telemetry.power_kw == HANGING_KW).any():
        _seen.set()
        if _how == "engine":
            time.sleep(FOREVER_S)
        if _how == "lock":
            ctypes.PyDLL(None).sleep(FOREVER_S)  # a call into C that never lets go
    return _apply(self, batch, speak)


def count(self: Worker, *arguments: Any) -> None:
    """The event loop is blocked."""
    if _seen.is_set() and _how == "loop":
        time.sleep(FOREVER_S)
    _count(self, *arguments)


async def commit(self: BatchConsumer, offsets: Any) -> bool:
    """What Faust makes of a commit that the group refuses: nothing."""
    return False if _seen.is_set() and _how == "commits" else await _commit(self, offsets)


if __name__ == "__main__":
    Engine.apply = apply  # type: ignore[method-assign]
    Worker._count = count  # type: ignore[method-assign]
    BatchConsumer._commit = commit  # type: ignore[method-assign]
    stalls.LAST_RESORT_S = 3.0
    main()
