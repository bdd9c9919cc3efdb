"""A producer of somebody else's that writes in transactions: their marks take offsets and are no records."""

from __future__ import annotations

import time

import pytest

from infra.kafka import producer
from infra.settings import Settings
from infra.topics import JOURNAL
from tests.integration.sink_help import ask
from tests.integration.workers import (
    PLANT_IDS,
    await_true,
    caught_up,
    hours_of_telemetry,
    plant_versions,
    running,
    send,
    telemetry,
)

STALL_S = 6


def in_a_transaction(settings: Settings, minute: int) -> None:
    client = producer(settings, transactional_id="scada", transaction_timeout_ms=10_000)
    client.init_transactions(20)
    client.begin_transaction()
    one = telemetry(PLANT_IDS[0], minute, 123.0)
    client.produce(one.topic, key=one.key, value=one.value)
    client.commit_transaction(20)


def rows(settings: Settings) -> int:
    return int(ask(settings, "select count(*) from telemetry")[0][0])


@pytest.mark.slow
def test_the_mark_of_a_transaction_at_the_end_of_a_partition_is_no_work_that_waits(
    settings: Settings,
) -> None:
    dsn = settings.postgres.get_secret_value()
    with (
        running(settings, stall_s=STALL_S) as worker,
        running(settings, command="sink", postgres=dsn, stall_s=STALL_S) as sink,
    ):
        worker.wait_ready()
        send(settings, plant_versions())
        await_true(lambda: caught_up(settings, "plants"), worker=worker)
        send(settings, hours_of_telemetry(0, 2))
        await_true(lambda: caught_up(settings, JOURNAL), worker=worker)
        in_a_transaction(settings, 125)
        await_true(lambda: rows(settings) == 12 * len(PLANT_IDS) + 1, worker=sink)
        time.sleep(3 * STALL_S)
        assert worker.process.poll() is None, worker.said()
        assert sink.process.poll() is None, sink.said()
        assert worker.probe("/health").status_code == 200, worker.probe("/health").text
        assert worker.stop() == 0
        assert sink.stop() == 0
