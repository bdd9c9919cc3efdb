"""A service over real servers: records on the topics, rows that the real sink wrote, keys, a port."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import httpx
import uvicorn
from fastapi import FastAPI

from cli.acting import ReleaseHands
from consumers.alerts import rows
from consumers.alerts.incident import CLEARED, RAISED, Alert
from consumers.alerts.rules import Rules
from consumers.alerts.signals import STALL
from consumers.api import keys
from consumers.api.app import create_app
from consumers.api.audit import Actor
from consumers.api.keys import Role
from consumers.api.server import configured
from consumers.predictions.sources import Sources
from consumers.predictions.weather import AT_ONCE
from infra import topics
from infra.kafka import Outgoing, produce_all, producer
from infra.postgres import transaction
from infra.settings import Settings
from producers.weather.on_request import WeatherOnRequest
from streams.plant_states import PlantStates
from tests import output_records as made
from tests.integration.sink_help import CODEC, send, sink_all, wait_until
from tests.weather_server import weather_server

DAY = 96
PLANTS = ("a", "b'; drop table plants;--")


@dataclass
class World:
    """Settings, a key of each role, and the address of a running API."""

    settings: Settings
    app: FastAPI
    url: str
    keys: dict[Role, str]

    def client(self, role: Role | None = Role.READER, **headers: str) -> httpx.Client:
        """A client with the key of a role, or without any."""
        shown = {} if role is None else {"Authorization": f"Bearer {self.keys[role]}"}
        return httpx.Client(base_url=self.url, headers={**shown, **headers}, timeout=30)

    def get(self, path: str, role: Role | None = Role.READER, **headers: str) -> httpx.Response:
        with self.client(role, **headers) as client:
            return client.get(path)


def new_key(settings: Settings, role: Role, life: timedelta | None = None, **more: int) -> str:
    with transaction(settings) as cursor:
        return keys.add(cursor, f"test {role}", role, Actor("test"), life, **more)[1]


def publish(settings: Settings) -> None:
    """Two plants with a day and a half of scans and forecasts, scores, events, drift, a release."""
    groups = []
    for plant_id in PLANTS:
        forecasts = [made.forecast(plant_id, step, steps=DAY) for step in range(0, DAY, 4)]
        groups += [
            ("PlantVersion", [made.plant(plant_id)]),
            (
                "Telemetry",
                [made.scan(plant_id, step, 90.0 + step % 7, units=_units(step)) for step in range(-DAY, DAY)],
            ),
            ("Forecast", forecasts),
            ("Score", [made.score(plant_id, step) for step in range(DAY)]),
            (
                "AnomalyEvent",
                [
                    made.anomaly(plant_id, 0, "open"),
                    made.anomaly(plant_id, 1, "close", energy_kwh=300.0),
                    made.anomaly(plant_id, 0, "open", unit_id="T1", detector="unit_outage"),
                ],
            ),
            ("DriftEvent", [made.drift(plant_id)]),
        ]
    groups += [
        ("Release", [made.release("demo"), made.release("demo", made.T0_MS + 1000, version="2")]),
        ("WeatherRun", [made.run()]),
    ]
    send(settings, *groups)
    latest(settings, *(made.forecast(plant_id, DAY, steps=DAY) for plant_id in PLANTS))


def _units(step: int) -> list[dict[str, object]]:
    return [{"unit_id": f"T{n}", "power_kw": 45.0 + step % 7 / 2, "wind_speed_ms": 7.5 + n} for n in (1, 2)]


def latest(settings: Settings, *records: dict[str, object]) -> None:
    """The newest forecasts, on their compacted topic alone."""
    payloads = CODEC.encode("Forecast", list(records))
    produce_all(
        producer(settings),
        [
            Outgoing(topics.FORECASTS_LATEST, str(record["plant_id"]).encode(), payload)
            for record, payload in zip(records, payloads, strict=True)
        ],
    )


def filled(settings: Settings) -> None:
    """Topics and tables with something of everything."""
    publish(settings)
    sink_all(settings)
    with transaction(settings) as cursor:
        cursor.execute(
            "insert into trainings (started_at, ended_at, outcome, because, keys, detail, document)"
            " values (now(), now(), 'too_early', 'cron', '{cron}', 'nothing to judge by', '{}')"
        )
        told = [alert("1", "outage", "a"), alert("2", STALL), alert("3", "outage", "a", state=CLEARED)]
        rows.save(cursor, told, [], Rules())


def alert(alert_id: str, kind: str, plant_id: str = "", state: str = RAISED) -> Alert:
    """What an alerter has told, as it keeps it."""
    return Alert(
        alert_id, kind, plant_id, "", "", "plant.anomalies", 0, "everything", state, "critical", "critical",
        100.0, 25.0, made.T0_MS, made.T0_MS, 0, made.T0_MS, state == RAISED, "no power in 9.5 m/s",
        evidence={"wind_speed_ms": 9.5}, raised_at_ms=made.T0_MS + int(alert_id),
        cleared_at_ms=made.T0_MS + 1000 if state == CLEARED else None,
    )  # fmt: skip


@contextmanager
def running(settings: Settings) -> Iterator[tuple[FastAPI, str]]:
    """The app on a free port, in a thread of this process; its source of weather is `app.state.weather`."""
    with weather_server() as weather, socket.create_server(("127.0.0.1", 0)) as listener:
        found = settings.model_copy(update={"open_meteo_url": weather.url, "api_weather_s": 2.0})
        sources = Sources(WeatherOnRequest(found, AT_ONCE), PlantStates.of(settings, CODEC))
        app = create_app(settings, sources, ReleaseHands(settings))
        app.state.weather = weather
        server = uvicorn.Server(configured(app, settings))
        thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
        thread.start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        try:
            wait_until(lambda: _ready(url), "the API ready", 30)
            yield app, url
        finally:
            app.state.parts.hub.close()
            server.should_exit = True
            thread.join(20)
            assert not thread.is_alive()


def _ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/ready", timeout=5).status_code == 200
    except httpx.TransportError:
        time.sleep(0.05)
        return False
