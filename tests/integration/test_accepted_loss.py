"""Retention that is faster than a running worker: Faust goes on at the log's start in silence, we do not."""

from __future__ import annotations

import pytest
from confluent_kafka import TopicPartition

from infra.kafka import admin, await_admin
from infra.settings import Settings
from infra.topic_reader import spans
from infra.topics import JOURNAL
from models.engine import Engine
from schemas.errors import LogTruncated, ServiceUnavailable
from streams.restore import Restorer
from tests.integration.workers import CODEC, await_true, caught_up, hours_of_telemetry, running, send


def never() -> Engine:
    raise AssertionError("nothing is to be restored")


def test_records_eaten_in_front_of_a_running_worker_stop_it_unless_loss_is_accepted(
    settings: Settings,
) -> None:
    send(settings, hours_of_telemetry(0, 4))
    number = max(spans(settings, JOURNAL), key=lambda one: spans(settings, JOURNAL)[one].end)
    client = admin(settings)
    for future in client.delete_records([TopicPartition(JOURNAL, number, 10)]).values():
        await_admin(future, "delete records", 30)
    careful = Restorer(settings, CODEC, never)
    with pytest.raises(LogTruncated) as gone:
        careful.check_nothing_skipped(number, 3, 10)
    assert str(gone.value).startswith(f"{JOURNAL}[{number}]: 7 records are gone")
    assert "`gridcast worker --accept-loss`" in str(gone.value)
    with pytest.raises(ServiceUnavailable, match="2 records from 10 on were passed over"):
        careful.check_nothing_skipped(number, 10, 12)
    careful.check_nothing_skipped(number, 10, 10)
    Restorer(settings, CODEC, never, accept_loss=True).check_nothing_skipped(number, 3, 10)


def test_what_was_gone_before_the_first_worker_came_is_no_loss_to_the_next(settings: Settings) -> None:
    send(settings, hours_of_telemetry(0, 4))
    number = max(spans(settings, JOURNAL), key=lambda one: spans(settings, JOURNAL)[one].end)
    client = admin(settings)
    for future in client.delete_records([TopicPartition(JOURNAL, number, 10)]).values():
        await_admin(future, "delete records", 30)
    with running(settings, checkpoint_every_s=3600) as worker:
        await_true(lambda: caught_up(settings), worker=worker)
        worker.kill()  # committed, and no round of checkpoints since the first batch
    with running(settings) as worker:
        worker.wait_ready()
        assert worker.stop() == 0
