"""Two running workers and releases: what must not be used changes nothing; one command rolls both back."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from infra.settings import Settings
from infra.topics import CHECKPOINTS, JOURNAL, PLANTS, REJECTED, RELEASES
from models import release_file
from models.snapshot import refusals_from
from tests.integration.bad_releases import BadRelease, bad_releases, chunks, record_of, release_of, sent
from tests.integration.test_worker_releases import models_by_issue, released
from tests.integration.workers import (
    PLANT_IDS,
    ROOT,
    START_MS,
    RunningWorker,
    await_true,
    caught_up,
    contents,
    hours_of_telemetry,
    plant_versions,
    running,
    send,
)

HOUR_MS = 3_600_000
KINDS = ("tampered", "without its second chunk", "never sent", "too large", "of other plants", "deadly")


def champions(worker: RunningWorker) -> set[str]:
    """Names of the releases that a worker's metrics show as champions."""
    shown = worker.probe("/metrics").text
    return set(re.findall(r'gridcast_release\{name="([^"]+)",role="champion",version="1"\} 1\.0', shown))


def everything_read(settings: Settings, worker: RunningWorker) -> None:
    for topic in (PLANTS, RELEASES, JOURNAL, RELEASES, JOURNAL):  # what is forwarded is read, too
        await_true(lambda topic=topic: caught_up(settings, topic), worker=worker)


def command(settings: Settings, *words: str) -> Any:
    """What a command of an operator's machine prints; it has a home of its own."""
    told = {"GRIDCAST_KAFKA": settings.kafka, "GRIDCAST_HOME": str(settings.home / "operator")}
    done = subprocess.run(
        [sys.executable, "-m", "cli", *words, "--json"],
        cwd=ROOT,
        env={**os.environ, **told},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def expect_refused(settings: Settings, bad: list[BadRelease]) -> None:
    """Each by each partition, with its bytes and why; and it is written down beside the states."""
    refused = [record for _, record in contents(settings, REJECTED)]
    assert {one["reason"] for one in refused} == {"bad_release"}
    for one in bad:
        told = [record["detail"] for record in refused if record["payload"] == one.sent[-1].value]
        assert len(told) == settings.partitions, one.what
        assert all(one.detail in detail for detail in told), one.what
    markers = {
        record["partition"]: record for name, record in contents(settings, CHECKPOINTS) if name == "Marker"
    }
    assert {len(refusals_from(marker["releases"])) for marker in markers.values()} == {len(bad)}


def expect_models(settings: Settings, meant: dict[str, range]) -> None:
    """By hour, which release made the forecasts of every plant."""
    hours = {(at - START_MS) // HOUR_MS: names for at, names in models_by_issue(settings).items()}
    for name, span in meant.items():
        assert {hour: hours[hour] for hour in span} == {hour: {name} for hour in span}


@pytest.mark.slow
def test_bad_releases_change_nothing_and_a_rollback_in_one_command_reaches_both_workers(
    settings: Settings, tmp_path: Path
) -> None:
    artifacts = {name: release_file.save(release_of(name)) for name in ("first", "second")}
    every = bad_releases(tmp_path / "unpickled", PLANT_IDS[0])
    bad = [one for one in every if one.what in KINDS]  # the others: test_refused_releases.py
    never_sent = next(one for one in bad if one.what == "never sent")
    with running(settings) as one, running(settings) as other:
        one.wait_ready()
        other.wait_ready()
        send(settings, plant_versions())
        everything_read(settings, one)
        send(settings, released("first", artifacts["first"], 0))
        everything_read(settings, one)
        send(settings, hours_of_telemetry(0, 2))
        everything_read(settings, one)
        send(settings, released("second", artifacts["second"], 120))
        everything_read(settings, one)
        send(settings, [record for release in bad for record in release.sent])
        everything_read(settings, one)
        send(settings, hours_of_telemetry(2, 4))
        everything_read(settings, one)
        await_true(lambda: champions(one) == champions(other) == {"second"}, 10)
        expect_refused(settings, bad)
        listed = {row["name"]: row for row in command(settings, "models", "list")}
        assert {name for name, row in listed.items() if row["serves"]} == {"second"}
        assert all(release.detail in listed[release.record.name]["refused"] for release in bad)
        gone = command(settings, "models", "rollback")
        assert (gone["withdrawn"]["name"], gone["serves"]["name"]) == ("second", "first")
        everything_read(settings, one)
        await_true(lambda: champions(one) == champions(other) == {"first"}, 10)
        send(settings, hours_of_telemetry(4, 6))
        everything_read(settings, one)
        for worker in (one, other):
            assert worker.process.poll() is None
            worker.kill()  # the last states may lie before the refusals
    whole = release_file.save(release_of("never-sent"))
    send(settings, sent(chunks(whole)))  # mended, after it was refused
    assert record_of("never-sent", whole, 0).artifact_sha256 == never_sent.record.artifact_sha256
    with running(settings) as worker:
        worker.wait_ready()
        send(settings, hours_of_telemetry(6, 8))
        everything_read(settings, worker)
        assert worker.stop() == 0
    expect_refused(settings, bad)
    expect_models(settings, {"first": range(1, 2), "second": range(3, 4)})
    expect_models(settings, {"first": range(5, 8)})
    assert not (tmp_path / "unpickled").exists()
