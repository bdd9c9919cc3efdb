"""What becomes of an alert: raised once, told when worse, over after a while, and not for a flap."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from consumers.alerts.incident import CLEARED, OVER, PASSED, RAISED, Alert, Notice, acknowledge, elapse, hear
from consumers.alerts.rules import Rule, Threshold
from consumers.alerts.signals import DRIFT, DRIFT_LASTS_MS, Signal

T0 = 1_700_000_000_000
MINUTE = 60_000
HOUR = 60 * MINUTE


def rule(**fields: Any) -> Rule:
    return Rule.model_validate({"name": "a", "channels": ("grid",), "repeat_every": "0s", **fields})


def signal(minute: float = 0, sequence: int = 0, started: float = 0, **fields: Any) -> Signal:
    at = T0 + round(minute * MINUTE)
    told: dict[str, Any] = {
        "kind": "outage", "plant_id": "a", "unit_id": "", "subject": "", "open": True, "severity": "warning",
        "energy_kwh": 10.0, "event_time_ms": at, "logged_at_ms": at, "message": "it stands",
    }  # fmt: skip
    return Signal(started_at_ms=T0 + round(started * MINUTE), sequence=sequence, **(told | fields))


class Life:
    """An alert followed through signals and time."""

    def __init__(self, by: Rule) -> None:
        self.rule = by
        self.alerts: list[Alert] = []
        self.notices: list[Notice] = []

    def hear(self, one: Signal) -> None:
        changed, told = hear(self.alerts[-1] if self.alerts else None, one, self.rule)
        self._keep(changed, told)

    def wait(self, minute: float) -> None:
        alert, told = elapse(self.alerts[-1], self.rule, T0 + round(minute * MINUTE))
        self._keep([alert], told)

    def _keep(self, changed: list[Alert], told: list[Notice]) -> None:
        for alert in changed:
            same = [place for place, one in enumerate(self.alerts) if one.alert_id == alert.alert_id]
            if same:
                self.alerts[same[0]] = alert
            else:
                self.alerts.append(alert)
        self.notices += told

    @property
    def told(self) -> list[str]:
        return [one.what for one in self.notices]


def test_a_fault_that_flaps_is_told_once_and_its_energy_adds_up() -> None:
    life = Life(rule(clear_after="30min"))
    for number in range(5):
        life.hear(signal(10 * number, 0, started=10 * number))
        life.hear(signal(10 * number + 5, 1, started=10 * number, open=False))
    assert life.told == ["raised"]
    assert life.alerts[0].total_kwh == 50.0
    life.wait(74)
    assert life.told == ["raised"]
    life.wait(75)
    assert life.told == ["raised", "cleared"]
    assert life.alerts[0].state == CLEARED
    life.hear(signal(100, 0, started=100))
    assert life.told == ["raised", "cleared", "raised"]
    assert len({one.notice_id for one in life.notices}) == 3


def test_severity_and_energy_must_both_be_reached_and_hold_for_so_long() -> None:
    life = Life(rule(raise_at={"severity": "critical", "energy_kwh": 100}, raise_after="20min"))
    life.hear(signal(0, 0, severity="critical", energy_kwh=10))
    life.hear(signal(1, 1, severity="warning", energy_kwh=500))
    life.hear(signal(2, 2, severity="critical", energy_kwh=500))
    life.hear(signal(10, 3, severity="warning", energy_kwh=500))
    life.wait(30)
    assert life.told == []
    life.hear(signal(40, 4, severity="critical", energy_kwh=600))
    life.wait(59)
    assert life.told == []
    life.wait(60)
    assert life.told == ["raised"]


def test_what_is_over_before_it_was_told_is_never_told() -> None:
    life = Life(rule(raise_after="20min", clear_after="30min"))
    life.hear(signal(0))
    life.hear(signal(10, 1, open=False))
    life.wait(45)
    assert life.told == []
    assert life.alerts[0].state == PASSED


def test_a_raised_alert_stays_until_it_is_under_the_lower_threshold() -> None:
    both = {"raise_at": {"severity": "critical"}, "clear_under": {"severity": "warning"}, "clear_after": "0s"}
    life = Life(rule(**both))
    life.hear(signal(0, severity="critical"))
    life.hear(signal(1, 1, severity="warning"))
    life.hear(signal(2, 2, severity="critical"))
    assert life.told == ["raised"]
    life.hear(signal(3, 3, severity="info"))
    assert life.told == ["raised", "cleared"]


def test_a_worse_one_is_told_once_and_a_reminder_until_somebody_takes_it_up() -> None:
    life = Life(rule(repeat_every="1h"))
    life.hear(signal(0))
    for minute in (59, 60, 90, 119, 120):
        life.wait(minute)
    life.hear(signal(121, 1, severity="critical"))
    life.hear(signal(122, 2, severity="warning"))
    life.hear(signal(123, 3, severity="critical"))
    assert life.told == ["raised", "reminder", "reminder", "worse"]
    alert, told = acknowledge(life.alerts[0], "mo", "", T0 + 124 * MINUTE)
    assert [one.what for one in told] == ["acknowledged"]
    assert elapse(alert, life.rule, T0 + 999 * MINUTE) == (alert, [])
    assert acknowledge(alert, "li", "", T0) == (alert, [])


def test_time_that_passed_while_nobody_looked_counts_before_the_next_signal() -> None:
    life = Life(rule(raise_after="20min", clear_after="30min"))
    life.hear(signal(0))
    life.hear(signal(300, 1, open=False))
    life.hear(signal(400, 0, started=400))
    assert life.told == ["raised", "cleared"]
    assert [one.state for one in life.alerts] == [CLEARED, "watching"]


def test_history_mutes_and_ends_of_what_nobody_watched_begin_nothing() -> None:
    for life, one in (
        (Life(rule()), signal(0, logged_at_ms=T0 + 25 * HOUR)),
        (Life(rule(channels=())), signal(0)),
        (Life(rule()), signal(0, 3, open=False)),
    ):
        life.hear(one)
        assert (life.alerts, life.notices) == ([], [])


def test_drift_is_over_when_none_was_told_for_days() -> None:
    life = Life(rule(raise_after="1h", clear_after="0s"))
    drift = {"kind": DRIFT, "subject": "error", "lasts_ms": DRIFT_LASTS_MS}
    life.hear(signal(0, **drift))
    life.hear(signal(3 * 24 * 60, started=3 * 24 * 60, **drift))
    life.wait(5 * 24 * 60)
    assert life.told == ["raised"]
    life.wait(7 * 24 * 60)
    assert life.told == ["raised", "cleared"]


SIGNALS = st.lists(
    st.tuples(
        st.integers(0, 90), st.sampled_from(["info", "warning", "critical"]), st.booleans(), st.floats(0, 1e4)
    ),
    max_size=25,
)


@given(SIGNALS, st.sampled_from([0, 10, 45]), st.sampled_from([0, 10, 45]), st.integers(0, 3))
def test_each_alert_is_raised_at_most_once_and_ends_at_most_once_whatever_comes(
    pauses: list[tuple[int, str, bool, float]], raise_min: int, clear_min: int, repeat: int
) -> None:
    life = Life(
        rule(
            raise_after=f"{raise_min}min", clear_after=f"{clear_min}min",
            raise_at=Threshold(severity="warning", energy_kwh=100.0).model_dump(),
        )
    )  # fmt: skip
    minute, started, sequence, heard = 0, 0, 0, []
    for pause, severity, open_, energy_kwh in pauses:
        minute += pause + 1
        one = signal(minute, sequence, started, severity=severity, open=open_, energy_kwh=energy_kwh)
        heard.append(one)
        life.hear(one)
        started, sequence = (minute + 1, 0) if not open_ else (started, sequence + 1)
        for again in heard[-repeat:] if repeat else []:
            before = (list(life.alerts), list(life.notices))
            if life.alerts and again.order <= life.alerts[-1].order:
                life.hear(again)
                assert (life.alerts, life.notices) == before
    if life.alerts:
        life.wait(minute + 1000)
    for alert in life.alerts:
        own = [one.what for one in life.notices if one.alert.alert_id == alert.alert_id]
        assert own.count("raised") == (alert.raised_at_ms is not None)
        assert own.count("cleared") == (alert.state == CLEARED)
        assert not own or own[0] == "raised"
        assert own.count("worse") <= 1
        assert [one.number for one in life.notices if one.alert.alert_id == alert.alert_id] == list(
            range(1, len(own) + 1)
        )
        assert "raised" not in own or alert.state in (RAISED, CLEARED)
    assert all(one.state in OVER for one in life.alerts[:-1])
