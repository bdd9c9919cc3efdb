"""A release that is not what it should be is refused, whatever stands on the topics; no code of it runs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from infra.settings import Settings
from models import release_file
from schemas.codec import Codec
from schemas.errors import ReleaseRefused
from streams.artifacts import Artifacts, tried_in
from tests.integration.bad_releases import bad_releases, chunks, record_of, release_of, sent
from tests.integration.workers import send


def test_each_bad_release_is_refused_in_plain_words_and_nothing_of_it_is_kept_or_run(
    settings: Settings, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    traces = tmp_path / "unpickled"
    bad = bad_releases(traces, "plant-0")
    good = release_file.save(release_of("good"))
    send(settings, [record for one in bad for record in one.sent] + sent(chunks(good)))
    artifacts = Artifacts(settings, Codec())
    for one in bad:
        for _ in range(2):
            with pytest.raises(ReleaseRefused) as refused:
                artifacts.load_release(one.record)
            assert one.detail in str(refused.value), one.what
            assert "\n" not in str(refused.value)
        told = [line for line in caplog.messages if f"release {one.record.name} 1 is refused" in line]
        assert len(told) == 1, "an operator reads it once, however many partitions hear of it"
    assert artifacts.load_release(record_of("good", good, 0)).name == "good"
    assert not traces.exists()
    kept = {path.name for path in tried_in(settings.home).iterdir()}
    sound = {one.record.artifact_sha256 for one in bad if one.what in ("of other plants", "of another name")}
    assert kept == {record_of("good", good, 0).artifact_sha256} | sound


def test_an_artifact_is_refused_as_long_as_a_piece_is_missing_and_not_for_ever(settings: Settings) -> None:
    artifact = release_file.save(release_of("late"))
    record, pieces = record_of("late", artifact, 0), chunks(artifact)
    artifacts = Artifacts(settings, Codec())
    send(settings, sent(pieces[1:]))
    with pytest.raises(ReleaseRefused, match="1 of 2 chunks are there"):
        artifacts.load_release(record)
    send(settings, sent(pieces[:1]))
    assert artifacts.load_release(replace(record, valid_from_ms=record.valid_from_ms + 1)).name == "late"
