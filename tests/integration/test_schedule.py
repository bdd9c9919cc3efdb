"""`gridcast schedule`: from a trigger in PostgreSQL to a release on the topic, and back again."""

from __future__ import annotations

import json
import logging
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from cli.main import run
from consumers.releases import champion, manifest_of, release_records, shadow
from infra.settings import Settings
from tests import output_records as made
from tests.integration.sink_help import CODEC, ask, send, sink_all, wait_until
from tests.integration.test_train_cli import DAYS, HOUR_MS, call, history

ROOT = Path(__file__).parents[2]
FIRST_MS = 1_600_000_400_000 // HOUR_MS * HOUR_MS
END_MS = FIRST_MS + DAYS * 24 * HOUR_MS


@pytest.fixture
def deployed(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """One plant with a history in PostgreSQL, and commands that find the servers."""
    monkeypatch.setenv("GRIDCAST_KAFKA", settings.kafka)
    monkeypatch.setenv("GRIDCAST_POSTGRES", settings.postgres.get_secret_value())
    monkeypatch.setenv("GRIDCAST_HOME", str(settings.home))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    send(settings, *history("ridge", FIRST_MS, 1))
    sink_all(settings)
    return settings


def once(capsys: pytest.CaptureFixture[str], *options: str) -> list[dict[str, Any]]:
    """What `gridcast schedule --once` says, progress left out."""
    capsys.readouterr()
    handlers = logging.getLogger().handlers[:]
    code = run(["schedule", "--once", "--fast", "--json", "--cron", "", *options])
    logging.getLogger().handlers[:] = handlers  # those of the command write to what is captured no more
    out, errors = capsys.readouterr()
    assert code == 0, errors
    said = [json.loads(line) for line in out.splitlines()]
    return [one for one in said if one["event"] != "progress"]


def live_scores(days: int, **pinball_kw: float) -> list[dict[str, Any]]:
    """Scores of two versions side by side, hourly at 6 h, as the engine writes them."""
    versions = list(pinball_kw)
    return [
        made.score(
            "ridge",
            valid_at=END_MS + hour * HOUR_MS,
            known_at=END_MS + hour * HOUR_MS,
            lead_s=[21_600] * 2,
            issued_at=[END_MS + (hour - 6) * HOUR_MS] * 2,
            model=["gridcast"] * 2,
            version=[version.removeprefix("v") for version in versions],
            rung=[0, 0],
            actual_kw=[400.0 + 200.0 * (hour // 6 % 2)] * 2,
            median_kw=[390.0 + 200.0 * (hour // 6 % 2)] * 2,
            low_kw=[400.0] * 2,
            high_kw=[600.0] * 2,
            inside=[True] * 2,
            pinball_kw=[pinball_kw[version] + hour % 7 for version in versions],
        )
        for hour in range(days * 24)
    ]


@pytest.mark.slow
def test_a_new_plant_is_trained_a_drift_waits_for_days_and_a_bad_champion_is_withdrawn(
    deployed: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    started, ended = once(capsys)
    assert (started["event"], started["triggers"]) == ("training", ["new_plant"])
    assert (ended["event"], ended["version"]) == ("promoted", "1"), ended["text"]
    (row,) = ask(deployed, "select outcome, because, keys, name, version from trainings")
    assert row[0] == "promoted" and "no release was trained on ridge" in row[1]
    assert row[2:] == (["new_plant:ridge"], "gridcast", "1")
    serves = champion(release_records(deployed, CODEC), "ridge")
    assert serves is not None and manifest_of(serves)["verdict"]["promoted"]

    # Nothing is left to do; then a drift event of the champion is, once the pause is over.
    assert [one["event"] for one in once(capsys)] == ["nothing"]
    send(deployed, ("DriftEvent", [made.drift("ridge", model="gridcast", version="1")]))
    sink_all(deployed)
    assert [one["event"] for one in once(capsys)] == ["waiting", "nothing"]
    ask(
        deployed,
        "update trainings set started_at = started_at - interval '2 days',"
        " ended_at = ended_at - interval '2 days'",
    )
    started, ended = once(capsys)
    assert started["triggers"] == ["drift"]
    assert ended["event"] == "too_early" and "too few days" in ended["text"]

    # A champion that does worse live than the one before it, which runs on as a shadow, is withdrawn.
    assert call(capsys, "train", "--fast", "--force", "--no-refit")["shadows"] == ["gridcast 1"]
    beside = shadow(release_records(deployed, CODEC), "ridge")
    assert beside is not None and beside.version == "1"
    send(deployed, ("Score", live_scores(10, v2=30.0, v1=20.0)))
    sink_all(deployed)
    beside = call(capsys, "models", "compare", "2", "1")
    assert beside["all"]["days"] == 11 and beside["all"]["test"]["p_worse"] < 0.05
    assert beside["plants"]["ridge"]["loss"] > beside["plants"]["ridge"]["reference"]
    (rolled,) = [one for one in once(capsys) if one["event"] == "rolled_back"]
    assert rolled["live"]["days"] == 11 and rolled["live"]["test"]["p_worse"] < 0.05
    records = release_records(deployed, CODEC)
    serves = champion(records, "ridge")
    assert serves is not None and serves.version == "1"
    withdrawn = [one for one in records if one.version == "2"][-1]
    assert "does worse live than gridcast 1" in manifest_of(withdrawn)["withdrawn"]["reason"]
    assert not [one for one in once(capsys) if one["event"] == "rolled_back"], "once is enough"
    shown = call(capsys, "schedule", "--runs")
    assert [one["outcome"] for one in shown] == ["promoted", "too_early", "promoted", "rolled_back"]


def test_a_schedule_ends_at_a_word_and_its_training_with_it(deployed: Settings) -> None:
    command = [sys.executable, "-m", "cli", "schedule", "--json", "--cron", ""]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        assert json.loads(process.stdout.readline())["event"] == "training"
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        rest = [json.loads(line) for line in process.stdout]
        assert process.wait(30) == 0
        assert time.monotonic() - began < 20
        assert rest[-1]["event"] == "stopped"
    finally:
        process.kill()
    assert release_records(deployed, CODEC) == []
    locks = "select count(*) from pg_locks where locktype = 'advisory'"
    wait_until(lambda: ask(deployed, locks) == [(0,)], "the lock of the training that was ended is free")
