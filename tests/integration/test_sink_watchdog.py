"""A sink beside a PostgreSQL that is alive and does not answer."""

import re
import signal
import time
from collections.abc import Iterator
from contextlib import closing

import psycopg2
import pytest

from infra.ending import EXIT_CRASHED
from infra.settings import Settings
from tests import output_records as made
from tests.integration.sink_help import Wire, ask, send, wait_until, written
from tests.integration.workers import RunningWorker, await_true, running

STALL_S = 6.0
MANY = 40


def forecasts(first: int) -> tuple[str, list[dict]]:
    return "Forecast", [made.forecast(f"plant-{step % 7}", step) for step in range(first, first + MANY)]


def stored(settings: Settings) -> int:
    return ask(settings, "select count(*) from forecasts")[0][0]


@pytest.fixture
def wire(settings: Settings) -> Wire:
    return Wire(settings)


@pytest.fixture
def sink(wire: Wire) -> Iterator[RunningWorker]:
    """`gridcast sink` behind the wire, with a first batch written."""
    dsn = wire.settings.postgres.get_secret_value()
    send(wire.settings, forecasts(0))
    with running(wire.settings, command="sink", postgres=dsn, stall_s=STALL_S) as process:
        await_true(lambda: stored(wire.settings) == MANY, worker=process)
        yield process


def unhealthy(sink: RunningWorker, why: str) -> dict:
    """What the probe says, once it answers 503 and says something under `why`."""
    deadline_s = time.monotonic() + 30
    while time.monotonic() < deadline_s:
        answer = sink.probe("/health")
        if answer.status_code == 503 and answer.json()[why]:
            return answer.json()
        time.sleep(0.2)
    raise AssertionError(f"healthy all the time: {sink.said()}")


def test_a_lock_on_a_table_is_waited_out_and_told_meanwhile(settings: Settings, sink: RunningWorker) -> None:
    with closing(psycopg2.connect(settings.postgres.get_secret_value())) as other, other.cursor() as cursor:
        cursor.execute("lock table forecasts in access exclusive mode")
        send(settings, forecasts(MANY))
        told = unhealthy(sink, "trouble")
        assert "another session of PostgreSQL holds a lock" in told["trouble"]
        assert told["away_s"] >= STALL_S / 2
        time.sleep(STALL_S / 2 + 1)
        assert sink.process.poll() is None, "a server that is known to be away is no stall"
    wait_until(lambda: written(settings), "everything written")
    assert stored(settings) == 2 * MANY
    assert sink.probe("/health").status_code == 200
    assert sink.stop() == 0


def test_a_postgresql_that_never_answers_ends_the_sink_and_the_next_one_goes_on(
    settings: Settings, wire: Wire, sink: RunningWorker
) -> None:
    wire.freeze()
    send(settings, forecasts(MANY))
    told = unhealthy(sink, "stalled")
    assert any(one["what"] == "the sink" and one["since"].endswith("Z") for one in told["stalled"]), told
    assert sink.wait() == EXIT_CRASHED
    assert re.search(r"error: the (sink|reading) has not moved for \d+ s", sink.said()), sink.said()
    assert "power.forecasts[" in sink.said()
    wire.thaw()
    with running(settings, command="sink", postgres=settings.postgres.get_secret_value()) as process:
        await_true(lambda: written(settings), worker=process)
        assert process.stop() == 0
    assert stored(settings) == 2 * MANY


def test_a_sink_that_is_stopped_within_a_transaction_does_not_hold_up_the_next_one(
    settings: Settings, sink: RunningWorker
) -> None:
    """It holds the rows of its offsets: PostgreSQL ends its transaction."""
    with closing(psycopg2.connect(settings.postgres.get_secret_value())) as other, other.cursor() as cursor:
        cursor.execute("lock table forecasts in access exclusive mode")
        send(settings, forecasts(MANY))
        wait_until(lambda: waits_for_a_lock(settings), "the sink within its transaction")
        sink.process.send_signal(signal.SIGSTOP)
    dsn = settings.postgres.get_secret_value()
    with running(settings, command="sink", postgres=dsn, stall_s=STALL_S) as second:
        await_true(lambda: stored(settings) == 2 * MANY, worker=second)
        sink.process.send_signal(signal.SIGCONT)
        send(settings, forecasts(2 * MANY))
        await_true(lambda: written(settings), worker=second)
        assert second.stop() == 0
    assert stored(settings) == 3 * MANY
    assert sink.stop() == 0


def waits_for_a_lock(settings: Settings) -> bool:
    waiting = "application_name = 'gridcast-sink' and wait_event_type = 'Lock'"
    return bool(ask(settings, f"select 1 from pg_stat_activity where {waiting}"))
