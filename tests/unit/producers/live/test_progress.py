"""The probes of `gridcast telemetry`: what is away is said with how long and why."""

from __future__ import annotations

import pytest

from producers.live import progress as module
from producers.live.progress import Progress


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now_s = [1000.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now_s[0])
    return now_s


def test_it_is_ready_once_the_source_is_there(clock: list[float]) -> None:
    progress = Progress("mqtt", ["a"])
    assert progress.ready().detail == {"source": "not connected yet"}
    progress.connected()
    assert progress.ready().good


@pytest.mark.parametrize("which", ["source", "kafka"])
def test_a_minute_without_source_or_kafka_is_not_healthy_and_its_return_is(
    clock: list[float], which: str
) -> None:
    progress = Progress("mqtt", ["a"])
    progress.connected()
    away, back = {
        "source": (progress.disconnected, progress.connected),
        "kafka": (progress.kafka_failed, progress.kafka_took),
    }[which]
    away("first")
    clock[0] += 59
    away("then")
    assert progress.health().good
    clock[0] += 2
    verdict = progress.health()
    assert not verdict.good
    assert verdict.detail[which] == {"away_s": 61.0, "why": "then"}
    back()
    assert progress.health().good


def test_it_says_how_long_each_plant_has_been_silent(clock: list[float]) -> None:
    progress = Progress("opcua", ["a"])
    progress.connected()
    progress.acknowledged("a", 5)
    clock[0] += 7
    assert progress.health().detail["since_last_scan_s"] == {"a": 7.0}
