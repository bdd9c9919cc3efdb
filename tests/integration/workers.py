"""Workers as processes, and journals for them to read."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
from confluent_kafka import TopicPartition

from infra.kafka import Outgoing, consumer, produce_all, producer
from infra.settings import Settings
from infra.topic_reader import read, spans
from infra.topics import JOURNAL, PLANTS, WEATHER_RUNS
from models.engine import Engine
from models.steps import EngineSettings
from schemas.codec import Codec
from streams.records import of_messages
from streams.turns import Processed, process

ROOT = Path(__file__).parents[2]
CODEC = Codec()
HOUR_MS = 3_600_000
START_MS = 1_700_006_400_000  # a whole hour: 2023-11-15T00:00:00Z
PLANT_IDS = [f"plant-{number}" for number in range(12)]  # in all of four partitions


class RunningWorker:
    """`gridcast worker`, or another command that runs until it is told, with its log; `settings` overrides go
    through the environment. `root`: the checkout that it runs from.
    """

    def __init__(
        self,
        settings: Settings,
        *arguments: str,
        module: str = "cli",
        command: str = "worker",
        root: Path = ROOT,
        **overrides: object,
    ) -> None:
        self.log = settings.home / f"{command}-{time.monotonic_ns()}.log"
        self.log.parent.mkdir(parents=True, exist_ok=True)
        told = {
            "GRIDCAST_HOME": str(settings.home),
            "GRIDCAST_KAFKA": settings.kafka_bootstrap,
            "GRIDCAST_COMMIT_EVERY_S": "0.3",
            **{f"GRIDCAST_{name.upper()}": str(value) for name, value in overrides.items()},
        }
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", module, command, *arguments],
                cwd=root,
                env={**os.environ, **told},
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def said(self) -> str:
        return self.log.read_text()

    def probe(self, path: str) -> httpx.Response:
        address = re.search(r"http://[\d.]+:\d+", self.said())
        assert address, self.said()
        return httpx.get(address[0] + path, timeout=5)

    def wait_ready(self, timeout_s: float = 60) -> None:
        await_true(lambda: self._ready(), timeout_s, self)

    def _ready(self) -> bool:
        with suppress(AssertionError, httpx.HTTPError):
            return self.probe("/ready").status_code == 200
        return False

    def stop(self, timeout_s: float = 60) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout_s)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def wait(self, timeout_s: float = 120) -> int:
        """Its exit code. One that does not end is killed: it would stay in its group beside later workers."""
        try:
            return self.process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"it did not end in {timeout_s} s: {self.said()}") from None


@contextmanager
def running(
    settings: Settings,
    *arguments: str,
    module: str = "cli",
    command: str = "worker",
    root: Path = ROOT,
    **overrides: object,
) -> Iterator[RunningWorker]:
    worker = RunningWorker(settings, *arguments, module=module, command=command, root=root, **overrides)
    try:
        yield worker
    finally:
        if worker.process.poll() is None:
            worker.kill()


def await_true(
    condition: Callable[[], bool], timeout_s: float = 60, worker: RunningWorker | None = None
) -> None:
    deadline_s = time.monotonic() + timeout_s
    while not condition():
        if worker is not None and worker.process.poll() is not None:
            raise AssertionError(f"the worker ended with {worker.process.returncode}: {worker.said()}")
        assert time.monotonic() < deadline_s, f"not within {timeout_s} s: {worker.said() if worker else ''}"
        time.sleep(0.1)


def committed(settings: Settings, topic: str = JOURNAL) -> dict[int, int]:
    client = consumer(settings, settings.worker_group)
    asked = [TopicPartition(topic, partition) for partition in spans(settings, topic)]
    found = {one.partition: max(one.offset, 0) for one in client.committed(asked, timeout=20)}
    client.close()
    return found


def caught_up(settings: Settings, topic: str = JOURNAL) -> bool:
    ends = {partition: span.end for partition, span in spans(settings, topic).items()}
    return committed(settings, topic) == ends


def contents(settings: Settings, topic: str) -> list[tuple[str, dict[str, Any]]]:
    return [CODEC.decode(message.value()) for batch in read(settings, topic) for message in batch]


def identities(records: list[tuple[str, dict[str, Any]]]) -> dict[tuple[object, ...], dict[str, Any]]:
    """Values by identity; fails where two records of one identity differ."""
    found: dict[tuple[object, ...], dict[str, Any]] = {}
    for name, record in records:
        key = tuple(record[part] for part in IDENTITY[name])
        assert found.setdefault(key, record) == record, f"{name} {key} differs from its first copy"
    return found


def differences(found: dict[Any, dict[str, Any]], meant: dict[Any, dict[str, Any]]) -> list[str]:
    """What differs, identity by identity and field by field."""
    told = [f"{key} is missing" for key in meant.keys() - found.keys()]
    told += [f"{key} was not meant" for key in found.keys() - meant.keys()]
    told += [
        f"{key} {name}: {found[key][name]} instead of {meant[key][name]}"
        for key in sorted(found.keys() & meant.keys(), key=str)
        for name in meant[key]
        if found[key][name] != meant[key][name]
    ]
    return told


IDENTITY = {
    "Forecast": ("plant_id", "issued_at", "model", "version"),
    "Score": ("plant_id", "valid_at"),
    "AnomalyEvent": ("plant_id", "unit_id", "detector", "started_at", "sequence"),
    "DriftEvent": ("plant_id", "detector", "subject", "event_time"),
    "RejectedRecord": ("topic", "partition", "offset"),
}


def telemetry(plant_id: str, minute: int, power_kw: float) -> Outgoing:
    return telemetry_at(plant_id, START_MS + minute * 60_000, power_kw)


def telemetry_at(plant_id: str, at_ms: int, power_kw: float) -> Outgoing:
    record = {"plant_id": plant_id, "event_time": at_ms, "known_at": at_ms, "power_kw": power_kw}
    optional = ("setpoint_kw", "wind_speed_ms", "wind_direction_deg", "temperature_c")
    more = ("module_temperature_c", "poa_irradiance_w_m2", "status")
    full = record | dict.fromkeys((*optional, *more)) | {"units": [], "other": []}
    return Outgoing(JOURNAL, plant_id.encode(), CODEC.encode("Telemetry", [full])[0])


def hours_of_telemetry(first: int, last: int) -> list[Outgoing]:
    """A value every ten minutes for every plant, in the order of time."""
    return [
        telemetry(plant_id, minute, 100.0 + 7 * number + (minute * (number + 3)) % 311)
        for minute in range(first * 60, last * 60, 10)
        for number, plant_id in enumerate(PLANT_IDS)
    ]


def plant_versions(every_s: int = 3600) -> list[Outgoing]:
    records = [
        {
            "plant_id": plant_id,
            "valid_from": 0,
            "known_at": START_MS,
            "kind": "wind",
            "capacity_kw": 1000.0,
            "latitude": 54.0,
            "longitude": 8.0,
            "resolution_s": 600,
            "issue_every_s": every_s,
            **dict.fromkeys(("scan_s", "min_kw", "hub_height_m", "tilt_deg", "azimuth_deg", "timezone")),
        }
        for plant_id in PLANT_IDS
    ]
    keys = [f"{plant_id}|1970-01-01T00:00:00Z".encode() for plant_id in PLANT_IDS]
    payloads = CODEC.encode("PlantVersion", records)
    return [Outgoing(PLANTS, key, payload) for key, payload in zip(keys, payloads, strict=True)]


def weather_runs() -> list[Outgoing]:
    records = [
        {
            "plant_id": plant_id,
            "source": "test",
            "published_at": START_MS - HOUR_MS,
            "known_at": START_MS - HOUR_MS,
            "journaled": False,
            "valid_at": [START_MS + hour * HOUR_MS for hour in range(60)],
            "columns": [{"name": "wind_speed_100m_ms", "values": [4.0 + hour % 9 for hour in range(60)]}],
            "points": [],
        }
        for plant_id in PLANT_IDS
    ]
    payloads = CODEC.encode("WeatherRun", records)
    return [Outgoing(WEATHER_RUNS, p.encode(), body) for p, body in zip(PLANT_IDS, payloads, strict=True)]


def send(settings: Settings, records: list[Outgoing]) -> None:
    produce_all(producer(settings, linger_ms=5), records)


def replayed(settings: Settings, at_once: int = 997, but: frozenset[bytes] = frozenset()) -> list[Processed]:
    """What the journal means, computed here from its records alone, in batches of another size.

    `but`: payloads that are left out.
    """
    done = []
    for partition, span in spans(settings, JOURNAL).items():
        engine = Engine(EngineSettings(levels=settings.levels), _no_release)
        for messages in read(settings, JOURNAL, {partition: span.first}, batch=at_once):
            kept = [message for message in messages if message.value() not in but]
            done.append(process(CODEC, [(engine, of_messages(JOURNAL, partition, kept))]))
    return done


def _no_release(record: object) -> Any:
    raise AssertionError(f"no release was expected: {record}")
