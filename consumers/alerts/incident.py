"""What becomes of an alert, step by step. Pure: signals, rules and times go in, the alert and what is to be
told come out.

    watching --(as severe as the rule says, for so long)--> raised --(over, for so long)--> cleared
        `----(over, for so long)--> passed

One alert may span several events of one plant, unit and detector: what closes and opens again within
`clear_after` is still the same, so a fault that flaps is told once. Energy adds up over its events.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from consumers.alerts.rules import Rule
from consumers.alerts.signals import Signal, rank

WATCHING: Final = "watching"
RAISED: Final = "raised"
CLEARED: Final = "cleared"
PASSED: Final = "passed"
OVER: Final = (CLEARED, PASSED)

WORSE: Final = "worse"
REMINDER: Final = "reminder"
ACKNOWLEDGED: Final = "acknowledged"
#: What can be told of an alert, in the order of its life.
TOLD: Final = (RAISED, WORSE, REMINDER, ACKNOWLEDGED, CLEARED)


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert. Times are milliseconds since 1970, energies kWh.

    `energy_before_kwh` is of its events that have closed, `energy_kwh` of the newest one. `told_severity`:
    the highest that anybody was told. `due`: when it raises, clears, or is told again, if nothing happens.
    """

    alert_id: str
    kind: str
    plant_id: str
    unit_id: str
    subject: str
    topic: str
    partition: int
    rule: str
    state: str
    severity: str
    told_severity: str
    energy_before_kwh: float
    energy_kwh: float
    started_at_ms: int
    event_started_at_ms: int
    event_sequence: int
    event_time_ms: int
    event_open: bool
    message: str
    expected_kw: float | None = None
    actual_kw: float | None = None
    evidence: Mapping[str, float] = field(default_factory=dict)
    raise_due_ms: int | None = None
    clear_due_ms: int | None = None
    remind_due_ms: int | None = None
    raised_at_ms: int | None = None
    cleared_at_ms: int | None = None
    acked_at_ms: int | None = None
    acked_by: str | None = None
    ack_note: str | None = None
    notices: int = 0

    @property
    def order(self) -> tuple[int, int]:
        """The place of the newest signal that it holds."""
        return self.event_started_at_ms, self.event_sequence

    @property
    def total_kwh(self) -> float:
        """Energy of all its events."""
        return self.energy_before_kwh + self.energy_kwh


@dataclass(frozen=True, slots=True)
class Notice:
    """Something to be told about an alert as it stood then. `number` counts the alert's notices from 1."""

    what: str
    alert: Alert
    at_ms: int

    @property
    def number(self) -> int:
        """Its place among the alert's notices."""
        return self.alert.notices

    @property
    def notice_id(self) -> str:
        """Its identity, wherever and however often it is sent."""
        return f"{self.alert.alert_id}-{self.number}"


Outcome = tuple[Alert, list[Notice]]


def hear(alert: Alert | None, signal: Signal, rule: Rule) -> tuple[list[Alert], list[Notice]]:
    """What a signal makes of the newest alert of its key: the alerts that it changes or begins, in order.

    A repeat changes nothing. The end of something that nobody watched, and history, begin nothing.
    """
    if alert is not None and signal.order <= alert.order:
        return [], []
    changed: list[Alert] = []
    told: list[Notice] = []
    if alert is not None and alert.state not in OVER:
        alert, told = elapse(alert, rule, signal.logged_at_ms)
        changed = [alert]
    if alert is not None and alert.state not in OVER:
        alert, more = _settled(_followed(alert, signal), rule, signal)
        return [alert], told + more
    begun = _begun(signal, rule)
    return ([*changed, begun[0]], told + begun[1]) if begun else (changed, told)


def elapse(alert: Alert, rule: Rule, now_ms: int) -> Outcome:
    """What time alone makes of an alert."""
    if alert.state == WATCHING and _is_due(alert.raise_due_ms, now_ms):
        raised = replace(
            alert, state=RAISED, raised_at_ms=now_ms, raise_due_ms=None, told_severity=alert.severity,
            remind_due_ms=None if alert.acked_at_ms else _later(now_ms, rule.repeat_every_s),
        )  # fmt: skip
        return _told(raised, RAISED, now_ms)
    if alert.state == WATCHING and _is_due(alert.clear_due_ms, now_ms):
        return replace(alert, state=PASSED, cleared_at_ms=now_ms, clear_due_ms=None, raise_due_ms=None), []
    if alert.state == RAISED and _is_due(alert.clear_due_ms, now_ms):
        ended = replace(alert, state=CLEARED, cleared_at_ms=now_ms, clear_due_ms=None, remind_due_ms=None)
        return _told(ended, CLEARED, now_ms)
    if alert.state == RAISED and alert.event_open and _is_due(alert.remind_due_ms, now_ms):
        again = replace(alert, remind_due_ms=_later(now_ms, rule.repeat_every_s))
        return _told(again, REMINDER, now_ms)
    return alert, []


def acknowledge(alert: Alert, by: str, note: str, now_ms: int) -> Outcome:
    """Somebody has taken it up: no reminder any more until it closes. A second one changes nothing."""
    if alert.acked_at_ms is not None or alert.state in OVER:
        return alert, []
    taken = replace(alert, acked_at_ms=now_ms, acked_by=by, ack_note=note, remind_due_ms=None)
    return _told(taken, ACKNOWLEDGED, now_ms) if alert.state == RAISED else (taken, [])


def _begun(signal: Signal, rule: Rule) -> Outcome | None:
    history = signal.logged_at_ms - signal.event_time_ms > rule.too_old_s * 1000
    if not signal.open or history or not rule.channels:
        return None
    identity = "|".join(map(str, (*signal.key, *signal.order)))
    alert = Alert(
        alert_id=hashlib.sha256(identity.encode()).hexdigest()[:16],
        kind=signal.kind, plant_id=signal.plant_id, unit_id=signal.unit_id, subject=signal.subject,
        topic=signal.topic, partition=signal.partition, rule=rule.name, state=WATCHING,
        severity=signal.severity, told_severity="info", energy_before_kwh=0.0, energy_kwh=0.0,
        started_at_ms=signal.started_at_ms, event_started_at_ms=signal.started_at_ms,
        event_sequence=signal.sequence, event_time_ms=signal.event_time_ms, event_open=True,
        message=signal.message,
    )  # fmt: skip
    return _settled(_followed(alert, signal), rule, signal)


def _followed(alert: Alert, signal: Signal) -> Alert:
    """The alert with what the signal says."""
    new = signal.started_at_ms != alert.event_started_at_ms
    return replace(
        alert,
        energy_before_kwh=alert.total_kwh if new else alert.energy_before_kwh,
        energy_kwh=signal.energy_kwh, severity=signal.severity, message=signal.message,
        expected_kw=signal.expected_kw, actual_kw=signal.actual_kw, evidence=dict(signal.evidence),
        event_started_at_ms=signal.started_at_ms, event_sequence=signal.sequence,
        event_time_ms=signal.event_time_ms, event_open=signal.open,
    )  # fmt: skip


def _settled(alert: Alert, rule: Rule, signal: Signal) -> Outcome:
    """The alert with its waits as they follow from what it says now, and what is due at once."""
    now_ms = signal.logged_at_ms
    severe = rank(alert.severity) >= rank(rule.raise_at.severity)
    raises = alert.event_open and severe and alert.total_kwh >= rule.raise_at.energy_kwh
    if alert.state == WATCHING:
        after_s = 0.0 if signal.lasts_ms is not None else rule.raise_after_s
        raise_due_ms = (alert.raise_due_ms or _later(now_ms, after_s, never=None)) if raises else None
        over = not alert.event_open
    else:
        raise_due_ms = None
        low = rank(alert.severity) < rank(rule.clear_under.severity)
        over = not alert.event_open or low or alert.energy_kwh < rule.clear_under.energy_kwh
    clear_due_ms = (alert.clear_due_ms or now_ms + round(rule.clear_after_s * 1000)) if over else None
    if signal.lasts_ms is not None:
        clear_due_ms = now_ms + signal.lasts_ms
    alert = replace(alert, raise_due_ms=raise_due_ms, clear_due_ms=clear_due_ms)
    worse = alert.state == RAISED and alert.event_open
    if worse and rank(alert.severity) > rank(alert.told_severity):
        return _told(replace(alert, told_severity=alert.severity), WORSE, now_ms)
    return elapse(alert, rule, now_ms)


def _told(alert: Alert, what: str, at_ms: int) -> Outcome:
    counted = replace(alert, notices=alert.notices + 1)
    return counted, [Notice(what, counted, at_ms)]


def _is_due(due_ms: int | None, now_ms: int) -> bool:
    return due_ms is not None and due_ms <= now_ms


def _later(now_ms: int, after_s: float, never: float | None = 0.0) -> int | None:
    """`after_s` from now; None where the wait is `never`."""
    return None if after_s == never else now_ms + round(after_s * 1000)
