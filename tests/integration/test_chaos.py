"""A short run of `make chaos`: one of each of the worst, under load, and every promise kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.chaos.run import play

WORST = ("kill_worker", "kill_kafka", "kill_postgres", "freeze_worker", "poison")


@pytest.mark.long
def test_whatever_is_killed_nothing_is_lost_doubled_or_different(tmp_path: Path) -> None:
    results = play(tmp_path, kills=len(WORST), seed=11, say=print, only=WORST)
    assert results["broken"] == []
    assert {name: results[name] for name in ("lost", "doubled", "differing", "rejected_differing")} == {
        "lost": 0, "doubled": 0, "differing": 0, "rejected_differing": 0,
    }  # fmt: skip
    assert results["faults"] == dict.fromkeys(WORST, 1)
    assert results["records_in"] > 1000
    assert results["forecasts"] > 1000
    assert results["refused"] > 0
