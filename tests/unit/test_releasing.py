"""Records that commands make are such as every worker takes up, also one that starts again."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from cli import one_change, releasing
from cli.releasing import NotServing, Releases
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
    topic = [ALL, replace(NEW, role=ReleaseRole.SHADOW)]
    monkeypatch.setattr(releasing, "release_records", lambda *_: list(topic))
    monkeypatch.setattr(releasing, "KafkaOut", lambda _: None)
    monkeypatch.setattr(releasing, "send_records", lambda _out, _codec, records: topic.extend(records))
    monkeypatch.setattr(one_change, "connect", no_server)
    return Releases(isolated(tmp_path))


def no_server(*_: object) -> None:
    raise ServiceUnavailable("PostgreSQL is away")


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


def test_who_asks_with_old_knowledge_withdraws_nothing_else(releases: Releases) -> None:
    """Two schedules have read the same: the champion does worse. Both roll it back."""
    other = Releases(releases._settings)
    releases.promote(NEW)
    other.refresh()
    assert releases.rollback((), {"reason": "worse"}, NEW)[0].version == "2"
    with pytest.raises(NotServing, match="gridcast 2 does not serve every plant: gridcast 1 does"):
        other.rollback((), {"reason": "worse"}, NEW)
    assert releases.champion is not None and releases.champion.version == "1"
    other.refresh()
    assert [one.role for one in other.records].count(ReleaseRole.WITHDRAWN) == 1


def test_a_rollback_that_broke_off_half_way_is_completed_and_no_other_change_is(
    releases: Releases, monkeypatch: pytest.MonkeyPatch
) -> None:
    releases.promote(NEW)
    whole = releasing.send_records

    def half(out: object, codec: object, records: list[ReleaseRecord]) -> None:
        whole(out, codec, records[:1])  # type: ignore[arg-type]
        raise ServiceUnavailable("Kafka went away")

    with monkeypatch.context() as broken:
        broken.setattr(releasing, "send_records", half)
        with pytest.raises(ServiceUnavailable):
            releases.rollback((), None, NEW)
    gone, serves = releases.rollback((), {"reason": "again"}, NEW)
    assert (gone.version, gone.role) == ("2", ReleaseRole.WITHDRAWN)
    assert serves is not None and serves.version == "1"
    for asked in (NEW, NEW):
        with pytest.raises(NotServing):
            releases.rollback((), None, asked)
    releases.promote(NEW)  # which leaves the first one as a shadow
    with pytest.raises(NotServing):
        releases.rollback((), None, ALL)


def test_a_job_publishes_one_release_whoever_runs_it_beside(
    releases: Releases, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[ReleaseRecord] = []
    before = releasing.release_records
    monkeypatch.setattr(releasing, "release_records", lambda *them: [*before(*them), *sent])
    monkeypatch.setattr(releasing, "send_release", lambda *them: sent.append(them[2]))
    mine = replace(cold_start(), name="gridcast", version="3", manifest={"job": 7})
    other = Releases(releases._settings)  # both have looked before either has published
    first, _ = releases.publish(mine, ReleaseRole.SHADOW)
    assert other.publish(replace(mine, version="4"), ReleaseRole.SHADOW) == (first, [])
    assert sent == [first]


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
