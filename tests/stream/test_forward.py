"""Public topics into the journals: what is copied, where to, and what is refused."""

from __future__ import annotations

import asyncio
import dataclasses
from types import SimpleNamespace
from typing import Any

import numpy as np

from infra.kafka import Outgoing
from infra.topics import JOURNAL, PLANTS, REJECTED, RELEASES, WEATHER_RUNS
from schemas.codec import Codec
from schemas.records import PlantKind, PlantVersion, ReleaseRecord, ReleaseRole, WeatherRun
from streams.forward import Forwarder
from streams.records import PlainRecords
from streams.standing import Moving

CODEC = Codec()
PLANT = PlantVersion("p1", 0, 1_000, PlantKind.WIND, 1000.0, 600)
RUN = WeatherRun("p1", "source", 0, 0, np.array([3_600_000]), {"wind_speed_100m_ms": np.array([5.0])})
RELEASE = ReleaseRecord("model", "1", 0, 0, ReleaseRole.CHAMPION, "", 0)


def payload(name: str, record: Any) -> bytes:
    return CODEC.encode(name, [record.to_avro()])[0]


def forwarded(topic: str, *payloads: bytes | None) -> list[Outgoing]:
    async def nowhere(_: list[Outgoing]) -> int:
        return 0

    count = len(payloads)
    records = PlainRecords(topic, 2, np.arange(7, 7 + count), [b"key"] * count, list(payloads))
    return Forwarder(CODEC, nowhere, journal_partitions=3).sort_out(records)[0]


def test_a_run_goes_to_its_plant_as_the_bytes_that_it_is() -> None:
    body = payload("WeatherRun", RUN)
    assert forwarded(WEATHER_RUNS, body) == [Outgoing(JOURNAL, b"p1", body)]


def test_a_run_that_its_producer_put_into_the_journal_is_not_copied() -> None:
    assert forwarded(WEATHER_RUNS, payload("WeatherRun", dataclasses.replace(RUN, journaled=True))) == []


def test_a_plant_version_goes_under_the_plant_alone() -> None:
    body = payload("PlantVersion", PLANT)
    assert forwarded(PLANTS, body) == [Outgoing(JOURNAL, b"p1", body)]


def test_a_release_goes_to_every_partition() -> None:
    body = payload("Release", RELEASE)
    assert forwarded(RELEASES, body) == [Outgoing(JOURNAL, b"model", body, (), each) for each in range(3)]


def test_a_tombstone_of_a_compacted_topic_is_no_fault() -> None:
    assert forwarded(PLANTS, None) == []


def test_what_cannot_be_read_or_does_not_belong_is_refused_with_its_origin() -> None:
    good, foreign = payload("WeatherRun", RUN), payload("PlantVersion", PLANT)
    made = forwarded(WEATHER_RUNS, good[:-1], foreign, good, None)
    assert [one.topic for one in made] == [JOURNAL, REJECTED, REJECTED, REJECTED]
    refused = [CODEC.decode(one.value)[1] for one in made if one.topic == REJECTED]
    assert [(one["topic"], one["partition"], one["offset"], one["reason"]) for one in refused] == [
        (WEATHER_RUNS, 2, 7, "truncated"),
        (WEATHER_RUNS, 2, 8, "wrong_topic"),
        (WEATHER_RUNS, 2, 10, "not_avro"),
    ]
    assert refused[0]["payload"] == good[:-1]
    assert refused[0]["key"] == b"key"


def test_a_partition_that_comes_back_further_on_than_it_went_does_not_stand_still() -> None:
    """Another worker has forwarded what came meanwhile; nothing waits, though this one was never there."""

    async def nowhere(_: list[Outgoing]) -> int:
        return 0

    place = (WEATHER_RUNS, 2)
    forwarder = Forwarder(CODEC, nowhere, journal_partitions=3)
    worker = SimpleNamespace(partitions={}, settled=True, rebalances=1)
    moving = Moving(worker, forwarder, SimpleNamespace(restoring={}))  # type: ignore[arg-type]  # all at rest
    forwarder.take_over(frozenset([place]))
    runs = PlainRecords(WEATHER_RUNS, 2, np.arange(7, 8), [b"key"], [payload("WeatherRun", RUN)])
    asyncio.run(forwarder.handle(runs))
    assert moving.standing({WEATHER_RUNS: {2: 50}})["weather.forecasts[2]"].waiting
    forwarder.take_over(frozenset())
    forwarder.take_over(frozenset([place]))
    assert "weather.forecasts[2]" not in moving.standing({WEATHER_RUNS: {2: 50}})
