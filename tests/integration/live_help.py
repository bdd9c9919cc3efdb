"""Sources of live telemetry as processes, `gridcast telemetry`, and what of it is in the journal."""

from __future__ import annotations

import csv
import gzip
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from paho.mqtt.client import Client, MQTTv311
from paho.mqtt.enums import CallbackAPIVersion

from infra import local
from infra.settings import Settings
from infra.topic_reader import spans
from infra.topics import JOURNAL
from schemas.errors import InputError, ServiceUnavailable
from tests.integration.mqtt_broker import PASSWORD, USER
from tests.integration.workers import ROOT, await_true, contents

#: (plant, event_time [ms]) to power [kW].
Powers = dict[tuple[str, int], float | None]


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


class Child:
    """A process of ours with its log."""

    def __init__(self, log: Path, arguments: list[str], **environment: str) -> None:
        self.log = log
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as out:
            self.process = subprocess.Popen(
                arguments,
                cwd=ROOT,
                env={**os.environ, **environment},
                stdout=out,
                stderr=subprocess.STDOUT,
            )

    def said(self) -> str:
        return self.log.read_text()

    def kill(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def stop(self, timeout_s: float = 30) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout_s)

    def signal(self, number: int) -> None:
        self.process.send_signal(number)


class Telemetry(Child):
    """`gridcast telemetry MAPPING`."""

    def __init__(self, settings: Settings, mapping: Path, *options: str, **more: str) -> None:
        environment = {
            "GRIDCAST_HOME": str(settings.home),
            "GRIDCAST_KAFKA": settings.kafka_bootstrap,
            "GRIDCAST_TELEMETRY_PASSWORD": PASSWORD,
            **more,
        }
        log = settings.home / f"telemetry-{time.monotonic_ns()}.log"
        super().__init__(
            log, [sys.executable, "-m", "cli", "telemetry", str(mapping), *options], **environment
        )

    def probe(self, path: str) -> httpx.Response:
        address = re.search(r"http://[\d.]+:\d+", self.said())
        assert address, self.said()
        return httpx.get(address[0] + path, timeout=5)

    def wait_ready(self, timeout_s: float = 30) -> None:
        await_true(self._ready, timeout_s, self)  # type: ignore[arg-type]

    def _ready(self) -> bool:
        try:
            return self.probe("/ready").status_code == 200
        except (AssertionError, httpx.HTTPError):
            return False


class MqttBroker(Child):
    """The broker of `mqtt_broker.py`; started again on the same file it knows what it knew."""

    def __init__(self, folder: Path, port: int, *certificate: Path) -> None:
        options = [str(port), str(folder / "kept.db"), *(str(path) for path in certificate)]
        command = [sys.executable, "-m", "tests.integration.mqtt_broker", *options]
        super().__init__(folder / "broker.log", command)
        await_true(lambda: answers(port), 20, self)  # type: ignore[arg-type]


def mosquitto() -> str:
    """A mosquitto on this machine, where a variable names one."""
    return os.environ.get("GRIDCAST_TEST_MOSQUITTO", "")


class Mosquitto(Child):
    """A mosquitto that keeps sessions in a file."""

    def __init__(self, folder: Path, port: int) -> None:
        config = folder / "mosquitto.conf"
        config.write_text(
            f"listener {port} 127.0.0.1\nallow_anonymous true\npersistence true\n"
            f"persistence_location {folder}/\nuser root\nmax_queued_messages 0\n"
        )
        super().__init__(folder / "mosquitto.log", [mosquitto(), "-c", str(config)])
        await_true(lambda: answers(port), 20, self)  # type: ignore[arg-type]


@contextmanager
def kafka_frozen(servers: Settings) -> Iterator[None]:
    """Kafka hears nothing and says nothing, as behind a cut wire."""
    found = [server for server in local.status(servers.home) if server.name == "kafka"]
    if not found or found[0].running is None:
        pytest.skip("Kafka runs under Docker: its process cannot be frozen")
    os.kill(found[0].running.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(found[0].running.pid, signal.SIGCONT)
        await_true(lambda: _leads(servers), 60)


def _leads(settings: Settings) -> bool:
    """Whether every partition of the journal has its leader again."""
    with suppress(ServiceUnavailable, InputError):
        return bool(spans(settings, JOURNAL))
    return False


def answers(port: int) -> bool:
    with socket.socket() as one:
        one.settimeout(1)
        return one.connect_ex(("127.0.0.1", port)) == 0


class Publisher:
    """A plant's own system: publishes with QoS 1, and again until the broker has acknowledged."""

    def __init__(self, port: int, user: str = USER, password: str = PASSWORD) -> None:
        self._client = Client(
            CallbackAPIVersion.VERSION2, client_id="park", clean_session=False, protocol=MQTTv311
        )
        self._client.username_pw_set(user, password)
        self._client.reconnect_delay_set(1, 1)
        self._client.connect_async("127.0.0.1", port, 10)
        self._client.on_publish = lambda *_: self._delivered.append(1)
        self._sent = 0
        self._delivered: list[int] = []
        self._client.loop_start()

    def publish(self, topic: str, payload: bytes | dict[str, Any]) -> None:
        body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        self._client.publish(topic, body, qos=1)
        self._sent += 1

    def wait_delivered(self, timeout_s: float = 40) -> None:
        await_true(lambda: len(self._delivered) >= self._sent, timeout_s)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


def sample(name: str, rows: int) -> Iterator[tuple[int, float | None, dict[str, str]]]:
    """(event_time [ms], power [kW], the row) of the first rows of a sample."""
    path = ROOT / "samples" / name / "telemetry.csv.gz"
    with gzip.open(path, "rt") as content:
        for _, row in zip(range(rows), csv.DictReader(content), strict=False):
            at = datetime.fromisoformat(row["event_time"])
            yield round(at.timestamp() * 1000), float(row["power_kw"]) if row["power_kw"] else None, row


def journaled(settings: Settings) -> Powers:
    """The newest power of each plant and time in the journal; fails where two copies of a scan differ."""
    found: dict[tuple[str, int], dict[str, Any]] = {}
    for name, record in contents(settings, JOURNAL):
        if name != "Telemetry":
            continue
        values = {key: value for key, value in record.items() if key != "known_at"}
        key = (record["plant_id"], record["event_time"])
        assert found.setdefault(key, values) == values, f"{key} is there with two values"
    return {key: values["power_kw"] for key, values in found.items()}


def differing(found: Powers, meant: Powers) -> list[str]:
    told = [f"{key} is missing" for key in sorted(meant.keys() - found.keys())]
    told += [f"{key} was not meant" for key in sorted(found.keys() - meant.keys())]
    both = sorted(found.keys() & meant.keys())
    return told + [f"{key}: {found[key]} for {meant[key]}" for key in both if found[key] != meant[key]]
