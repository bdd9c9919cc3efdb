"""A new plant with kind, capacity and position alone, on a real Kafka: from `plants add` to a forecast."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from typing import Any

from infra.settings import Settings
from infra.topics import ANOMALIES, FORECASTS, FORECASTS_LATEST
from schemas.rungs import Rung
from tests.integration.workers import ROOT, await_true, contents, running
from tests.weather_server import respond, weather_server

WITHIN_S = 60.0
PLANTS = {
    "ridge": ("--kind", "wind", "--capacity", "8200", "--latitude", "48.45", "--longitude", "5.59"),
    "roof": ("--kind", "solar", "--capacity", "6", "--latitude", "39.74", "--longitude", "-105.17"),
}


def gridcast(settings: Settings, *arguments: str) -> Any:
    told = {"GRIDCAST_HOME": str(settings.home), "GRIDCAST_KAFKA": settings.kafka_bootstrap}
    done = subprocess.run(
        [sys.executable, "-m", "cli", *arguments, "--json"],
        cwd=ROOT,
        env={**os.environ, **told},
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr.decode()
    return json.loads(done.stdout)


def newest(settings: Settings) -> dict[str, dict[str, Any]]:
    return {record["plant_id"]: record for _, record in contents(settings, FORECASTS_LATEST)}


def by_weather(settings: Settings) -> set[str]:
    """Plants whose newest forecast rests on a run."""
    return {plant_id for plant_id, record in newest(settings).items() if record["run_source"] is not None}


def test_two_new_plants_issue_within_a_minute_of_being_added(settings: Settings) -> None:
    with (
        weather_server() as server,
        running(settings) as worker,
        running(
            settings, command="weather", open_meteo_url=server.url, weather_observations=False
        ) as weather,
    ):
        worker.wait_ready()
        began_s = time.monotonic()
        for plant_id, told in PLANTS.items():
            gridcast(settings, "plants", "add", plant_id, *told)
        await_true(lambda: by_weather(settings) == PLANTS.keys(), WITHIN_S, weather)
        assert time.monotonic() - began_s < WITHIN_S
        for plant_id, record in newest(settings).items():
            assert set(record["rung"]) == {Rung.PHYSICAL_START}, plant_id
            assert record["run_source"] == "open_meteo"
            assert not record["stale"]
            assert len(record["valid_at"]) == 66
        shown = gridcast(settings, "forecast", "roof")
        assert shown["steps"][0]["rung"] == "physical start"
        (status,) = [one for one in gridcast(settings, "status")["plants"] if one["plant_id"] == "ridge"]
        assert "physical start" in status["why_not"]


def test_weather_that_comes_back_after_an_outage_is_used_at_once(settings: Settings) -> None:
    with weather_server() as server, running(settings) as worker:
        server.faults = lambda _path: lambda handler, _body: respond(handler, 503, b"")
        told = {"open_meteo_url": server.url, "weather_observations": False, "weather_attempts": 2}
        with running(settings, command="weather", weather_every_s=3, weather_rest_s=2, **told) as weather:
            worker.wait_ready()
            gridcast(settings, "plants", "add", "ridge", *PLANTS["ridge"])
            await_true(lambda: sum(server.calls.values()) >= 4, 30, weather)
            assert by_weather(settings) == set()
            server.faults = lambda _path: None
            await_true(lambda: by_weather(settings) == {"ridge"}, WITHIN_S, weather)
    rungs = [set(record["rung"]) for _, record in contents(settings, FORECASTS)]
    assert rungs[-1] == {Rung.PHYSICAL_START}
    assert not contents(settings, ANOMALIES), "a plant that never had weather is being set up"
