"""A sink ends or sleeps at each point of its writes, on purpose; each record is in its table once."""

from __future__ import annotations

import signal
from datetime import UTC, datetime
from typing import Any

import pytest

from infra import metrics
from infra.ending import EXIT_CRASHED
from infra.settings import Settings
from tests import output_records as made
from tests.integration import crashing_sink as points
from tests.integration.crashes import await_asleep, take_out_of_the_group
from tests.integration.sink_help import ask, send, sink, sink_all, wait_until, written
from tests.integration.workers import RunningWorker

CRASHING = "tests.integration.crashing_sink"
MANY = 300
KILLED = (points.KILLED_BEFORE_ROWS, points.KILLED_INSIDE, points.KILLED_AFTER)


def crashing(settings: Settings, monkeypatch: pytest.MonkeyPatch, point: str, **more: float) -> RunningWorker:
    monkeypatch.setenv("CRASH_POINT", point)
    monkeypatch.setenv("CRASH_OCCASION", "3")
    take_out_of_the_group(settings, settings.sink_group)
    postgres = settings.postgres.get_secret_value()
    told = {"sink_batch_records": 20, "sink_linger_s": 0.05, **more}
    return RunningWorker(settings, module=CRASHING, command="sink", postgres=postgres, **told)


def forecasts(first: int) -> list[dict[str, Any]]:
    return [made.forecast(f"plant-{step % 7}", step, 100.0 + step) for step in range(first, first + MANY)]


def expect_each_once(settings: Settings, records: list[dict[str, Any]]) -> None:
    meant = [
        (r["plant_id"], datetime.fromtimestamp(r["issued_at"] / 1000, UTC), r["power_kw"]) for r in records
    ]
    found = ask(settings, "select plant_id, issued_at, power_kw from forecasts")
    assert sorted(found) == sorted(meant)


def conflicts() -> float:
    sample = metrics.REGISTRY.get_sample_value("gridcast_sink_conflicts_total", {"table": "forecasts"})
    return sample or 0.0


@pytest.mark.slow
def test_a_sink_killed_between_any_two_writes_loses_and_doubles_nothing(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, records = conflicts(), []
    for life, point in enumerate(KILLED):
        more = forecasts(life * MANY)
        records += more
        send(settings, ("Forecast", more))
        killed = crashing(settings, monkeypatch, point)
        assert killed.wait() == -signal.SIGKILL, killed.said()
        assert not written(settings)
        take_out_of_the_group(settings, settings.sink_group)
        sink_all(settings)
        expect_each_once(settings, records)
    assert conflicts() == before


@pytest.mark.parametrize(
    ("point", "stall_s", "ends_with"),
    [
        (points.ASLEEP_BEFORE, 60.0, {0}),
        # PostgreSQL ends its transaction after half of `stall_s`; then its own watchdog may end it.
        (points.ASLEEP_INSIDE, 8.0, {0, EXIT_CRASHED}),
    ],
)
def test_a_sink_that_wakes_up_after_another_took_over_writes_nothing_twice(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, point: str, stall_s: float, ends_with: set[int]
) -> None:
    send(settings, ("Forecast", forecasts(0)))
    sleeper = crashing(settings, monkeypatch, point, stall_s=stall_s)
    await_asleep(sleeper)
    take_out_of_the_group(settings, settings.sink_group)
    before = conflicts()
    with sink(settings) as second:
        wait_until(lambda: second.error is not None or written(settings), "everything written by the second")
        expect_each_once(settings, forecasts(0))
        sleeper.process.send_signal(signal.SIGCONT)
        send(settings, ("Forecast", forecasts(MANY)))
        wait_until(lambda: second.error is not None or written(settings), "everything written beside it")
    assert sleeper.stop() in ends_with, sleeper.said()
    sink_all(settings)
    expect_each_once(settings, forecasts(0) + forecasts(MANY))
    assert conflicts() == before
