"""The transactions of the alerter: signals, waits, stalls and acknowledgements to alerts and notices.

Alerts, what is to be told of them, to whom, and the offsets up to which all that holds, are committed
together: a killed alerter goes on where PostgreSQL says, and hears nothing twice and skips nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import psycopg2

from consumers.alerts import rows
from consumers.alerts.incident import Alert, Notice, elapse, hear
from consumers.alerts.rules import Rules
from consumers.alerts.signals import STALL, Key, Signal
from consumers.store import OffsetsMoved, Place, Step
from consumers.watched_cursor import Moved, watched
from infra import metrics
from schemas.errors import GridcastError, ServiceUnavailable

if TYPE_CHECKING:
    from psycopg2.extensions import connection as Connection
    from psycopg2.extensions import cursor as Cursor

_log = logging.getLogger(__name__)

#: One alerter at a time says what stands still; any number that means nothing else here.
_STALLS_LOCK: Final = 7_205_759_404
SESSION: Final = "gridcast-alerts"


class Base:
    """One connection to PostgreSQL, made when it is needed and thrown away when it breaks."""

    def __init__(self, connect: Callable[[], Connection], moved: Moved = lambda: None) -> None:
        self._connect = connect
        self._cursor = watched(moved)
        self._server: Connection | None = None

    def close(self) -> None:
        """Let the connection go."""
        if self._server is not None:
            self._server.close()
            self._server = None

    @contextmanager
    def transaction(self) -> Iterator[Cursor]:
        """A cursor: committed at the end, rolled back by an error.

        Raises:
            ServiceUnavailable: PostgreSQL does not answer; the same may work later.
        """
        try:
            if self._server is None:
                self._server = self._connect()
            with self._server, self._server.cursor(cursor_factory=self._cursor) as cursor:
                yield cursor
        except (psycopg2.OperationalError, psycopg2.InterfaceError, psycopg2.InternalError) as error:
            self.close()
            raise ServiceUnavailable(f"PostgreSQL does not answer: {_first_line(error)}") from error
        except psycopg2.errors.InsufficientPrivilege as error:
            raise GridcastError(
                f"PostgreSQL refuses: {_first_line(error)}: the alerter's user must be in gridcast_alerts"
            ) from error
        except psycopg2.errors.UndefinedTable as error:
            raise GridcastError(
                f"PostgreSQL lacks a table: {_first_line(error)}: run `gridcast up`"
            ) from error
        except psycopg2.errors.UniqueViolation as error:  # another alerter was faster with the same
            raise OffsetsMoved(f"another alerter wrote the same: {_first_line(error)}") from error


class AlertStore(Base):
    """Alerts and offsets. `first_look` says where a partition begins that was never read."""

    def __init__(
        self,
        connect: Callable[[], Connection],
        rules: Rules,
        first_look: Callable[[Place, int], int] = lambda _place, first: first,
        moved: Moved = lambda: None,
    ) -> None:
        super().__init__(connect, moved)
        self._rules = rules
        self._first_look = first_look

    def offsets(self, places: Sequence[Place]) -> dict[Place, int]:
        """Where reading goes on in each partition that was ever read."""
        with self.transaction() as cursor:
            return _offsets(cursor, places)

    def begin(self, firsts: Mapping[Place, int]) -> None:
        """Write down where partitions begin that were never read; others stay where they are."""
        with self.transaction() as cursor:
            known = _offsets(cursor, list(firsts))
        new = {place: self._first_look(place, first) for place, first in firsts.items() if place not in known}
        with self.transaction() as cursor:
            for place, offset in sorted(new.items()):
                cursor.execute(
                    "insert into alert_offsets (topic, partition, next_offset) values (%s, %s, %s)"
                    " on conflict do nothing",
                    (*place, offset),
                )

    def skip(self, place: Place, stored: int, offset: int) -> None:
        """Move a partition without hearing what lies between."""
        self.take([], {place: Step(stored, offset)})

    def take(self, signals: Sequence[Signal], steps: Mapping[Place, Step]) -> list[Notice]:
        """Hear the signals of a batch and move its offsets, both or neither; what is to be told.

        Raises:
            ServiceUnavailable: PostgreSQL does not answer; offer the same batch again.
            OffsetsMoved: the partitions are elsewhere; nothing was written.
        """
        with self.transaction() as cursor:
            found = _offsets(cursor, list(steps), lock=True)
            for place, step in steps.items():
                at = found.get(place)
                if at != step.believed:
                    where = "{}[{}]".format(*place)
                    raise OffsetsMoved(f"{where} is at {at}, this alerter believed {step.believed}")
            notices = self._hear(cursor, signals)
            for place, step in steps.items():
                cursor.execute(
                    "update alert_offsets set next_offset = %s, written_at = now()"
                    " where topic = %s and partition = %s",
                    (step.next_offset, *place),
                )
        return _counted(notices)

    def elapse(self, places: Sequence[Place], now_ms: int) -> list[Notice]:
        """What time alone makes of the alerts of these partitions."""
        with self.transaction() as cursor:
            changed, told = [], []
            for alert in rows.due(cursor, places, now_ms):
                after, notices = elapse(alert, self._rules.of(alert.kind, alert.plant_id), now_ms)
                changed.append(after)
                told += notices
            rows.save(cursor, changed, told, self._rules)
            counts = rows.raised_counts(cursor)
        for severity in ("info", "warning", "critical"):
            metrics.ALERTS_RAISED.labels(severity).set(counts.get(severity, 0))
        return _counted(told)

    def abandoned(self, channels: Sequence[str]) -> dict[str, int]:
        """By channel, what waits for others than these."""
        with self.transaction() as cursor:
            cursor.execute(
                "select channel, count(*) from alert_deliveries where state in ('waiting', 'handed')"
                " and channel <> all(%s) group by channel",
                (list(channels),),
            )
            return dict(cursor.fetchall())

    def hear_stalls(self, look: Callable[[Sequence[Alert]], Sequence[Signal]]) -> list[Notice]:
        """Hear what `look` makes of the stalls that are not over; nothing while another alerter does."""
        with self.transaction() as cursor:
            cursor.execute("select pg_try_advisory_xact_lock(%s)", (_STALLS_LOCK,))
            if not (cursor.fetchone() or (False,))[0]:
                return []
            return _counted(self._hear(cursor, look(rows.open_of_kind(cursor, STALL))))

    def _hear(self, cursor: Cursor, signals: Sequence[Signal]) -> list[Notice]:
        alerts = rows.newest(cursor, [signal.key for signal in signals])
        touched: dict[str, Alert] = {}
        told: list[Notice] = []
        for signal in signals:
            changed, notices = hear(alerts.get(signal.key), signal, self._rules.for_signal(signal))
            _note(signal, alerts, changed)
            touched.update({alert.alert_id: alert for alert in changed})
            told += notices
        rows.save(cursor, list(touched.values()), told, self._rules)
        return told


def _note(signal: Signal, alerts: dict[Key, Alert], changed: Sequence[Alert]) -> None:
    metrics.ALERT_SIGNALS.labels(signal.kind, "heard" if changed else "passed_over").inc()
    if changed:
        alerts[signal.key] = changed[-1]


def _counted(notices: list[Notice]) -> list[Notice]:
    for notice in notices:
        metrics.ALERT_NOTICES.labels(notice.alert.kind, notice.what).inc()
        _log.info(
            "%s %s: %s %s %s", notice.what, notice.alert.alert_id, notice.alert.severity,
            notice.alert.plant_id or notice.alert.subject, notice.alert.message,
        )  # fmt: skip
    return notices


def _offsets(cursor: Cursor, places: Sequence[Place], lock: bool = False) -> dict[Place, int]:
    # Always in one order, so that two alerters that want the same rows never wait for each other in a circle.
    cursor.execute(
        "select topic, partition, next_offset from alert_offsets"
        " where (topic, partition) in (select * from unnest(%s::text[], %s::integer[]))"
        " order by topic, partition" + (" for update" if lock else ""),
        ([topic for topic, _ in places], [partition for _, partition in places]),
    )
    return {(topic, partition): offset for topic, partition, offset in cursor.fetchall()}


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
