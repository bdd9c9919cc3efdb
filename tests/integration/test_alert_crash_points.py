"""An alerter is killed at the points of its work: nothing is lost, and nobody is told twice.

Points that differ only in what the next one finds in PostgreSQL are tried in `test_alert_outbox.py`.
"""

from __future__ import annotations

import signal
from collections import Counter
from pathlib import Path

import pytest

from infra import topics
from infra.settings import Settings
from tests.integration import crashing_alerter as points
from tests.integration.alert_help import (
    Channels,
    HttpReceiver,
    MailReceiver,
    alerter,
    delivered,
    event,
    events,
    states,
    told,
)
from tests.integration.crashes import take_out_of_the_group
from tests.integration.sink_help import ask, wait_until
from tests.integration.workers import RunningWorker

CRASHING = "tests.integration.crashing_alerter"
#: A point, and the channel whose delivery it is a point of.
LIVES = (
    (points.KILLED_BEFORE_COMMIT, ""),
    (points.KILLED_AFTER_SENT, "grid"),
    (points.KILLED_AFTER_SENT, "hook"),
    (points.KILLED_BEFORE_SENT, "mail"),
    (points.KILLED_AFTER_SENT, "mail"),
)


@pytest.mark.slow
def test_an_alerter_killed_at_any_point_loses_nothing_and_tells_nobody_twice(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with HttpReceiver() as hook, MailReceiver() as mails:
        channels = Channels(tmp_path).topic("grid").webhook("hook", hook.url).mail("mail", mails.port)
        file = channels.path()
        for life, (point, channel) in enumerate(LIVES):
            events(settings, event(f"plant-{life}"))
            killed = crashing(settings, monkeypatch, file, point, channel)
            assert killed.wait(30) == -signal.SIGKILL, killed.said()
        take_out_of_the_group(settings, settings.alerts_group)
        plants = {f"plant-{life}" for life in range(len(LIVES))}
        with alerter(settings, channels.rules()):
            wait_until(lambda: delivered(settings) and counted(settings) == len(plants), "everything is told")

    notices = {one["id"]: one["data"]["plant_id"] for one in told(settings)}
    assert set(notices.values()) == plants
    assert ask(settings, "select count(*), count(distinct plant_id) from alerts") == [(len(plants),) * 2]
    # The topic holds each once; a receiver of webhooks that looks at their id acts on each once.
    assert Counter(one["id"] for one in told(settings)) == dict.fromkeys(notices, 1)
    bodies = {(one.identity, one.body) for one in hook.requests}
    assert Counter(identity for identity, _ in bodies) == dict.fromkeys(notices, 1)
    assert max(Counter(one.identity for one in hook.requests).values()) > 1, "none was sent again"
    # No mail comes twice; those that a crash left in doubt are said to be, what did not come among them.
    arrived = Counter(str(one["Message-ID"])[1:].partition("@")[0] for one in mails.mails)
    assert set(arrived.values()) == {1}
    doubted = {one["data"]["event"]["id"] for one in told(settings, topics.ALERTS_DEAD)}
    assert len(doubted) >= 2
    assert notices.keys() - arrived.keys() <= doubted
    assert arrived.keys() & doubted, "the mail whose yes was not noted"
    found = states(settings)
    assert set(found["grid", ""]) == set(found["hook", ""]) == {"delivered"}
    mailed = {"in_doubt": len(doubted), "delivered": len(notices) - len(doubted)}
    assert Counter(found["mail", "ops@example.org"]) == mailed


def counted(settings: Settings) -> int:
    return int(ask(settings, "select count(*) from alerts where state = 'raised'")[0][0])


def crashing(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, rules: Path, point: str, channel: str
) -> RunningWorker:
    monkeypatch.setenv("CRASH_POINT", point)
    monkeypatch.setenv("CRASH_CHANNEL", channel)
    take_out_of_the_group(settings, settings.alerts_group)
    postgres = settings.postgres.get_secret_value()
    return RunningWorker(
        settings, "--rules", str(rules), module=CRASHING, command="alerts", postgres=postgres
    )
