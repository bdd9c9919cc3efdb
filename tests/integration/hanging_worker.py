"""A worker that hangs on one value, in the way that the variable HANG names: faults that nobody foresees."""

from __future__ import annotations

import ctypes
import os
import threading
import time
from collections.abc import Sequence
from typing import Any

import streams.app  # noqa: F401  # as the command does, so that what is replaced below is what runs
from cli.main import main
from infra import stalls
from models import turn
from models.turn import Share
from streams.transport import BatchConsumer
from streams.worker import Worker

HANGING_KW = 333.25
FOREVER_S = 100_000
_seen = threading.Event()
_apply, _show, _commit = turn.apply, Worker._show, BatchConsumer._commit
_how = os.environ.get("HANG", "no")


def apply(shares: Sequence[Share], speak: bool = True) -> Any:
    """The engine's thread hangs, or holds Python's lock for ever, or goes on."""
    if any((batch.telemetry.power_kw == HANGING_KW).any() for _, batch in shares):
        _seen.set()
        if _how == "engine":
            time.sleep(FOREVER_S)
        if _how == "lock":
            ctypes.PyDLL(None).sleep(FOREVER_S)  # a call into C that never lets go
    return _apply(shares, speak)


async def show(self: Worker, *arguments: Any) -> None:
    """The event loop is blocked."""
    if _seen.is_set() and _how == "loop":
        time.sleep(FOREVER_S)
    await _show(self, *arguments)


async def commit(self: BatchConsumer, offsets: Any) -> bool:
    """What Faust makes of a commit that the group refuses: nothing."""
    return False if _seen.is_set() and _how == "commits" else await _commit(self, offsets)


if __name__ == "__main__":
    turn.apply = apply
    Worker._show = show  # type: ignore[method-assign]
    BatchConsumer._commit = commit  # type: ignore[method-assign]
    stalls.LAST_RESORT_S = 3.0
    main()
