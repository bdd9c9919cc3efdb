"""What breaks whoever reads it breaks a process of its own, and no worker."""

from __future__ import annotations

import re
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from models.release_file import save
from schemas.errors import ReleaseRefused, ServiceUnavailable
from streams import trial
from streams.standing import Moving
from tests.forecast_world import small_release
from tests.integration.bad_releases import deadly_trees, release_of, trees, with_trees


def tried(tmp_path: Path, artifact: bytes, cpu_s: int | None = None) -> None:
    path = tmp_path / "artifact"
    path.write_bytes(artifact)
    trial.expect_to_load(path, cpu_s)


def test_a_sound_artifact_passes(tmp_path: Path) -> None:
    tried(tmp_path, save(small_release()))
    tried(tmp_path, save(release_of("plain")))


def test_why_an_artifact_is_refused_is_told_as_by_who_reads_it(tmp_path: Path) -> None:
    with pytest.raises(ReleaseRefused, match="is no release of gridcast"):
        tried(tmp_path, b"no release")


def test_trees_that_end_the_process_are_refused(tmp_path: Path) -> None:
    assert deadly_trees() != trees()
    with pytest.raises(ReleaseRefused, match="breaks whoever reads it"):
        tried(tmp_path, with_trees(deadly_trees(), "a"))


def test_trees_that_never_end_are_refused(tmp_path: Path) -> None:
    endless = re.sub("right_child=1 ", "right_child=0 ", trees())
    assert endless != trees()
    with pytest.raises(ReleaseRefused, match="SIGXCPU"):
        tried(tmp_path, with_trees(endless, "a"), cpu_s=4)


def test_a_trial_that_cannot_be_run_says_nothing_of_the_artifact(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ServiceUnavailable, match="FileNotFoundError"):
        trial.expect_to_load(tmp_path / "nothing", 10)
    monkeypatch.setattr("sys.executable", str(tmp_path / "python"))
    with pytest.raises(ServiceUnavailable, match="could not be tried"):
        tried(tmp_path, b"no release")


def test_while_an_artifact_is_tried_everything_that_waits_for_it_moves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    marks: list[object] = []
    worker = SimpleNamespace(partitions={}, settled=False, rebalances=1)
    forwarder = SimpleNamespace(owned=frozenset(), positions={})
    moving = Moving(worker, forwarder, SimpleNamespace(restoring={}))  # type: ignore[arg-type]  # all at rest

    def look(*_: object, **__: object) -> None:
        for _turn in range(2):
            marks.append(moving.standing({})["the group"].mark)
            time.sleep(0.01)
        raise OSError("enough")

    monkeypatch.setattr("subprocess.run", look)
    with pytest.raises(ServiceUnavailable):
        tried(tmp_path, b"")
    marks += [moving.standing({})["the group"].mark for _ in range(2)]
    assert marks[0] != marks[1]
    assert marks[2] == marks[3]


def test_the_trial_sees_no_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRIDCAST_KAFKA_PASSWORD", "hidden")
    seen: list[dict[str, str]] = []

    def remember(*_: object, env: dict[str, str], **__: object) -> None:
        seen.append(env)
        raise OSError("enough")

    monkeypatch.setattr("subprocess.run", remember)
    with pytest.raises(ServiceUnavailable):
        tried(tmp_path, b"")
    assert not any(name.startswith("GRIDCAST_") for name in seen[0])
