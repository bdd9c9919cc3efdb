"""Alerts, notices and deliveries as rows: every statement that reads or writes an alert."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from psycopg2.extras import execute_values

from consumers.alerts.events import moment, written
from consumers.alerts.incident import OVER, Alert, Notice
from consumers.alerts.rules import Rules
from consumers.alerts.signals import Key

if TYPE_CHECKING:
    from psycopg2.extensions import cursor as Cursor

_MS: Final = "_ms"
FIELDS: Final = tuple(field.name for field in fields(Alert))
COLUMNS: Final = tuple(name.removesuffix(_MS) for name in FIELDS)
_SELECT: Final = f"select {', '.join(COLUMNS)} from alerts"
_KEY: Final = "(kind, plant_id, unit_id, subject)"
_CHANGED: Final = ", ".join(f"{name} = excluded.{name}" for name in COLUMNS if name != "alert_id")


def newest(cursor: Cursor, keys: Iterable[Key]) -> dict[Key, Alert]:
    """The newest alert of each key, locked until the transaction ends; none of a key that never had one."""
    wanted = sorted(set(keys))
    if not wanted:
        return {}
    found = execute_values(
        cursor,
        f"{_SELECT} where alert_id in ("
        f" select distinct on {_KEY} alert_id from alerts where {_KEY} in (values %s)"
        f" order by {_KEY[1:-1]}, event_started_at desc, event_sequence desc"
        ") order by alert_id for update",
        wanted,
        fetch=True,
    )
    return {_key(alert): alert for alert in map(_alert, found)}


def due(cursor: Cursor, places: Sequence[tuple[str, int]], now_ms: int) -> list[Alert]:
    """Alerts of these partitions for which a wait has ended, locked."""
    if not places:
        return []
    found = execute_values(
        cursor,
        f"{_SELECT} where state in ('watching', 'raised') and (topic, partition) in (values %s)"
        " and least(raise_due, clear_due, case when event_open then remind_due end)"
        f" <= '{moment(now_ms).isoformat()}' order by alert_id for update",
        list(places),
        fetch=True,
    )
    return [_alert(row) for row in found]


def one(cursor: Cursor, alert_id: str) -> Alert | None:
    """An alert by its id, locked."""
    cursor.execute(f"{_SELECT} where alert_id = %s for update", (alert_id,))
    found = cursor.fetchone()
    return _alert(found) if found else None


def open_of_kind(cursor: Cursor, kind: str) -> list[Alert]:
    """Alerts of a kind that are not over."""
    cursor.execute(f"{_SELECT} where kind = %s and state not in %s", (kind, OVER))
    return [_alert(row) for row in cursor.fetchall()]


def listed(cursor: Cursor, everything: bool, limit: int) -> list[Alert]:
    """Raised alerts, or all that were ever told, the newest first."""
    states = ("raised", "cleared") if everything else ("raised",)
    cursor.execute(f"{_SELECT} where state in %s order by raised_at desc limit %s", (states, limit))
    return [_alert(row) for row in cursor.fetchall()]


def raised_counts(cursor: Cursor) -> dict[str, int]:
    """Raised alerts by severity."""
    cursor.execute("select severity, count(*) from alerts where state = 'raised' group by severity")
    return dict(cursor.fetchall())


def save(cursor: Cursor, alerts: Sequence[Alert], notices: Sequence[Notice], rules: Rules) -> None:
    """Write alerts as they are now, what is to be told of them, and to whom."""
    for alert in alerts:  # in this order: of a key the old one ends before the new one begins
        cursor.execute(
            f"insert into alerts ({', '.join(COLUMNS)}) values ({', '.join(['%s'] * len(COLUMNS))})"
            f" on conflict (alert_id) do update set {_CHANGED}",
            [_value(name, getattr(alert, name)) for name in FIELDS],
        )
    for notice in notices:
        cursor.execute(
            "insert into alert_notices (notice_id, alert_id, number, what, made_at, event)"
            " values (%s, %s, %s, %s, %s, %s)",
            (
                notice.notice_id, notice.alert.alert_id, notice.number, notice.what, moment(notice.at_ms),
                written(notice, rules.source),
            ),
        )  # fmt: skip
        for channel, target in _ways(notice, rules):
            cursor.execute(
                "insert into alert_deliveries (notice_id, channel, target, alert_id, number, state)"
                " values (%s, %s, %s, %s, %s, 'waiting')",
                (notice.notice_id, channel, target, notice.alert.alert_id, notice.number),
            )


def _ways(notice: Notice, rules: Rules) -> Iterable[tuple[str, str]]:
    """Who is told the end of an alert was told its beginning: the highest severity told decides."""
    alert = notice.alert
    for name in rules.of(alert.kind, alert.plant_id).channels:
        channel = rules.channel[name]
        if channel.wants(notice.what, alert.told_severity):
            yield from ((name, target) for target in channel.targets)


def _key(alert: Alert) -> Key:
    return alert.kind, alert.plant_id, alert.unit_id, alert.subject


def _value(name: str, value: Any) -> Any:
    if name.endswith(_MS):
        return None if value is None else moment(value)
    return json.dumps(dict(value)) if isinstance(value, Mapping) else value


def _alert(row: Sequence[Any]) -> Alert:
    return Alert(**{name: _field(value) for name, value in zip(FIELDS, row, strict=True)})


def _field(value: Any) -> Any:
    return round(value.timestamp() * 1000) if isinstance(value, datetime) else value
