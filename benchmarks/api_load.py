"""`make load`: newest forecasts over HTTP at a given rate, on one core that a worker and a sink share.

    python -m benchmarks.api_load [--rate 200] [--seconds 20] [--plants 1000]

Servers, worker, sink and API are started for the run; the worker is fed the samples meanwhile. Each request
has a time at which it is due, and its latency counts from there: one that waits for another is not flattered.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import click
import numpy as np

from benchmarks.speed import machine
from cli.output import emit, note
from consumers.api import keys
from consumers.api.audit import Actor
from infra import local, topics
from infra.kafka import Outgoing, produce_all, producer
from infra.postgres import migrate, transaction
from infra.settings import Settings, isolated, isolated_environment
from infra.topics import make_topics
from models.steps import DEFAULT_LEVELS
from schemas.codec import Codec

SAMPLES: Final = Path(__file__).parents[1] / "samples"
_CONNECTIONS: Final = 20
_WARM_S: Final = 3.0
_FED_AT: Final = "2014-12-01"


@dataclass(frozen=True)
class Told:
    """One answer: status, seconds since it was due, bytes of the body."""

    status: int
    seconds: float
    size: int


@click.command()
@click.option("--rate", type=click.FloatRange(1), default=200.0, show_default=True, help="Requests a second.")
@click.option("--seconds", type=click.FloatRange(1), default=20.0, show_default=True)
@click.option("--plants", type=click.IntRange(1), default=1000, show_default=True)
@click.option("--out", type=click.Path(path_type=Path), default=Path(".gridcast/load/results.json"))
def main(rate: float, seconds: float, plants: int, out: Path) -> None:
    """Measure, say it, and write it down."""
    own, others = machine.cores()
    with (
        tempfile.TemporaryDirectory(prefix="gridcast-load-") as home,
        machine.everything_else(),
        _servers(Path(home)) as settings,
    ):
        _forecasts(settings, plants)
        key = _key(settings)
        with _process(settings, own, "sink"), _process(settings, own, "worker") as worker:
            _fed(settings, "--speed", "0", "--to", _FED_AT)
            with _process(settings, own, "serve", "--json", "--port", "0") as api, _feeding(settings):
                assert api.stdout is not None
                url = json.loads(api.stdout.readline())["api"]
                _wait_ready(url)
                asyncio.run(_load(url, key, rate, _WARM_S, plants))
                before = [machine.cpu_s(one.pid) for one in (api, worker)]
                began = time.monotonic()
                told = asyncio.run(_load(url, key, rate, seconds, plants))
                took_s = time.monotonic() - began
                after = [machine.cpu_s(one.pid) for one in (api, worker)]
    shares = [(b - a) / took_s for a, b in zip(before, after, strict=True)]
    document = {"rate": rate, "plants": plants, "cores": [own, others], **_summary(told, took_s, shares)}
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(document, indent=2) + "\n")
    emit(document, as_json=True)


def _summary(told: list[Told], took_s: float, shares: list[float]) -> dict[str, Any]:
    milliseconds = np.array([1000 * one.seconds for one in told])
    return {
        "requests": len(told),
        "failed": sum(one.status != 200 for one in told),
        "per_s": round(len(told) / took_s, 1),
        "bytes": round(float(np.mean([one.size for one in told]))),
        "latency_ms": {
            name: round(float(np.percentile(milliseconds, share)), 2)
            for name, share in (("p50", 50), ("p95", 95), ("p99", 99), ("max", 100))
        },
        "cpu_share": {"api": round(shares[0], 3), "worker": round(shares[1], 3)},
        "cpu_us_per_request": round(1e6 * shares[0] * took_s / len(told)),
        "load_average": os.getloadavg()[0],
    }


@contextmanager
def _servers(home: Path) -> Iterator[Settings]:
    with machine.on_all_cores():
        found = {server.name: server.address for server in local.up(home)}
    settings = isolated(home, kafka=found["kafka"], postgres=found["postgres"], **_UNLIMITED)
    try:
        make_topics(settings)
        migrate(settings)
        yield settings
    finally:
        local.down(home)


_UNLIMITED: Final = {"api_key_per_minute": 10**7, "api_address_per_minute": 10**7}


def _forecasts(settings: Settings, plants: int) -> None:
    """A forecast of usual size for each made-up plant, on the topic of the newest."""
    rng, now_ms = np.random.default_rng(1), time.time_ns() // 900_000_000_000 * 900_000
    ends = [now_ms + 900_000 * (n + 1) for n in range(24)] + [now_ms + 3_600_000 * n for n in range(7, 49)]
    records = [
        {
            "plant_id": f"plant-{n}", "issued_at": now_ms, "known_at": now_ms, "model": "load",
            "version": "1", "release_sha256": "", "plant_valid_from": 0, "capacity_kw": 10_000.0,
            "valid_at": ends,
            "interval_s": [900] * 24 + [3600] * 42, "rung": [0] * 66, "levels": list(DEFAULT_LEVELS),
            "power_kw": np.sort(rng.uniform(0, 1e4, (66, 11))).round(1).ravel().tolist(),
            "available_kw": [], "telemetry_offset": 1, "stale": False,
        }
        for n in range(plants)
    ]  # fmt: skip
    payloads = Codec().encode("Forecast", records)
    sent = [
        Outgoing(topics.FORECASTS_LATEST, str(record["plant_id"]).encode(), payload)
        for record, payload in zip(records, payloads, strict=True)
    ]
    produce_all(producer(settings), sent)


def _key(settings: Settings) -> str:
    with transaction(settings) as cursor:
        return keys.add(cursor, "load", keys.Role.READER, Actor("load"))[1]


@contextmanager
def _process(settings: Settings, core: int, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A command of gridcast on a core, ended with the block."""
    environment = isolated_environment(
        settings.home, kafka=settings.kafka, postgres=settings.postgres.get_secret_value(), **_UNLIMITED
    )
    process = subprocess.Popen(
        [sys.executable, "-m", "cli.main", *arguments], env=environment, stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    try:
        os.sched_setaffinity(process.pid, {core})
        yield process
    finally:
        process.terminate()
        process.wait(30)


def _fed(settings: Settings, *options: str) -> None:
    for folder in ("la_haute_borne", "serf_east"):
        _publish(settings, folder, *options).wait()


@contextmanager
def _feeding(settings: Settings) -> Iterator[None]:
    """The days after it, an hour in half a second, while the block runs."""
    running = [_publish(settings, "la_haute_borne", "--speed", "7200", "--from", _FED_AT)]
    try:
        yield
    finally:
        for one in running:
            one.terminate()
            one.wait()


def _publish(settings: Settings, folder: str, *options: str) -> subprocess.Popen[bytes]:
    environment = isolated_environment(
        settings.home, kafka=settings.kafka, postgres=settings.postgres.get_secret_value()
    )
    command = [sys.executable, "-m", "cli.main", "publish", str(SAMPLES / folder), *options]
    return subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _wait_ready(url: str, timeout_s: float = 60.0) -> None:
    import httpx

    deadline = time.monotonic() + timeout_s
    while True:
        try:
            if httpx.get(f"{url}/ready", timeout=5).status_code == 200:
                return
        except httpx.TransportError:
            pass
        if time.monotonic() > deadline:
            raise click.ClickException("the API does not become ready")
        time.sleep(0.2)


async def _load(url: str, key: str, rate: float, seconds: float, plants: int) -> list[Told]:
    """Requests at their times, over kept connections; one waits where all are in use."""
    host, port = url.removeprefix("http://").split(":")
    free: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = asyncio.Queue()
    for _ in range(_CONNECTIONS):
        free.put_nowait(await asyncio.open_connection(host, int(port)))
    began = time.perf_counter()

    async def one(number: int) -> Told:
        due = began + number / rate
        await asyncio.sleep(max(due - time.perf_counter(), 0))
        connection = await free.get()
        path = f"/v1/plants/plant-{number * 7919 % plants}/forecasts/latest"
        status, size = await _ask(connection, f"GET {path} HTTP/1.1\r\nHost: x\r\nX-API-Key: {key}\r\n\r\n")
        free.put_nowait(connection)
        return Told(status, time.perf_counter() - due, size)

    found = await asyncio.gather(*(one(number) for number in range(round(rate * seconds))))
    while not free.empty():
        free.get_nowait()[1].close()
    return found


async def _ask(
    connection: tuple[asyncio.StreamReader, asyncio.StreamWriter], request: str
) -> tuple[int, int]:
    reader, writer = connection
    writer.write(request.encode())
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    size = int(head.lower().partition("content-length: ")[2].partition("\r")[0])
    await reader.readexactly(size)
    return int(head.split(" ", 2)[1]), size


if __name__ == "__main__":
    note("starting Kafka, PostgreSQL, a worker, a sink and the API")
    main()
