"""Topics whose numbers of partitions do not match: a worker says so plainly and does not begin."""

from __future__ import annotations

import pytest
from confluent_kafka.admin import NewPartitions

from infra.kafka import Outgoing, admin, await_admin
from infra.settings import Settings
from infra.topic_reader import spans
from infra.topics import CHECKPOINTS, JOURNAL, TOPICS, expect_same_partitions, make_topics
from models.engine import Engine
from models.release import Release
from models.steps import EngineSettings
from schemas.errors import GridcastError, InputError
from streams.checkpoints import partition_of
from streams.restore import Restorer
from tests.integration.workers import CODEC, PLANT_IDS, await_true, running, send


def grow(settings: Settings, *topics: str) -> None:
    """Give topics more partitions than they were made with."""
    more = [NewPartitions(topic, settings.partitions + 2) for topic in topics]
    client = admin(settings)  # its futures end with it
    for topic, future in client.create_partitions(more).items():
        await_admin(future, f"grow {topic}", 30)
    for topic in topics:  # a broker shows the new ones a little later
        await_true(lambda topic=topic: len(spans(settings, topic)) == settings.partitions + 2)


def refusal(settings: Settings) -> str:
    """The one line with which a worker refuses to begin."""
    with running(settings) as worker:
        assert worker.wait(90) == 1
        said = worker.said()
    assert "Traceback" not in said
    (line,) = [line for line in said.splitlines() if line.startswith("error:")]
    return line


def test_a_worker_refuses_topics_of_unequal_partitions(settings: Settings) -> None:
    grow(settings, CHECKPOINTS)
    assert f"topic {CHECKPOINTS} has 6 partitions and {JOURNAL} has 4" in refusal(settings)
    with pytest.raises(InputError, match=f"{CHECKPOINTS} has 6 partitions"):
        make_topics(settings)
    grow(
        settings, *(topic.name for topic in TOPICS if topic.partitions is None and topic.name != CHECKPOINTS)
    )
    expect_same_partitions(settings)


def test_a_journal_that_was_given_more_partitions_with_all_others_is_refused_too(settings: Settings) -> None:
    """All counts agree, and yet the plants' next records would go where their states are not."""
    state = {"plant_id": "a", "day": "2023-11-15", "journal_offset": 7, "layout": "any", "state": b""}
    moved = next(p for p in PLANT_IDS if partition_of(p.encode(), 6) != partition_of(p.encode(), 4))
    number = partition_of(moved.encode(), 4)
    (body,) = CODEC.encode("Checkpoint", [{**state, "plant_id": moved, "partition": number}])
    send(settings, [Outgoing(CHECKPOINTS, f"{moved}|2023-11-15".encode(), body, (), number)])
    restorer = Restorer(settings, CODEC, lambda: Engine(EngineSettings(), never))
    grow(settings, *(topic.name for topic in TOPICS if topic.partitions is None))
    expect_same_partitions(settings)
    with pytest.raises(
        GridcastError, match=f"no longer where {moved} belongs: the number of partitions must"
    ):
        restorer.take_over(number, -1, lambda: True)


def never(record: object) -> Release:
    raise AssertionError(f"no release was expected: {record}")
