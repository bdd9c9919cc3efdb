"""Workers and sinks that stand still with work waiting, as seen from outside: one signal a group.

A process that hangs ends itself (`docs/watchdogs.md`); this is for what is left: none that runs, one that
ends again and again, one that nobody starts.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from consumers.alerts.incident import Alert
from consumers.alerts.signals import STALL, Signal
from consumers.alerts.store import AlertStore
from consumers.intake import TOPICS as SINK_TOPICS
from consumers.lag import Position, positions
from consumers.store import OffsetsMoved
from infra.hollow import Waiting
from infra.stalls import Stall, StallClock, Standing, look_every_s, now_epoch_s
from infra.topics import JOURNAL
from schemas.errors import ServiceUnavailable

if TYPE_CHECKING:
    from infra.settings import Settings

_log = logging.getLogger(__name__)

#: So many times `stall_s`: by then the process has ended itself, was started again, and still nothing moves.
PATIENCE: Final = 3.0
_SHOWN: Final = 3

Place = tuple[str, str, int]


class StallWatch:
    """Looks from a thread of its own with clients of its own, until `close`."""

    def __init__(self, settings: Settings, store: AlertStore, wake: Callable[[], None]) -> None:
        self._settings = settings
        self._store = store
        self._wake = wake
        self._groups = {settings.worker_group: (JOURNAL,), settings.sink_group: SINK_TOPICS}
        self._waiting = {group: Waiting(settings) for group in self._groups}
        self._every_s = look_every_s(settings.stall_s)
        self._clock = StallClock(2 * self._every_s)
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="stalls", daemon=True)
        self.error: Exception | None = None

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def close(self) -> None:
        """Stop looking; a look that waits for a Kafka that is away is not waited for."""
        self._closing.set()
        if self._thread.ident is not None:
            self._thread.join(2.0)

    def _run(self) -> None:
        while not self._closing.wait(self._every_s):
            try:
                self._look()
            except (ServiceUnavailable, OffsetsMoved) as error:
                self._clock.look(time.monotonic(), None)
                _log.warning("stalls cannot be seen: %s", error)
            except Exception as error:  # noqa: BLE001 - raised by the alerter's loop: nobody goes blind in silence
                self.error = error
                return
        self._store.close()

    def _look(self) -> None:
        seen = self._standing()
        stalls = self._clock.look(time.monotonic(), {_told(p): s for p, s in _standings(seen).items()})
        long = [one for one in stalls if one.for_s >= PATIENCE * self._settings.stall_s]
        now_ms = round(now_epoch_s() * 1000)
        if self._store.hear_stalls(lambda open_: signals(seen, long, open_, now_ms)):
            self._wake()

    def _standing(self) -> dict[Place, Position]:
        found = positions(self._settings, self._groups)
        return {
            (group, topic, number): at._replace(
                end=self._waiting[group].end((topic, number), at.committed, at.end)
            )
            for (group, topic, number), at in found.items()
        }


def signals(
    seen: Mapping[Place, Position], stalls: Sequence[Stall], alerts: Sequence[Alert], now_ms: int
) -> list[Signal]:
    """What is to be said, where these places stand so, `stalls` have stood for too long, and these alerts
    about stalls are not over.
    """
    groups: dict[str, list[Stall]] = {}
    for stall in stalls:
        groups.setdefault(stall.what.partition(" ")[0], []).append(stall)
    told = {alert.subject: alert for alert in alerts if alert.event_open}
    began = [_began(group, found, seen, now_ms) for group, found in groups.items() if group not in told]
    over = [
        _ended(alert, now_ms)
        for group, alert in told.items()
        if group not in groups and _has_moved(alert, seen)
    ]
    return began + over


def _began(group: str, stalls: Sequence[Stall], seen: Mapping[Place, Position], now_ms: int) -> Signal:
    places = {_told(place): at for place, at in seen.items()}
    records = sum(places[one.what].end - places[one.what].committed for one in stalls)
    longest_s = max(one.for_s for one in stalls)
    named = ", ".join(one.what.partition(" ")[2] for one in stalls[:_SHOWN])
    more = f" and {len(stalls) - _SHOWN} more" if len(stalls) > _SHOWN else ""
    return Signal(
        kind=STALL, plant_id="", unit_id="", subject=group,
        started_at_ms=now_ms - round(longest_s * 1000), sequence=0, open=True, severity="critical",
        energy_kwh=0.0, event_time_ms=now_ms, logged_at_ms=now_ms,
        message=f"{group} has not moved for {longest_s:.0f} s with {records} records waiting: {named}{more}",
        evidence={one.what.partition(" ")[2]: float(places[one.what].committed) for one in stalls},
    )  # fmt: skip


def _ended(alert: Alert, now_ms: int) -> Signal:
    return Signal(
        kind=STALL, plant_id="", unit_id="", subject=alert.subject,
        started_at_ms=alert.event_started_at_ms, sequence=alert.event_sequence + 1, open=False,
        severity=alert.severity, energy_kwh=0.0, event_time_ms=now_ms, logged_at_ms=now_ms,
        message=f"{alert.subject} moves again", evidence={},
    )  # fmt: skip


def _has_moved(alert: Alert, seen: Mapping[Place, Position]) -> bool:
    """Whether every partition that stood still has moved since, or has nothing to do any more."""
    for (group, topic, number), at in seen.items():
        stood = alert.evidence.get(f"{topic}[{number}]") if group == alert.subject else None
        if stood is not None and at.committed == stood and at.end > at.committed:
            return False
    return True


def _standings(seen: Mapping[Place, Position]) -> dict[Place, Standing]:
    return {place: Standing(at.committed, at.end > at.committed) for place, at in seen.items()}


def _told(place: Place) -> str:
    group, topic, number = place
    return f"{group} {topic}[{number}]"
