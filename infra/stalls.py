"""What must move, and since when it has not: shared by the watchdogs of worker and sink.

Positions are looked at, never times of records: a plant of 2014 is as lively as its records are applied.
"""

from __future__ import annotations

import faulthandler
import signal
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

#: A look that comes so many times later than it should says that this process itself stood still (stopped, a
#: laptop asleep): nothing can be told from what it sees then.
ASLEEP = 4.0
#: How much later than a stall the system ends a process whose watchdog is stuck too.
LAST_RESORT_S = 30.0


@dataclass(frozen=True, slots=True)
class Standing:
    """Something that must move: `mark` is another one after each move, `waiting` while there is work.

    `patience`: how many times the limit it may take; more than 1 for what others may hold up.
    """

    mark: Any
    waiting: bool = True
    patience: float = 1.0


@dataclass(frozen=True, slots=True)
class Stall:
    """How long something has stood with work waiting, in seconds, and how patient we are with it."""

    what: str
    for_s: float
    patience: float = 1.0

    @property
    def share_s(self) -> float:
        """The time to compare with a limit."""
        return self.for_s / self.patience

    def told(self, now_s: float) -> dict[str, Any]:
        """For a probe: what stands still, since when. `now_s`: seconds since 1970."""
        since = datetime.fromtimestamp(now_s - self.for_s, UTC).isoformat(timespec="seconds")
        return {"what": self.what, "for_s": round(self.for_s, 1), "since": since.replace("+00:00", "Z")}


class StallClock:
    """Remembers since when each thing has stood at one mark with work waiting. Look at it every so often."""

    def __init__(self, look_every_s: float) -> None:
        self._asleep_s = ASLEEP * look_every_s
        self._since: dict[str, tuple[Any, float]] = {}
        self._looked_s = 0.0

    def look(self, now_s: float, seen: Mapping[str, Standing] | None) -> list[Stall]:
        """What stands still, the longest first. None (a server is away) or a look long after the last one:
        all begin anew.
        """
        if seen is None or now_s - self._looked_s > self._asleep_s:
            self._since = {}
        self._looked_s = now_s
        waiting = {what: one for what, one in (seen or {}).items() if one.waiting}
        self._since = {
            what: self._since[what]
            if what in self._since and self._since[what][0] == one.mark
            else (one.mark, now_s)
            for what, one in waiting.items()
        }
        found = [Stall(what, now_s - self._since[what][1], one.patience) for what, one in waiting.items()]
        return sorted(found, key=lambda one: (-one.share_s, one.what))


class LastResort:
    """Ends the process by the system's own alarm when nobody puts it off: what holds Python's lock for ever
    stops every thread, the watchdog too. The stacks of all threads are written first.
    """

    def __init__(self, stall_s: float) -> None:
        self._after_s = stall_s + LAST_RESORT_S

    def put_off(self) -> None:
        """Begin to count again."""
        faulthandler.dump_traceback_later(self._after_s)
        signal.setitimer(signal.ITIMER_REAL, self._after_s + 2.0)

    def close(self) -> None:
        """Never end the process."""
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        faulthandler.cancel_dump_traceback_later()


def look_every_s(stall_s: float) -> float:
    """How often a watchdog looks."""
    return min(5.0, stall_s / 5)


def warned_after_s(stall_s: float) -> float:
    """After how long a probe says that something stands still: well before the process ends for it."""
    return min(30.0, stall_s / 2)


def now_epoch_s() -> float:
    """Seconds since 1970, for what is shown alone."""
    return time.time()
