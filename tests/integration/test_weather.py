"""`gridcast weather` on a real Kafka: collected once, followed, stopped, and killed at any moment."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Iterator
from typing import Any

import pytest

from cli.main import run
from infra.kafka import Outgoing
from infra.settings import Settings
from infra.topics import PLANTS as PLANTS_TOPIC
from infra.topics import WEATHER_OBSERVATIONS, WEATHER_RUNS
from producers.kafka_out import KafkaOut
from producers.keys import version_key
from producers.registry import send_plant
from producers.weather.following import Following
from schemas.records import PlantKind, PlantVersion
from tests.integration.workers import CODEC, RunningWorker, await_true, contents, running
from tests.weather_faults import always, at_random, hang, status
from tests.weather_server import WeatherServer, weather_server

EVERY_S = 10.0
PLANTS = [f"plant-{number}" for number in range(6)]

Identity = tuple[str, str, int]


@pytest.fixture
def server() -> Iterator[WeatherServer]:
    with weather_server() as running_server:
        yield running_server


def add(settings: Settings, name: str, latitude: float | None = 54.0, longitude: float | None = 8.0) -> None:
    plant = PlantVersion(name, 0, 0, PlantKind.WIND, 1000.0, 900, latitude, longitude)
    send_plant(KafkaOut(settings), CODEC, plant)


def add_all(settings: Settings) -> None:
    for number, name in enumerate(PLANTS):
        add(settings, name, 45.0 + number, 5.0 + 2 * number)


def runs(settings: Settings) -> list[dict[str, Any]]:
    return [record for _, record in contents(settings, WEATHER_RUNS)]


def by_identity(records: list[dict[str, Any]]) -> dict[Identity, dict[str, Any]]:
    """Runs by identity; fails where two of one identity say something else."""
    found: dict[Identity, dict[str, Any]] = {}
    for record in records:
        key = record["plant_id"], record["source"], record["published_at"]
        assert found.setdefault(key, record) == record, f"{key} differs from its first copy"
    return found


def collector(settings: Settings, server: WeatherServer, **more: object) -> Any:
    told: dict[str, object] = {
        "open_meteo_url": server.url,
        "nasa_power_url": server.url,
        "weather_observations": False,
        "weather_every_s": EVERY_S,
        "weather_deadline_s": 1.0,
        "weather_rest_s": 1.0,
    }
    return running(settings, command="weather", **{**told, **more})


def told(settings: Settings) -> set[str]:
    return {record["plant_id"] for record in runs(settings)}


@pytest.mark.slow
def test_sigkill_at_any_moment_loses_nothing_and_doubles_nothing(
    settings: Settings, server: WeatherServer
) -> None:
    """A run that comes twice has one identity and is the same in every byte; what a source had said when the
    process died is sent by its next life."""
    dice = random.Random(20)
    add_all(settings)
    server.faults = at_random(0.2, seed=20)
    held: list[tuple[int, float]] = []
    for _ in range(7):
        with collector(settings, server) as life:
            await_true(lambda life=life: "metrics and health" in life.said(), 30, life)
            began_ms = time.time() * 1000
            held = [*held[:-1], (held[-1][0], began_ms)] if held else []
            time.sleep(dice.uniform(0.0, 2.0))
            life.kill()
        held += [(at, 0.0) for at in _kept(settings)[-1:]]
    killed_ms = time.time() * 1000
    server.faults = lambda _path: None
    with collector(settings, server) as life:
        await_true(lambda: _fresh(settings, killed_ms) == set(PLANTS), 40, life)
        assert life.stop() == 0
    found = by_identity(runs(settings))
    published_ms = {at for _, _, at in found}
    alive_ms = 0.5 * EVERY_S * 1000
    in_time = [at for at, next_ms in held if 0 < next_ms - at < alive_ms]
    assert in_time
    assert set(in_time) <= published_ms
    for name in PLANTS:
        assert any(plant == name and at > killed_ms for plant, _, at in found)


def _kept(settings: Settings) -> list[int]:
    """When the answers in the cache were fetched, in order."""
    files = (settings.home / "weather").glob("*.json")
    return sorted({json.loads(path.read_bytes())["fetched_at_ms"] for path in files})


def _fresh(settings: Settings, since_ms: float) -> set[str]:
    return {record["plant_id"] for record in runs(settings) if record["published_at"] > since_ms}


def test_a_restart_within_the_cache_time_sends_the_same_bytes_without_a_call(
    settings: Settings, server: WeatherServer
) -> None:
    add_all(settings)
    with collector(settings, server, weather_every_s=3600) as first:
        await_true(lambda: told(settings) == set(PLANTS), 30, first)
        first.kill()
    calls = server.calls.total()
    with collector(settings, server, weather_every_s=3600) as second:
        await_true(lambda: len(runs(settings)) == 2 * len(PLANTS), 30, second)
    assert server.calls.total() == calls
    assert len(by_identity(runs(settings))) == len(PLANTS)


def test_it_follows_the_registry_and_stops_in_the_middle_of_a_hanging_call(
    settings: Settings, server: WeatherServer
) -> None:
    with collector(settings, server, weather_every_s=3600, weather_deadline_s=30) as life:
        life.wait_ready()
        assert runs(settings) == []
        add(settings, "late")
        await_true(lambda: told(settings) == {"late"}, 20, life)
        server.faults = always(hang)
        add(settings, "later", 40.0, 5.0)
        await_true(lambda: server.calls.total() == 2, 20, life)
        began_s = time.monotonic()
        assert life.stop() == 0
        assert time.monotonic() - began_s < 5.0
    assert told(settings) == {"late"}


def test_the_registry_is_followed_past_what_nobody_can_read_and_past_what_is_taken_away(
    settings: Settings,
) -> None:
    add(settings, "ridge")
    add(settings, "gone")
    out = KafkaOut(settings)
    (tick,) = CODEC.encode("Tick", [{"plant_id": "ridge", "event_time": 0, "known_at": 0}])
    out.send([Outgoing(PLANTS_TOPIC, b"ridge|x", b"garbage"), Outgoing(PLANTS_TOPIC, b"ridge|y", tick)])
    following = Following(settings, CODEC)
    try:
        await_true(lambda: _followed(following) == {"ridge", "gone"} and following.whole)
        out.send([Outgoing(PLANTS_TOPIC, version_key("gone", 0), None)])
        add(settings, "new")
        await_true(lambda: _followed(following) == {"ridge", "new"})
    finally:
        following.close()


def _followed(following: Following) -> set[str]:
    following.poll(0.1)
    return {plant.plant_id for plant in following.plants(int(time.time() * 1000))}


def test_probes_and_metrics_tell_of_an_outage_and_of_its_end(
    settings: Settings, server: WeatherServer
) -> None:
    add(settings, "ridge")
    server.faults = always(status(500))
    with collector(settings, server, weather_every_s=1, weather_attempts=1) as life:
        await_true(lambda: _code(life, "/health") == 503, 30, life)
        assert "500" in json.loads(life.probe("/health").text)["without_weather"]["ridge"]
        await_true(lambda: "no plant has got weather" in life.said(), 10, life)
        server.faults = lambda _path: None
        await_true(lambda: _code(life, "/health") == 200, 30, life)
        metrics = life.probe("/metrics").text
        assert 'gridcast_weather_calls_total{outcome="unavailable",source="open_meteo"}' in metrics
        assert 'gridcast_weather_newest_run_seconds{plant="ridge"}' in metrics


def _code(life: RunningWorker, path: str) -> int:
    await_true(lambda: "metrics and health" in life.said(), 30, life)
    return life.probe(path).status_code


def test_observations_of_the_recent_past_go_to_their_own_topic(
    settings: Settings, server: WeatherServer
) -> None:
    add(settings, "ridge")
    with collector(settings, server, weather_every_s=3600, weather_observations=True) as life:
        await_true(lambda: len(contents(settings, WEATHER_OBSERVATIONS)) > 150, 30, life)
    assert {record["source"] for record in runs(settings)} == {"open_meteo"}
    sources = {record["source"] for _, record in contents(settings, WEATHER_OBSERVATIONS)}
    assert sources == {"nasa_power"}


@pytest.fixture
def gridcast(
    settings: Settings,
    server: WeatherServer,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Any:
    """Calls `gridcast weather` with arguments; returns its exit code, its output and its remarks."""
    monkeypatch.setenv("GRIDCAST_KAFKA", settings.kafka)
    monkeypatch.setenv("GRIDCAST_HOME", str(settings.home))
    monkeypatch.setenv("GRIDCAST_OPEN_METEO_URL", server.url)
    monkeypatch.setenv("GRIDCAST_WEATHER_ATTEMPTS", "1")

    def call(*arguments: str) -> tuple[int, str, str]:
        capsys.readouterr()
        code = run(["weather", *arguments])
        said = capsys.readouterr()
        return code, said.out, said.err

    return call


def test_once_collects_and_says_what_came(settings: Settings, gridcast: Any) -> None:
    assert gridcast("--once")[0] == 1
    add(settings, "lost", None, None)
    code, _, remarks = gridcast("--once")
    assert (code, "no plant has a position" in remarks) == (1, True)
    add(settings, "ridge")
    code, said, remarks = gridcast("--once", "--json")
    assert code == 0
    document = json.loads(said)
    assert [run["plant"] for run in document["runs"]] == ["ridge"]
    assert document["without_position"] == ["lost"]
    assert told(settings) == {"ridge"}
    assert "lost" in remarks


def test_once_fails_plainly_where_a_plant_got_nothing(
    settings: Settings, server: WeatherServer, gridcast: Any
) -> None:
    add(settings, "ridge")
    server.faults = always(status(500))
    code, _, remarks = gridcast("--once")
    assert code == 1
    assert remarks.startswith("ridge: no weather: ")
    assert "answers 500" in remarks
    assert runs(settings) == []
