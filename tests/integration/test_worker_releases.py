"""Releases and ticks in a running worker."""

from __future__ import annotations

import hashlib
import time

from infra.kafka import Outgoing
from infra.settings import Settings
from infra.topics import FORECASTS, JOURNAL, REJECTED, RELEASES
from models import release_file
from models.forecast.climatology import Climatology
from models.forecast.closed_form import ClosedForm
from models.release import Release
from producers.releases import chunks
from schemas.records import ReleaseRecord, ReleaseRole
from tests.integration.workers import (
    CODEC,
    PLANT_IDS,
    START_MS,
    RunningWorker,
    await_true,
    caught_up,
    contents,
    hours_of_telemetry,
    plant_versions,
    running,
    send,
    telemetry_at,
)


def released(name: str, artifact: bytes, minute: int) -> list[Outgoing]:
    """The artifact's pieces and the release record, as a training publishes them."""
    sha256 = hashlib.sha256(artifact).hexdigest()
    at_ms = START_MS + minute * 60_000
    record = ReleaseRecord(name, "1", at_ms, at_ms, ReleaseRole.CHAMPION, sha256, len(artifact))
    pieces = chunks(artifact)
    keys = [f"{piece['sha256']}/{piece['index']}".encode() for piece in pieces]
    bodies = CODEC.encode("ArtifactChunk", pieces)
    sent = [Outgoing("model.artifacts", key, body) for key, body in zip(keys, bodies, strict=True)]
    (body,) = CODEC.encode("Release", [record.to_avro()])
    return [*sent, Outgoing(RELEASES, f"{name}|{minute}".encode(), body)]


def take_in(settings: Settings, worker: RunningWorker, records: list[Outgoing], topic: str) -> None:
    send(settings, records)
    await_true(lambda: caught_up(settings, topic), worker=worker)
    await_true(lambda: caught_up(settings), worker=worker)


def models_by_issue(settings: Settings) -> dict[int, set[str]]:
    found: dict[int, set[str]] = {}
    for _, record in contents(settings, FORECASTS):
        found.setdefault(record["issued_at"], set()).add(record["model"])
    return found


def test_a_running_worker_takes_a_release_up_refuses_a_damaged_one_and_keeps_it_over_a_restart(
    settings: Settings,
) -> None:
    good = release_file.save(Release("trained", "1", "", Climatology(), ClosedForm()))
    with running(settings) as worker:
        worker.wait_ready()
        take_in(settings, worker, plant_versions(), "plants")
        take_in(settings, worker, hours_of_telemetry(0, 3), JOURNAL)
        take_in(settings, worker, released("trained", good, 180), RELEASES)
        take_in(settings, worker, hours_of_telemetry(3, 6), JOURNAL)
        take_in(settings, worker, released("damaged", b"no model at all", 360), RELEASES)
        take_in(settings, worker, hours_of_telemetry(6, 9), JOURNAL)
        assert 'gridcast_release{name="trained"' in worker.probe("/metrics").text
        assert worker.stop() == 0
    with running(settings) as worker:
        take_in(settings, worker, hours_of_telemetry(9, 12), JOURNAL)
        assert worker.stop() == 0
    models = models_by_issue(settings)
    hours = {(issue - START_MS) // 3_600_000: names for issue, names in models.items()}
    assert {name for hour, names in hours.items() if hour < 3 for name in names} == {"cold-start"}
    assert {name for hour, names in hours.items() if hour > 3 for name in names} == {"trained"}
    refused = [record for _, record in contents(settings, REJECTED)]
    assert {record["reason"] for record in refused} == {"bad_release"}
    assert len(refused) == settings.partitions


def test_a_plant_that_falls_silent_is_issued_from_ticks(settings: Settings) -> None:
    now_ms = time.time_ns() // 1_000_000
    with running(settings) as worker:
        worker.wait_ready()
        take_in(settings, worker, plant_versions(every_s=300), "plants")
        take_in(settings, worker, [telemetry_at(PLANT_IDS[0], now_ms - 700_000, 500.0)], JOURNAL)
        await_true(lambda: len(models_by_issue(settings)) > 1, 30, worker)
        assert worker.stop() == 0
    written = [record for name, record in contents(settings, JOURNAL) if name == "Tick"]
    assert {record["plant_id"] for record in written} == {PLANT_IDS[0]}
    assert all(record["known_at"] >= record["event_time"] + 60_000 for record in written)
    times = [record["event_time"] for record in written]
    assert len(times) == len(set(times))
    assert set(times) <= models_by_issue(settings).keys()
