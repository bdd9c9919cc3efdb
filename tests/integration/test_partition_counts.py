"""Topics whose numbers of partitions do not match: a worker says so plainly and does not begin."""

from __future__ import annotations

import pytest
from confluent_kafka.admin import NewPartitions

from infra.kafka import admin, await_admin
from infra.settings import Settings
from infra.topics import CHECKPOINTS, PLANTS, TOPICS, WEATHER_RUNS
from streams.checkpoints import partition_of
from tests.integration.workers import (
    PLANT_IDS,
    await_true,
    caught_up,
    hours_of_telemetry,
    plant_versions,
    running,
    send,
)


def grow(settings: Settings, *topics: str) -> None:
    """Give topics more partitions than they were made with."""
    more = [NewPartitions(topic, settings.partitions + 2) for topic in topics]
    client = admin(settings)  # its futures end with it
    for topic, future in client.create_partitions(more).items():
        await_admin(future, f"grow {topic}", 30)


def refusal(settings: Settings) -> str:
    """The one line with which a worker refuses to begin."""
    with running(settings) as worker:
        assert worker.wait(90) == 1
        said = worker.said()
    assert "Traceback" not in said
    (line,) = [line for line in said.splitlines() if line.startswith("error:")]
    return line


@pytest.mark.parametrize("topic", [CHECKPOINTS, WEATHER_RUNS])
def test_a_worker_refuses_topics_of_unequal_partitions(settings: Settings, topic: str) -> None:
    grow(settings, topic)
    line = refusal(settings)
    assert f"topic {topic} has 6 partitions and plant.telemetry has 4" in line


def test_a_journal_that_was_given_more_partitions_with_all_others_is_refused_too(settings: Settings) -> None:
    """All counts agree, and yet the plants' next records would go where their states are not."""
    with running(settings) as worker:
        worker.wait_ready()
        send(settings, plant_versions())
        await_true(lambda: caught_up(settings, PLANTS) and caught_up(settings), worker=worker)
        send(settings, hours_of_telemetry(0, 1))
        await_true(lambda: caught_up(settings), worker=worker)
        assert worker.stop() == 0
    grow(settings, *(topic.name for topic in TOPICS if topic.partitions is None))
    moved = [p for p in PLANT_IDS if partition_of(p.encode(), 6) != partition_of(p.encode(), 4)]
    line = refusal(settings)
    assert "the number of partitions must never change" in line
    assert any(f"where {plant_id} belongs" in line for plant_id in moved)
