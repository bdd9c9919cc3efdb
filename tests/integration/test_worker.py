"""A worker on a real Kafka: nothing is lost, nothing differs, and it ends when it must."""

from __future__ import annotations

import pytest
from confluent_kafka import TopicPartition

from infra.kafka import Outgoing, admin, await_admin
from infra.settings import Settings
from infra.topic_reader import read_newest, spans
from infra.topics import (
    ANOMALIES,
    CHECKPOINTS,
    FORECASTS,
    FORECASTS_LATEST,
    JOURNAL,
    PLANTS,
    REJECTED,
    SCORES,
    WEATHER_RUNS,
)
from tests.integration.breaking_worker import BREAKING_KW
from tests.integration.workers import (
    CODEC,
    PLANT_IDS,
    RunningWorker,
    await_true,
    caught_up,
    committed,
    contents,
    differences,
    hours_of_telemetry,
    identities,
    plant_versions,
    replayed,
    running,
    send,
    telemetry,
    weather_runs,
)

OUTPUTS = (FORECASTS, SCORES, ANOMALIES)


def begin(settings: Settings, worker: RunningWorker) -> None:
    """Plants, then weather, through their public topics into the journals."""
    send(settings, plant_versions())
    await_true(lambda: caught_up(settings, PLANTS), worker=worker)
    send(settings, weather_runs())
    await_true(lambda: caught_up(settings, WEATHER_RUNS), worker=worker)
    await_true(lambda: caught_up(settings), worker=worker)


def expect_what_the_journal_means(settings: Settings, but: frozenset[bytes] = frozenset()) -> int:
    """Each output topic holds the identities and values that the journal's records (`but` some) lead to."""
    made = [record for done in replayed(settings, but=but) for record in done.records]
    total = 0
    for topic in OUTPUTS:
        meant = identities([CODEC.decode(record.value) for record in made if record.topic == topic])
        found = identities(contents(settings, topic))
        assert differences(found, meant)[:10] == [], topic
        total += len(found)
    return total


def test_outputs_are_those_that_the_journal_means_and_sigterm_ends_with_zero(settings: Settings) -> None:
    with running(settings) as worker:
        worker.wait_ready()
        begin(settings, worker)
        send(settings, hours_of_telemetry(0, 12))
        await_true(lambda: caught_up(settings), worker=worker)
        assert worker.probe("/health").status_code == 200
        assert 'gridcast_forecasts_total{rung="' in worker.probe("/metrics").text
        assert worker.stop() == 0
    assert expect_what_the_journal_means(settings) > 12 * 11
    newest = read_newest(settings, FORECASTS_LATEST)
    assert sorted(newest) == sorted(plant_id.encode() for plant_id in PLANT_IDS)
    last = max(record["issued_at"] for _, record in contents(settings, FORECASTS))
    assert {CODEC.decode(message.value())[1]["issued_at"] for message in newest.values()} == {last}
    assert dict(next(iter(newest.values())).headers())["stale"] in (b"0", b"1")


@pytest.mark.slow
def test_three_sigkills_lose_nothing_and_change_nothing(settings: Settings) -> None:
    with running(settings) as worker:
        worker.wait_ready()
        begin(settings, worker)
        worker.kill()
    midway = []
    for life in range(3):
        with running(settings, checkpoint_every_s=0.5, batch_records=10) as worker:
            worker.wait_ready()
            before = committed(settings)
            send(settings, hours_of_telemetry(18 * life, 18 * life + 18))
            await_true(lambda before=before: committed(settings) != before, worker=worker)
            worker.kill()
            midway.append(not caught_up(settings))
    assert any(midway)
    with running(settings, checkpoint_every_s=0.5) as worker:
        await_true(lambda: caught_up(settings), worker=worker)
        assert worker.stop() == 0
    assert expect_what_the_journal_means(settings) > 54 * 11


def test_a_restored_worker_goes_on_where_the_last_one_was(settings: Settings) -> None:
    with running(settings) as worker:
        worker.wait_ready()
        begin(settings, worker)
        send(settings, hours_of_telemetry(0, 6))
        await_true(lambda: caught_up(settings), worker=worker)
        assert worker.stop() == 0
    states = contents(settings, CHECKPOINTS)
    assert {record["plant_id"] for name, record in states if name == "Checkpoint"} == set(PLANT_IDS)
    send(settings, hours_of_telemetry(6, 12))
    with running(settings) as worker:
        await_true(lambda: caught_up(settings), worker=worker)
        assert "plants, journal read from 0 to" not in worker.said().replace(": 0 plants", "")
        assert worker.stop() == 0
    expect_what_the_journal_means(settings)


@pytest.mark.slow
def test_two_workers_share_the_partitions_and_a_third_joins_and_leaves(settings: Settings) -> None:
    fast = {"checkpoint_every_s": 0.5, "batch_records": 60}
    with running(settings, **fast) as first, running(settings, **fast) as second:
        first.wait_ready()
        second.wait_ready()
        begin(settings, first)
        send(settings, hours_of_telemetry(0, 8))
        with running(settings, **fast) as third:
            third.wait_ready()
            send(settings, hours_of_telemetry(8, 16))
            second.kill()
            send(settings, hours_of_telemetry(16, 24))
            await_true(lambda: caught_up(settings), worker=first)
            assert third.stop() == 0
        send(settings, hours_of_telemetry(24, 30))
        await_true(lambda: caught_up(settings), worker=first)
        assert first.probe("/ready").json()["partitions"] == [0, 1, 2, 3]
        assert first.stop() == 0
    assert expect_what_the_journal_means(settings) > 30 * 11


def test_bad_records_are_rejected_with_their_bytes_and_the_rest_flows_on(settings: Settings) -> None:
    good = telemetry(PLANT_IDS[0], 0, 100.0)
    bad = {
        "truncated": (good.key, good.value[:-3]),
        "trailing_bytes": (good.key, good.value + b"\0"),
        "not_avro": (good.key, b"{}"),
        "unknown_schema": (good.key, b"\0\0\0\0\7abc"),
        "key_mismatch": (b"somebody-else", good.value),
        "unknown_plant": (b"nobody", telemetry("nobody", 0, 1.0).value),
        "out_of_range": (good.key, telemetry(PLANT_IDS[0], 10, 10_000.0).value),
        "not_finite": (good.key, telemetry(PLANT_IDS[0], 20, float("nan")).value),
    }
    with running(settings) as worker:
        worker.wait_ready()
        begin(settings, worker)
        send(settings, [Outgoing(JOURNAL, key, value) for key, value in bad.values()])
        send(settings, [Outgoing(WEATHER_RUNS, good.key, good.value), Outgoing(PLANTS, good.key, b"{}")])
        send(settings, hours_of_telemetry(0, 3))
        for topic in (JOURNAL, WEATHER_RUNS, PLANTS):
            await_true(lambda topic=topic: caught_up(settings, topic), worker=worker)
        assert worker.stop() == 0
    rejected = [record for _, record in contents(settings, REJECTED)]
    journal = {record["reason"]: record for record in rejected if record["topic"] == JOURNAL}
    assert journal.keys() == bad.keys()
    for reason, (key, value) in bad.items():
        assert (journal[reason]["key"], journal[reason]["payload"]) == (key, value)
    others = {(record["topic"], record["reason"]) for record in rejected if record["topic"] != JOURNAL}
    assert others == {(WEATHER_RUNS, "wrong_topic"), (PLANTS, "not_avro")}
    expect_what_the_journal_means(settings)


def test_a_record_that_the_engine_breaks_on_is_left_out_in_every_life(settings: Settings) -> None:
    poison = [telemetry(PLANT_IDS[number], 100, BREAKING_KW) for number in (0, 5)]
    broken = "tests.integration.breaking_worker"
    with running(settings, module=broken) as worker:
        worker.wait_ready()
        begin(settings, worker)
        send(settings, [*hours_of_telemetry(0, 3), *poison, *hours_of_telemetry(3, 6)])
        await_true(lambda: caught_up(settings), worker=worker)
        worker.kill()  # before any checkpoint: the next life has to pass the poison again
    with running(settings, module=broken) as worker:
        worker.wait_ready()
        send(settings, hours_of_telemetry(6, 9))
        await_true(lambda: caught_up(settings), worker=worker)
        assert worker.stop() == 0
    rejected = identities(contents(settings, REJECTED)).values()
    assert {(one["reason"], one["payload"]) for one in rejected} == {("poison", one.value) for one in poison}
    assert {one["detail"] for one in rejected} == {"ZeroDivisionError: a fault in the engine"}
    expect_what_the_journal_means(settings, but=frozenset(one.value for one in poison if one.value))


def test_a_committed_offset_that_retention_ate_stops_the_worker_unless_loss_is_accepted(
    settings: Settings,
) -> None:
    with running(settings) as worker:
        worker.wait_ready()
        begin(settings, worker)
        assert worker.stop() == 0
    send(settings, hours_of_telemetry(0, 6))
    ends = {partition: span.end for partition, span in spans(settings, JOURNAL).items()}
    partition = max(ends, key=lambda number: ends[number])
    lost = ends[partition] - 5 - committed(settings)[partition]
    client = admin(settings)
    gone = client.delete_records([TopicPartition(JOURNAL, partition, ends[partition] - 5)])
    for future in gone.values():
        await_admin(future, "delete records", 30)
    with running(settings) as worker:
        assert worker.wait() == 1
        told = f"{JOURNAL}[{partition}]: {lost} records are gone from the log before they were read"
        assert f"error: taking partitions over: {told}" in worker.said()
        assert "`gridcast worker --accept-loss` goes on without them" in worker.said()
    with running(settings, "--accept-loss") as worker:
        await_true(lambda: caught_up(settings), worker=worker)
        counted = f'gridcast_lost_records{{partition="{partition}",topic="{JOURNAL}"}} {lost}.0'
        assert counted in worker.probe("/metrics").text
        assert worker.stop() == 0


@pytest.mark.slow
def test_without_kafka_a_worker_says_so_in_one_line(settings: Settings) -> None:
    nowhere = settings.model_copy(update={"kafka": "127.0.0.1:1"})
    with running(nowhere) as worker:
        assert worker.wait(90) == 1
        lines = [line for line in worker.said().splitlines() if line.startswith("error:")]
        assert len(lines) == 1
        assert "Traceback" not in worker.said()
