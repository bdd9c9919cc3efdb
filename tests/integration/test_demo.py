"""The demo at a small scale: every promise but those of skill, which need more of a history."""

import json
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from cli.demo.plan import Plan, standard
from cli.demo.run import play

#: As the contract has them.
KEYS = {
    "seconds", "kafka", "postgres", "plants", "records_in", "records_rejected", "forecasts", "anomalies",
    "drift_events", "lag_records", "rows", "release", "latency_ms", "scores",
}  # fmt: skip


def _small() -> Plan:
    return replace(
        standard(),
        history_days=16,
        first_h=24,
        second_h=18,
        seconds_a_day=10.0,
        bad_records_h=2.0,
        repeats_h=4.0,
        silent_from_h=6.0,
        silent_to_h=10.0,
        train_h=11.0,
        kill_after_h=2.0,
        held_back_days=2,
        held_back_again_days=1,
    )


@pytest.mark.slow
def test_a_small_demo_keeps_its_promises_and_leaves_only_its_results(tmp_path: Path) -> None:
    told = play(tmp_path, _small(), keep=False)

    broken = [one for one in told.promises if not one.kept and "beats persistence" not in one.text]
    assert not broken, broken
    summary = json.loads((tmp_path / "demo" / "summary.json").read_text())
    assert set(summary) == KEYS
    assert summary["forecasts"] == summary["rows"]["forecasts"] > 0
    assert set(summary["scores"]["serf-east"]["1h"]) == {"n", "nmae", "nmae_persistence", "coverage80"}
    assert (tmp_path / "demo" / "forecasts.png").read_bytes().startswith(b"\x89PNG")
    (run,) = (tmp_path / "demo").glob("run-*")
    assert [path.name for path in run.iterdir()] == ["logs"]
    assert not _processes_of(run)


def _processes_of(run: Path) -> list[int]:
    found = []
    for process in psutil.process_iter():
        try:
            known = [*process.cmdline(), *process.environ().values()]
        except psutil.Error:
            continue
        if process.pid != psutil.Process().pid and any(str(run) in text for text in known):
            found.append(process.pid)
    return found
