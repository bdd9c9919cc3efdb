"""Records that commands make are such as every worker takes up, also one that starts again."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from cli import releasing
from cli.releasing import Releases
from infra.settings import isolated
from models.release import cold_start
from schemas.errors import ServiceUnavailable
from schemas.records import ReleaseRecord, ReleaseRole

ALL = ReleaseRecord(
    "gridcast", "1", 1, 1, ReleaseRole.CHAMPION, "ab" * 32, 10, (), json.dumps({"plants": {"old": {}}})
)
NEW = replace(
    ALL, version="2", known_at_ms=2, valid_from_ms=2, manifest=json.dumps({"plants": {"old": {}, "new": {}}})
)


@pytest.fixture
def releases(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Releases:
    """Nothing leaves this process; release 1 serves every plant and was trained on `old` alone."""
    monkeypatch.setattr(releasing, "release_records", lambda *_: [ALL, replace(NEW, role=ReleaseRole.SHADOW)])
    monkeypatch.setattr(releasing, "KafkaOut", lambda _: None)
    monkeypatch.setattr(releasing, "send_record", lambda *_: None)
    return Releases(isolated(tmp_path))


def test_no_release_runs_on_beside_a_plant_that_it_was_not_trained_on(releases: Releases) -> None:
    assert releases.promote(NEW, ("new",))[1] == []
    _, (shadow,) = releases.promote(NEW, ("new", "old"))
    assert (shadow.version, shadow.plants) == ("1", ("old",))


def test_a_rollback_promotes_no_release_for_a_plant_that_it_was_not_trained_on(releases: Releases) -> None:
    releases.promote(NEW, ("new",))
    gone, after = releases.rollback(("new",))
    assert (gone.version, gone.plants) == ("2", ("new",))
    assert after == ALL, "which serves every plant as before"
    assert releases.champion_of("new") == ALL
    assert [one for one in releases.records if one.plants == ("new",) and one.version == "1"] == []


def test_a_training_is_not_lost_because_kafka_is_away_when_it_ends(
    releases: Releases, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries = []

    def send(*_: object) -> None:
        tries.append(1)
        if len(tries) < 3:
            raise ServiceUnavailable("Kafka is being restarted")

    monkeypatch.setattr(releasing, "send_release", send)
    monkeypatch.setattr("tenacity.nap.time.sleep", lambda _s: None)
    record, _ = releases.publish(replace(cold_start(), name="gridcast", version="3"), ReleaseRole.SHADOW)
    assert len(tries) == 3
    assert releases.records[-1] == record
