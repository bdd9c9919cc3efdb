"""One collection for every registered plant."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from infra.registry import schema_ids
from infra.topics import PLANTS, WEATHER_RUNS
from producers.kafka_out import KafkaOut, cluster_id
from producers.registry import registered
from producers.weather import sources
from producers.weather.following import plants_at
from producers.weather.runs import Collected, collect, place_of
from producers.weather.sending import send_runs
from schemas.codec import Codec
from schemas.errors import InputError

if TYPE_CHECKING:
    from infra.settings import Settings


@dataclass(frozen=True)
class Once:
    """What one collection came to. `nowhere`: plants without a position."""

    collected: Collected
    nowhere: list[str]


def collect_once(
    settings: Settings,
    stopped: Callable[[], bool] = lambda: False,
    sleep: Callable[[float], object] = time.sleep,
) -> Once:
    """Collect for every registered plant and send what came.

    Raises:
        InputError: no plant can have weather.
        ServiceUnavailable: Kafka does not answer.
    """
    cluster_id(settings, [PLANTS, WEATHER_RUNS])
    codec = Codec(schema_ids(settings))
    plants = plants_at(registered(settings, codec), int(time.time() * 1000))
    nowhere = [plant.plant_id for plant in plants if place_of(plant) is None]
    if len(nowhere) == len(plants):
        raise InputError(
            "no plant is registered: `gridcast plants add` does it"
            if not plants
            else "no plant has a position: `gridcast plants set PLANT --latitude N --longitude E` gives one"
        )
    shared = sources.http(settings, stopped, sleep)
    try:
        askers = [sources.asker(settings, source, shared) for source in sources.sources(settings)]
        collected = collect(plants, askers)
    finally:
        shared.close()
    send_runs(KafkaOut(settings), codec, collected.runs)
    return Once(collected, nowhere)
