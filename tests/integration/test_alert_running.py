"""`gridcast alerts` as a process: how it is, how it stops and ends, and the commands beside it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cli.main import run
from consumers.alerts.rules import read_rules
from infra.ending import EXIT_CRASHED
from infra.settings import Settings
from tests.integration.alert_help import (
    SECRET,
    Channels,
    HttpReceiver,
    alerter,
    delivered,
    event,
    events,
)  # fmt: skip
from tests.integration.sink_help import Wire, wait_until
from tests.integration.workers import await_true, running


def test_an_alerter_says_how_it_is_ends_when_it_hangs_and_stops_when_told(
    settings: Settings, tmp_path: Path
) -> None:
    wire = Wire(settings)
    with HttpReceiver() as hook:
        rules = str(Channels(tmp_path).webhook("ops", hook.url, 'timeout = "500ms"').path())
        dsn = wire.settings.postgres.get_secret_value()
        events(settings, event("wind-1"))
        with running(settings, "--rules", rules, command="alerts", postgres=dsn, stall_s=3.0) as first:
            first.wait_ready()
            await_true(lambda: len(hook.requests) == 1 and delivered(settings), worker=first)
            assert first.probe("/health").json()["ok"]
            shown = first.probe("/metrics").text
            assert 'gridcast_alert_deliveries_total{channel="ops",outcome="delivered"} 1.0' in shown
            assert 'gridcast_alert_signals_total{kind="outage",outcome="heard"} 1.0' in shown
            wire.freeze()
            events(settings, event("wind-2"))
            await_true(lambda: first.probe("/health").status_code == 503, worker=first)
            assert first.wait() == EXIT_CRASHED
            assert "has not moved for" in first.said()
        postgres = settings.postgres.get_secret_value()
        with running(settings, "--rules", rules, command="alerts", postgres=postgres) as second:
            await_true(lambda: len(hook.requests) == 2 and delivered(settings), worker=second)
            assert second.stop() == 0
        for process in (first, second):
            assert SECRET not in process.said() and postgres not in process.said()
    plants = [json.loads(one.body)["data"]["plant_id"] for one in hook.requests]
    assert plants == ["wind-1", "wind-2"]


def test_what_a_person_does_on_the_command_line(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("kafka", "postgres"):
        value = getattr(settings, name)
        text = value.get_secret_value() if name == "postgres" else value
        monkeypatch.setenv(f"GRIDCAST_{name.upper()}", text)
    with HttpReceiver((404,)) as hook:
        path = Channels(tmp_path).webhook("ops", hook.url).path()
        monkeypatch.setenv("GRIDCAST_ALERTS_FILE", str(path))

        def said(*arguments: str) -> Any:
            assert run(["alerts", *arguments, "--json"]) == 0
            return json.loads(capsys.readouterr().out)

        assert said("list") == said("dead") == []
        with alerter(settings, read_rules(path)):
            events(settings, event("wind-1"))
            wait_until(lambda: said("dead") != [] and delivered(settings), "it was refused")
            (shown,) = said("list")
            assert (shown["plant"], shown["state"], shown["acknowledged_by"]) == ("wind-1", "raised", None)
            assert said("ack", shown["alert_id"], "--by", "mo")["acknowledged_by"] == "mo"
            assert said("retry", f"{shown['alert_id']}-1") == {"deliveries": 1}
            wait_until(lambda: len(hook.requests) == 2 and said("dead") == [], "it was sent again")
        assert run(["alerts", "ack", "nothing"]) == 1
        assert "there is no alert 'nothing'" in capsys.readouterr().err
        assert run(["alerts", "retry"]) == 2
