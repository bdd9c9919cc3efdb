"""What a person does with alerts: the functions of the command line and of the API."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from consumers.alerts import rows
from consumers.alerts.incident import OVER, Alert, acknowledge
from consumers.alerts.rules import DEAD, Rules
from consumers.alerts.store import Base
from infra import metrics
from infra.postgres import connect
from schemas.errors import InputError

if TYPE_CHECKING:
    from psycopg2.extensions import cursor as Cursor

    from infra.settings import Settings


class NoAlert(InputError):
    """There is no such alert."""


def acknowledge_alert(settings: Settings, rules: Rules, alert_id: str, by: str, note: str = "") -> Alert:
    """Take an alert up: no reminder any more until it closes. A second time changes nothing.

    Raises:
        InputError: there is no such alert, or it is over.
        ServiceUnavailable: PostgreSQL does not answer.
    """
    with _transaction(settings) as cursor:
        return take_up(cursor, rules, alert_id, by, note)


def take_up(cursor: Cursor, rules: Rules, alert_id: str, by: str, note: str = "") -> Alert:
    """The same in a transaction of the caller's.

    Raises:
        NoAlert: there is no such alert.
        InputError: it is over.
    """
    alert = rows.one(cursor, alert_id)
    if alert is None:
        raise NoAlert(f"there is no alert {alert_id!r}: `gridcast alerts list` shows them")
    if alert.state in OVER:
        raise InputError(f"alert {alert_id} is over already")
    taken, told = acknowledge(alert, by, note, round(time.time() * 1000))
    if taken is not alert:
        rows.save(cursor, [taken], told, rules)
    for notice in told:
        metrics.ALERT_NOTICES.labels(alert.kind, notice.what).inc()
    return taken


def list_alerts(settings: Settings, everything: bool = False, limit: int = 100) -> list[Alert]:
    """Alerts that are raised, or all that ever were, the newest first."""
    with _transaction(settings) as cursor:
        return rows.listed(cursor, everything, limit)


def dead_deliveries(settings: Settings, limit: int = 100) -> list[dict[str, Any]]:
    """Deliveries that nobody took, were refused, or are in doubt, the newest first."""
    with _transaction(settings) as cursor:
        cursor.execute(
            "select notice_id, channel, target, state, attempts, ended_at, detail from alert_deliveries"
            " where state in ('dead', 'in_doubt') order by ended_at desc limit %s",
            (limit,),
        )
        names = ("notice_id", "channel", "target", "state", "attempts", "ended_at", "detail")
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def send_again(settings: Settings, notice_id: str | None = None) -> int:
    """Put dead letters back to be sent, one notice's or all; returns how many deliveries."""
    with _transaction(settings) as cursor:
        cursor.execute(
            "update alert_deliveries set state = 'waiting', attempts = 0, queued_at = now(),"
            " next_try_at = now(), ended_at = null"
            " where state in ('dead', 'in_doubt') and channel <> %s and (%s is null or notice_id = %s)",
            (DEAD, notice_id, notice_id),
        )
        return int(cursor.rowcount)


@contextmanager
def _transaction(settings: Settings) -> Iterator[Cursor]:
    with (
        closing(Base(partial(connect, settings, "gridcast-alerts-desk"))) as base,
        base.transaction() as cursor,
    ):
        yield cursor
