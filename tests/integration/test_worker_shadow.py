"""A shadow in a running worker, over a restart, until it is promoted."""

from __future__ import annotations

import hashlib
import re

import numpy as np

from infra.kafka import Outgoing
from infra.settings import Settings
from infra.topics import FORECASTS, JOURNAL, RELEASES, SCORES
from models import release_file
from models.forecast.climatology import Climatology
from models.forecast.closed_form import START_SPREAD, ClosedForm
from models.release import Release
from producers.releases import chunks
from schemas.records import ReleaseRecord, ReleaseRole
from tests.integration.test_worker_releases import take_in
from tests.integration.workers import (
    CODEC,
    START_MS,
    contents,
    hours_of_telemetry,
    plant_versions,
    running,
)

NARROW = ClosedForm(spread=np.array(START_SPREAD) / 2)


def artifact_of(version: str) -> bytes:
    return release_file.save(
        Release("trained", version, "", Climatology(), NARROW if version == "2" else ClosedForm())
    )


def released(version: str, role: ReleaseRole, hour: int) -> list[Outgoing]:
    """The artifact's pieces and the record, as `gridcast models` publishes them."""
    artifact, at_ms = artifact_of(version), START_MS + hour * 3_600_000
    sha256 = hashlib.sha256(artifact).hexdigest()
    record = ReleaseRecord("trained", version, at_ms, at_ms, role, sha256, len(artifact))
    pieces = chunks(artifact)
    keys = [f"{piece['sha256']}/{piece['index']}".encode() for piece in pieces]
    bodies = CODEC.encode("ArtifactChunk", pieces)
    sent = [Outgoing("model.artifacts", key, body) for key, body in zip(keys, bodies, strict=True)]
    (body,) = CODEC.encode("Release", [record.to_avro()])
    return [*sent, Outgoing(RELEASES, f"trained|{at_ms}".encode(), body)]


def test_a_shadow_is_scored_live_over_a_restart_and_serves_once_it_is_promoted(settings: Settings) -> None:
    with running(settings) as worker:
        worker.wait_ready()
        take_in(settings, worker, plant_versions(), "plants")
        take_in(settings, worker, released("1", ReleaseRole.CHAMPION, 0), RELEASES)
        take_in(settings, worker, released("2", ReleaseRole.SHADOW, 1), RELEASES)
        take_in(settings, worker, hours_of_telemetry(2, 6), JOURNAL)
        shown = worker.probe("/metrics").text
        assert worker.stop() == 0
    assert 'gridcast_release{name="trained",role="champion",version="1"} 1.0' in shown
    assert 'gridcast_release{name="trained",role="shadow",version="2"} 1.0' in shown
    with running(settings, checkpoint_every_s=0.2, coverage_by_plant="true") as worker:
        worker.wait_ready()
        take_in(settings, worker, hours_of_telemetry(6, 9), JOURNAL)
        take_in(settings, worker, released("2", ReleaseRole.CHAMPION, 9), RELEASES)
        take_in(settings, worker, hours_of_telemetry(9, 12), JOURNAL)
        shown = worker.probe("/metrics").text
        assert worker.stop() == 0
    served = {r["issued_at"]: r["version"] for _, r in contents(settings, FORECASTS)}
    by_hour = {(issued - START_MS) / 3_600_000: version for issued, version in served.items()}
    assert {version for hour, version in by_hour.items() if 2 < hour < 8.9} == {"1"}
    assert {version for hour, version in by_hour.items() if hour > 9.1} == {"2"}
    pairs = [r for _, r in contents(settings, SCORES) if {"1", "2"} <= set(r["version"])]
    assert len(pairs) > 60
    for record in pairs:
        if record["valid_at"] < START_MS + 8 * 3_600_000:
            half = len(record["version"]) // 2
            assert record["version"] == ["1"] * half + ["2"] * half
            assert record["issued_at"][:half] == record["issued_at"][half:]
    assert re.search(r'gridcast_coverage80{lead="1h"} 0\.\d', shown)
    assert re.search(r'gridcast_plant_coverage80{lead="1h",plant="plant-3"} [01]\.\d', shown)
