"""A worker refuses a release only for what is the same for every worker: hash, size, plants, probe.

What is wrong with an artifact on its topic is tried in `tests/integration/test_refused_releases.py`.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest

from infra.settings import isolated
from models.release_file import MOST_BYTES, save
from schemas.codec import Codec
from schemas.errors import ReleaseRefused, SettingsError
from schemas.records import ReleaseRecord, ReleaseRole
from streams import artifacts as artifacts_module
from streams.artifacts import Artifacts, tried_in
from tests.forecast_world import small_release


@pytest.fixture
def released(tmp_path: Path) -> tuple[Artifacts, ReleaseRecord]:
    """A release whose artifact this machine has fetched before, and its record."""
    content = save(small_release())
    sha256 = hashlib.sha256(content).hexdigest()
    tried_in(tmp_path).mkdir(parents=True)
    (tried_in(tmp_path) / sha256).write_bytes(content)
    record = ReleaseRecord("gridcast", "1", 1, 1, ReleaseRole.CHAMPION, sha256, len(content))
    return Artifacts(isolated(tmp_path), Codec()), record


def test_a_release_is_taken_as_its_record_says(released: tuple[Artifacts, ReleaseRecord]) -> None:
    artifacts, record = released
    whole = artifacts.load_release(record)
    assert artifacts.load_release(replace(record, plants=("wind-1", "solar-1"))) is whole


def test_a_record_of_another_size_is_refused_known_or_not(released: tuple[Artifacts, ReleaseRecord]) -> None:
    artifacts, record = released
    shorter = replace(record, artifact_bytes=record.artifact_bytes - 1)
    for _ in range(2):
        with pytest.raises(ReleaseRefused, match="bytes"):
            artifacts.load_release(shorter)
    artifacts.load_release(record)


def test_a_record_under_another_name_is_refused(released: tuple[Artifacts, ReleaseRecord]) -> None:
    """Forecasts would be told by the name in the artifact, and be two under one identity."""
    artifacts, record = released
    for changed in (replace(record, name="other"), replace(record, version="2")):
        with pytest.raises(ReleaseRefused, match="not of what the record says"):
            artifacts.load_release(changed)


def test_a_size_that_no_release_has_is_refused_before_anything_is_fetched(tmp_path: Path) -> None:
    nowhere = Artifacts(isolated(tmp_path), Codec())
    record = ReleaseRecord("gridcast", "1", 1, 1, ReleaseRole.CHAMPION, "ab" * 32, MOST_BYTES + 1)
    for size in (MOST_BYTES + 1, 0, -1):
        with pytest.raises(ReleaseRefused, match="it may have 1 to"):
            nowhere.load_release(replace(record, artifact_bytes=size))


def test_a_kept_file_that_was_changed_is_not_used(
    released: tuple[Artifacts, ReleaseRecord], tmp_path: Path
) -> None:
    artifacts, record = released
    kept = tried_in(tmp_path) / record.artifact_sha256
    kept.write_bytes(kept.read_bytes()[:-1])
    with pytest.raises(SettingsError):  # it goes to Kafka, of which there is none here
        artifacts.load_release(record)


def test_a_plant_that_it_was_not_trained_on_is_refused(released: tuple[Artifacts, ReleaseRecord]) -> None:
    artifacts, record = released
    with pytest.raises(ReleaseRefused, match="not trained on nobody"):
        artifacts.load_release(replace(record, plants=("wind-1", "nobody")))
    artifacts.load_release(replace(record, role=ReleaseRole.SHADOW, plants=("nobody",)))


def test_speed_and_skill_are_no_reason_to_refuse(released: tuple[Artifacts, ReleaseRecord]) -> None:
    artifacts, record = released
    record = replace(record, manifest='{"verdict": {"promoted": false}, "speed": {"forecast_us": 1e9}}')
    assert artifacts.load_release(record).name == "gridcast"


def test_what_does_not_pass_its_trial_is_neither_kept_nor_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[bytes] = []

    def refuse(path: Path) -> None:
        tried.append(path.read_bytes())
        raise ReleaseRefused("it breaks whoever reads it")

    monkeypatch.setattr(artifacts_module, "expect_to_load", refuse)
    monkeypatch.setattr(Artifacts, "_fetch", lambda *_: b"deadly")
    artifacts = Artifacts(isolated(tmp_path), Codec())
    record = ReleaseRecord("gridcast", "1", 1, 1, ReleaseRole.CHAMPION, "ab" * 32, 6)
    for _ in range(2):
        with pytest.raises(ReleaseRefused, match="breaks whoever reads it"):
            artifacts.load_release(record)
    assert tried == [b"deadly"], "what some bytes are will never change"
    assert list(tried_in(tmp_path).iterdir()) == []
