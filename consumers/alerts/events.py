"""A notice as a CloudEvent 1.0 in JSON: made once, then sent as these bytes wherever and however often."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any, Final

from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent

from consumers.alerts.incident import Alert, Notice

CONTENT_TYPE: Final = JSONFormat.CONTENT_TYPE
_TYPE: Final = "gridcast.alert"


def written(notice: Notice, source: str) -> str:
    """The CloudEvent of a notice, as JSON text."""
    alert = notice.alert
    attributes: dict[str, Any] = {
        "id": notice.notice_id,
        "source": source,
        "type": f"{_TYPE}.{notice.what}.v1",
        "subject": "/".join(part for part in (alert.plant_id, alert.unit_id, alert.subject) if part)
        or alert.kind,
        "time": moment(notice.at_ms),
        "datacontenttype": "application/json",
        "partitionkey": key_of(alert),
        "severity": alert.severity,
    }
    return JSONFormat().write(CloudEvent(attributes, _data(notice))).decode()


def undelivered(text: str, channel: str, target: str, why: str) -> str:
    """The CloudEvent about a notice that a channel did not take; the notice itself is inside."""
    inner = json.loads(text)
    attributes: dict[str, Any] = {
        "id": f"{inner['id']}:{channel}:{target}" if target else f"{inner['id']}:{channel}",
        "source": inner["source"],
        "type": f"{_TYPE}.undelivered.v1",
        "subject": inner["subject"],
        "time": datetime.fromisoformat(inner["time"]),
        "datacontenttype": "application/json",
        "partitionkey": inner["partitionkey"],
        "severity": inner["severity"],
    }
    data = {"channel": channel, "target": target, "reason": why, "event": inner}
    return JSONFormat().write(CloudEvent(attributes, data)).decode()


def key_of(alert: Alert) -> str:
    """The key of its records: the plant, or what stands still."""
    return alert.plant_id or alert.subject or alert.kind


def moment(time_ms: int) -> datetime:
    """Epoch milliseconds as a time in UTC."""
    return datetime.fromtimestamp(time_ms / 1000, UTC)


def _data(notice: Notice) -> dict[str, Any]:
    alert = notice.alert
    return {
        "alert_id": alert.alert_id,
        "notice": notice.number,
        "what": notice.what,
        "state": alert.state,
        "kind": alert.kind,
        "plant_id": alert.plant_id,
        "unit_id": alert.unit_id,
        "subject": alert.subject,
        "rule": alert.rule,
        "severity": alert.severity,
        "message": alert.message,
        "energy_kwh": round(alert.total_kwh, 3),
        "expected_kw": alert.expected_kw,
        "actual_kw": alert.actual_kw,
        "evidence": dict(alert.evidence),
        "started_at": _iso(alert.started_at_ms),
        "event": {
            "started_at": _iso(alert.event_started_at_ms),
            "sequence": alert.event_sequence,
            "event_time": _iso(alert.event_time_ms),
        },
        "raised_at": _iso(alert.raised_at_ms),
        "cleared_at": _iso(alert.cleared_at_ms),
        "acknowledged_at": _iso(alert.acked_at_ms),
        "acknowledged_by": alert.acked_by,
        "note": alert.ack_note,
    }


def _iso(time_ms: int | None) -> str | None:
    return None if time_ms is None else moment(time_ms).isoformat().replace("+00:00", "Z")
