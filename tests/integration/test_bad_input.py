"""Bad records among good ones, on a real Kafka, through a worker and a sink into PostgreSQL.

Each is refused once, with its bytes, a reason and a line that says what is wrong; nothing of it becomes an
actual; and the forecasts of its plant and of every other go on.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import numpy as np

from infra.settings import Settings
from infra.topics import FORECASTS, JOURNAL, PLANTS, REJECTED, RELEASES, WEATHER_RUNS
from tests.integration.bad_records import CASES, DAY_MS, PLANT, Case
from tests.integration.sink_help import ask, sink, wait_until, written
from tests.integration.workers import (
    HOUR_MS,
    PLANT_IDS,
    ROOT,
    START_MS,
    RunningWorker,
    await_true,
    caught_up,
    contents,
    hours_of_telemetry,
    identities,
    plant_versions,
    running,
    send,
    telemetry_at,
    weather_runs,
)

HOURS = 6
REJECTS = 'select topic, partition, "offset", key, payload, reason, detail, plant_id, schema_id from rejects'


def everything_read(settings: Settings, worker: RunningWorker) -> None:
    for topic in (PLANTS, WEATHER_RUNS, RELEASES, JOURNAL):
        await_true(lambda topic=topic: caught_up(settings, topic), worker=worker)


def stream(settings: Settings) -> None:
    """Good hours, every bad record in the middle of good ones, good hours; and what is odd but not bad."""
    with running(settings) as worker, sink(settings):
        worker.wait_ready()
        send(settings, plant_versions())
        everything_read(settings, worker)
        send(settings, weather_runs())
        everything_read(settings, worker)
        hour = hours_of_telemetry(2, 3)
        send(settings, [*hours_of_telemetry(0, 2), *hour])
        send(settings, [case.record for case in CASES])
        a_day_late = [telemetry_at(PLANT, START_MS - DAY_MS, 77.0)]
        send(settings, [*hour, *a_day_late, *hours_of_telemetry(3, HOURS)])
        everything_read(settings, worker)
        everything_read(settings, worker)  # what the public topics had, forwarded
        wait_until(lambda: written(settings), "everything written")
        assert "Traceback" not in worker.said()
        assert worker.stop() == 0


def expect_refused(case: Case, records: list[dict[str, Any]]) -> None:
    # Null is kept as no bytes, which are a case of their own.
    meant = (case.origin, case.record.value or b"", case.reason)
    found = [one for one in records if (one["topic"], one["payload"], one["reason"]) == meant]
    assert len(found) == case.copies, case.what
    for record in found:
        assert record["plant_id"] == case.plant_id, case.what
        assert record["detail"], case.what
        assert case.detail in record["detail"], case.what
        assert "\n" not in record["detail"], case.what
    if case.origin == case.record.topic:
        assert found[0]["key"] == case.record.key, case.what


def expect_the_same_in_postgresql(settings: Settings, records: list[dict[str, Any]]) -> None:
    names = ("topic", "partition", "offset", "key", "payload", "reason", "detail", "plant_id", "schema_id")
    meant = {tuple(record[name] for name in names) for record in records}
    assert set(ask(settings, REJECTS)) == meant


def expect_no_actual_of_a_bad_record(settings: Settings) -> None:
    """Each good scan is there once, however often it was sent, and so is the one a day late."""
    good = HOURS * 6 * len(PLANT_IDS) + 1
    assert ask(settings, "select count(*) from telemetry") == [(good,)]
    wild = "select count(*) from telemetry where not power_kw between -50 and 1200"
    assert ask(settings, wild) == [(0,)]
    assert ask(settings, "select power_kw from telemetry order by event_time limit 1") == [(77.0,)]


def expect_forecasts_of_every_plant(settings: Settings) -> None:
    """The bad plant's are as many as any other's, on both inputs, with numbers throughout."""
    forecasts = list(identities(contents(settings, FORECASTS)).values())
    issued = {
        plant_id: {f["issued_at"] for f in forecasts if f["plant_id"] == plant_id} for plant_id in PLANT_IDS
    }
    hourly = {START_MS + hour * HOUR_MS for hour in range(HOURS)}
    assert issued == dict.fromkeys(PLANT_IDS, hourly)
    for forecast in forecasts:
        power_kw = np.array(forecast["power_kw"])
        assert np.isfinite(power_kw).all()
        assert power_kw.min() >= 0
        assert power_kw.max() <= 1000
    assert ask(settings, "select count(*) from forecasts") == [(len(forecasts),)]


def expect_commands_that_read_on(settings: Settings) -> None:
    """A record that nobody can read stays on a compacted topic for ever; the commands step over it."""
    told = {"GRIDCAST_KAFKA": settings.kafka, "GRIDCAST_POSTGRES": settings.postgres.get_secret_value()}
    told["GRIDCAST_HOME"] = str(settings.home)
    for command, expected in ((("plants", "list"), set(PLANT_IDS)), (("models", "list"), None)):
        done = subprocess.run(
            [sys.executable, "-m", "cli", *command, "--json"],
            cwd=ROOT,
            env={**os.environ, **told},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        if expected is not None:
            assert {plant["plant_id"] for plant in json.loads(done.stdout)} == expected


def test_each_bad_record_is_refused_once_and_the_rest_flows_on(settings: Settings) -> None:
    stream(settings)
    copies = contents(settings, REJECTED)
    records = list(identities(copies).values())
    assert len(copies) == len(records), "each exactly once"
    assert len(records) == sum(case.copies for case in CASES)
    for case in CASES:
        expect_refused(case, records)
    expect_the_same_in_postgresql(settings, records)
    expect_no_actual_of_a_bad_record(settings)
    expect_forecasts_of_every_plant(settings)
    expect_commands_that_read_on(settings)
