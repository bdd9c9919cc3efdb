"""A sink that ends itself with SIGKILL, or sleeps with SIGSTOP, at one point of its writes.

`CRASH_POINT` names the point, `CRASH_OCCASION` (1 unless told) which time it is that counts.
"""

from __future__ import annotations

import os
import signal
import time
from typing import Any

from cli.main import main
from consumers import store
from consumers.reading import Reading

POINT = os.environ.get("CRASH_POINT", "")
OCCASION = int(os.environ.get("CRASH_OCCASION", "1"))

KILLED_BEFORE_ROWS = "inside the transaction, before its rows"
KILLED_INSIDE = "before the transaction's commit"
KILLED_AFTER = "after the transaction, before Kafka's commit"
ASLEEP_BEFORE = "asleep before the transaction"
ASLEEP_INSIDE = "asleep inside the transaction"

_write, _commit = store.Store.write, Reading.commit
_write_rows, _move = store.write_rows, store._move
_met: dict[str, int] = {}


def at(point: str, number: int) -> None:
    """Send the signal to this process if it is at the point, and the time, that was asked for."""
    if point != POINT:
        return
    _met[point] = _met.get(point, 0) + 1
    if _met[point] == OCCASION:
        os.kill(os.getpid(), number)
        time.sleep(0.5)  # a signal to oneself may take a moment


def write(self: store.Store, *arguments: Any) -> Any:
    at(ASLEEP_BEFORE, signal.SIGSTOP)
    return _write(self, *arguments)


def write_rows(*arguments: Any) -> Any:
    at(KILLED_BEFORE_ROWS, signal.SIGKILL)
    return _write_rows(*arguments)


def move(*arguments: Any) -> None:
    """The last statement before the commit."""
    _move(*arguments)
    at(KILLED_INSIDE, signal.SIGKILL)
    at(ASLEEP_INSIDE, signal.SIGSTOP)


def commit(self: Reading) -> None:
    at(KILLED_AFTER, signal.SIGKILL)
    _commit(self)


if __name__ == "__main__":
    store.Store.write = write  # type: ignore[method-assign]
    store.write_rows = write_rows
    store._move = move
    Reading.commit = commit  # type: ignore[method-assign]
    main()
