"""What the sink survives: nothing lost, nothing doubled, and a plain line where somebody is needed."""

import os
import signal
import subprocess
import sys
import threading

import pytest
from confluent_kafka import TopicPartition

from consumers import rows, tables
from consumers.store import OffsetsMoved, Step, Store
from infra import topics
from infra.kafka import admin, consumer
from infra.postgres import connect
from infra.settings import Settings
from schemas.errors import GridcastError, LogTruncated, ServiceUnavailable
from tests import output_records as made
from tests.integration.sink_help import RunningSink, Wire, ask, send, sink, sink_all, wait_until, written

MANY = 400


def forecasts(first: int, count: int = MANY) -> tuple[str, list[dict]]:
    return "Forecast", [made.forecast(f"plant-{step % 7}", step) for step in range(first, first + count)]


def stored(settings: Settings) -> int:
    return ask(settings, "select count(*) from forecasts")[0][0]


def test_a_second_run_goes_on_where_the_first_stopped(settings: Settings) -> None:
    send(settings, forecasts(0))
    sink_all(settings)
    sink_all(settings)
    send(settings, forecasts(MANY))
    sink_all(settings)
    assert stored(settings) == 2 * MANY


def test_offsets_in_postgresql_count_and_those_in_kafka_do_not(settings: Settings) -> None:
    send(settings, forecasts(0))
    sink_all(settings)
    client = consumer(settings, settings.sink_group)
    client.commit(offsets=[TopicPartition(topics.FORECASTS, p, 0) for p in range(4)], asynchronous=False)
    client.close()
    ask(settings, "delete from forecasts")
    send(settings, forecasts(MANY, 1))
    sink_all(settings)
    assert stored(settings) == 1


def test_kafka_shows_how_far_the_sink_is(settings: Settings) -> None:
    send(settings, forecasts(0))
    sink_all(settings)
    client = consumer(settings, settings.sink_group)
    shown = client.committed([TopicPartition(topics.FORECASTS, p) for p in range(4)], timeout=20)
    client.close()
    assert sum(max(one.offset, 0) for one in shown) == MANY


def test_postgresql_away_in_the_middle_loses_and_doubles_nothing(settings: Settings) -> None:
    wire = Wire(settings)
    send(settings, forecasts(0))
    with sink(wire.settings.model_copy(update={"sink_batch_records": 50})) as running:
        wait_until(lambda: stored(settings) > 0, "a first batch")
        for turn in range(1, 4):
            wire.cut()
            send(settings, forecasts(turn * MANY))
            threading.Event().wait(0.7)
            wire.mend()
            wait_until(lambda: stored(settings) > turn * MANY, "going on")  # noqa: B023 - called at once
        wait_until(lambda: written(settings), "everything written")
        assert running.error is None
    assert stored(settings) == 4 * MANY


def test_a_postgresql_that_cannot_write_is_waited_for_and_no_row_is_blamed(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    ask(
        settings,
        "create function full_disk() returns trigger language plpgsql as $$ begin"
        " raise exception 'could not extend file: File too large' using errcode = 'XX000'; end $$;"
        " create trigger full_disk before insert on forecasts execute function full_disk()",
    )
    send(settings, forecasts(0))
    with sink(settings) as running:
        wait_until(lambda: "PostgreSQL cannot write" in caplog.text, "the trouble")
        ask(settings, "drop trigger full_disk on forecasts")
        wait_until(lambda: written(settings), "everything written")
        assert running.error is None
    assert stored(settings) == MANY
    assert ask(settings, "select count(*) from rejects")[0][0] == 0


def test_a_sink_that_is_told_to_stop_while_postgresql_is_away_stops(settings: Settings) -> None:
    wire = Wire(settings)
    with sink(wire.settings) as running:
        send(settings, forecasts(0))
        wait_until(lambda: stored(settings) == MANY, "everything written")
        wire.cut()
        send(settings, forecasts(MANY))
        threading.Event().wait(1.0)
        running.stop()
    sink_all(settings)
    assert stored(settings) == 2 * MANY


def test_two_sinks_share_the_partitions_and_double_nothing(settings: Settings) -> None:
    small = settings.model_copy(update={"sink_batch_records": 50})
    send(settings, forecasts(0))
    with sink(small) as first:
        wait_until(lambda: stored(settings) > 0, "a first batch")
        with sink(small):
            send(settings, forecasts(MANY))
            wait_until(lambda: written(settings), "everything written")
        send(settings, forecasts(2 * MANY))
        wait_until(lambda: written(settings), "everything written by the one that is left")
        assert first.error is None
    assert stored(settings) == 3 * MANY


def test_a_sink_that_believes_in_an_old_offset_writes_nothing(settings: Settings) -> None:
    first, second = (Store(lambda: connect(settings)) for _ in range(2))
    place = (topics.FORECASTS, 0)
    first.begin({place: 0})
    first.write([], {place: Step(0, 5)})
    late = rows.from_records(tables.DRIFT, [made.drift()])
    with pytest.raises(OffsetsMoved):
        second.write([late], {place: Step(0, 7)})
    assert ask(settings, "select count(*) from drift_events") == [(0,)]
    assert second.offsets([place]) == {place: 5}
    for store in (first, second):
        store.close()


def test_two_sinks_that_write_one_partition_at_once_are_serialised(settings: Settings) -> None:
    place = (topics.DRIFT, 0)
    stores = [Store(lambda: connect(settings)) for _ in range(4)]
    stores[0].begin({place: 0})
    outcomes: list[str] = []

    def write(store: Store, number: int) -> None:
        one = rows.from_records(tables.DRIFT, [made.drift(f"plant-{number}")])
        try:
            store.write([one], {place: Step(0, 1)})
            outcomes.append("written")
        except OffsetsMoved:
            outcomes.append("moved")
        finally:
            store.close()

    threads = [threading.Thread(target=write, args=(store, n)) for n, store in enumerate(stores)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["moved"] * 3 + ["written"]
    assert ask(settings, "select count(*) from drift_events") == [(1,)]


def eat(settings: Settings, topic: str) -> int:
    """Delete all that a topic holds, as retention does; returns how many records."""
    reader = consumer(settings, None)
    held = [reader.get_watermark_offsets(TopicPartition(topic, p), timeout=20) for p in range(4)]
    reader.close()
    ends = [TopicPartition(topic, p, end) for p, (_, end) in enumerate(held)]
    client = admin(settings)  # its futures end with it
    for future in client.delete_records(ends).values():
        future.result(20)
    return sum(end - first for first, end in held)


def test_records_that_retention_ate_stop_the_sink_until_somebody_says_go_on(settings: Settings) -> None:
    send(settings, forecasts(0, 10))
    sink_all(settings)
    send(settings, forecasts(10, 10))
    eat(settings, topics.FORECASTS)
    send(settings, forecasts(20, 10))
    running = RunningSink(settings)
    running.join()
    assert isinstance(running.error, LogTruncated)
    assert "records are gone" in str(running.error)
    assert "`gridcast sink --accept-loss` goes on without them" in str(running.error)
    sink_all(settings, accept_loss=True)
    assert stored(settings) == 20


def test_a_topic_made_anew_stops_the_sink_with_a_plain_line(settings: Settings) -> None:
    send(settings, forecasts(0, 10))
    sink_all(settings)
    ask(settings, "update sink_offsets set next_offset = 1000 where topic = %s", topics.FORECASTS)
    running = RunningSink(settings)
    running.join()
    assert isinstance(running.error, GridcastError)
    assert "was the topic made anew" in str(running.error)


def test_servers_that_are_not_there_are_a_plain_line_after_the_time_given(settings: Settings) -> None:
    wire = Wire(settings)
    wire.cut()
    for broken in (wire.settings, settings.model_copy(update={"kafka": "127.0.0.1:1"})):
        running = RunningSink(broken, give_up_s=1.0)
        running.join()
        assert isinstance(running.error, ServiceUnavailable)
        assert "does not answer" in str(running.error)


@pytest.mark.parametrize("kind", [signal.SIGTERM, signal.SIGKILL])
def test_a_process_that_is_stopped_or_killed_under_load_loses_and_doubles_nothing(
    settings: Settings, kind: signal.Signals
) -> None:
    environment = {
        **os.environ,
        "GRIDCAST_KAFKA": settings.kafka,
        "GRIDCAST_POSTGRES": settings.postgres.get_secret_value(),
        "GRIDCAST_SINK_BATCH_RECORDS": "20",
    }
    send(settings, forecasts(0))
    command = [sys.executable, "-m", "cli", "sink"]
    process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
    wait_until(lambda: stored(settings) > 0, "a first batch")
    process.send_signal(kind)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == (0 if kind is signal.SIGTERM else -signal.SIGKILL), errors
    assert "Traceback" not in errors
    sink_all(settings)
    assert stored(settings) == MANY
