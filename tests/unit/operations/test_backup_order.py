"""What follows from something is read before it, so that no backup holds an effect without its cause."""

from __future__ import annotations

import pytest

from cli.backup.run import ORDER
from infra.settings import Settings
from infra.topics import (
    ALERTS,
    ANOMALIES,
    ARTIFACTS,
    CHECKPOINTS,
    FORECASTS,
    FORECASTS_LATEST,
    JOURNAL,
    PLANTS,
    REJECTED,
    RELEASES,
    SCORES,
    TOPICS,
    WEATHER_RUNS,
    Topic,
)  # fmt: skip

PLACE = {one.name: place for place, one in enumerate(ORDER)}


def test_every_topic_is_in_a_backup_once() -> None:
    assert sorted(PLACE) == sorted(one.name for one in TOPICS) and len(ORDER) == len(TOPICS)


@pytest.mark.parametrize("effect", [FORECASTS, FORECASTS_LATEST, SCORES, ANOMALIES, REJECTED, ALERTS])
def test_outputs_lie_between_states_and_journal(effect: str) -> None:
    assert PLACE[CHECKPOINTS] < PLACE[effect] < PLACE[JOURNAL]


@pytest.mark.parametrize("cause", [WEATHER_RUNS, PLANTS, RELEASES])
def test_what_is_forwarded_into_the_journal_is_read_after_it(cause: str) -> None:
    assert PLACE[JOURNAL] < PLACE[cause]


def test_a_release_is_read_before_the_artifacts_that_it_names() -> None:
    assert PLACE[RELEASES] < PLACE[ARTIFACTS]


def test_a_topic_of_others_is_made_as_it_was() -> None:
    """A schema registry refuses its topic where that is not compacted."""
    told = (("cleanup.policy", "compact"), ("max.message.bytes", "2000000"))
    assert Topic("_schemas", "", (), told=told).config(Settings()) == dict(told)
