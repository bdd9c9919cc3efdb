"""A collector on a simulated clock, in front of a real HTTP server."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from infra.kafka import Outgoing
from producers.weather.answers import Source
from producers.weather.asking import Asker
from producers.weather.breaker import Breaker
from producers.weather.cache import Cache
from producers.weather.http import Http, Patience
from producers.weather.live import Live
from producers.weather.open_meteo import OpenMeteo
from producers.weather.openweather import OpenWeather
from producers.weather.progress import Progress
from producers.weather.schedule import Schedule
from schemas.codec import Codec
from schemas.records import PlantKind, PlantVersion, WeatherRun
from tests.weather_server import WeatherServer

START_S = 1_790_001_000.0
CODEC = Codec()
QUICK = Patience(connect_s=0.5, read_s=0.3, deadline_s=0.5, attempts=4, largest_bytes=1 << 20)


@dataclass
class Clock:
    """Seconds since 1970 that pass only when somebody sleeps."""

    now_s: float = START_S

    def __call__(self) -> float:
        return self.now_s

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds


@dataclass
class Registered:
    """A registry that a test changes."""

    by_name: dict[str, PlantVersion] = field(default_factory=dict)
    whole: bool = True

    def poll(self, wait_s: float) -> None:
        pass

    def plants(self, now_ms: int) -> list[PlantVersion]:  # noqa: ARG002 - the collector's protocol
        return list(self.by_name.values())

    def add(self, *plants: PlantVersion) -> None:
        self.by_name |= {one.plant_id: one for one in plants}


@dataclass
class Sent:
    """What has been sent, instead of Kafka; `broken` raises."""

    records: list[Outgoing] = field(default_factory=list)
    broken: Exception | None = None

    def send(self, records: Iterable[Outgoing]) -> int:
        if self.broken is not None:
            raise self.broken
        taken = list(records)
        self.records += taken
        return len(taken)

    def runs(self) -> list[WeatherRun]:
        return [WeatherRun.from_avro(CODEC.decode(record.value)[1]) for record in self.records]


def plant(name: str, latitude: float | None = 54.0, longitude: float | None = 8.0) -> PlantVersion:
    return PlantVersion(name, 0, 0, PlantKind.WIND, 1000.0, 900, latitude, longitude)


@dataclass
class Station:
    """Everything of one collector."""

    server: WeatherServer
    folder: Path
    clock: Clock
    every_s: float = 3600.0
    rest_s: float = 300.0
    batch: int = 50
    registry: Registered = field(default_factory=Registered)
    out: Sent = field(default_factory=Sent)

    def __post_init__(self) -> None:
        self.http = Http(
            QUICK,
            sleep=self.clock.sleep,
            now_s=self.clock,
            random=random.Random(7),  # the waits of a test
        )
        key = "hidden-key"
        self.askers = [
            self.asker(OpenMeteo(self.server.url, batch=self.batch)),
            self.asker(OpenWeather(self.server.url, key)),
        ]
        self.begin()

    def begin(self) -> None:
        """A new life of the process: what it remembers is on disk."""
        self.progress = Progress(self.every_s, self.clock)
        schedule = Schedule(self.every_s, self.rest_s)
        self.live = Live(
            self.registry, self.askers, self.out, CODEC, schedule, self.progress, now_s=self.clock
        )

    def asker(self, source: Source) -> Asker:
        cache = Cache(self.folder, 0.75 * self.every_s, self.clock)
        return Asker(source, self.http, cache, Breaker(source.name, self.clock, rest_s=self.rest_s))

    def pass_s(self, seconds: float, step_s: float = 5.0) -> None:
        """Let the collector run for so long."""
        end_s = self.clock.now_s + seconds
        while self.clock.now_s < end_s:
            self.live.turn(0.0)
            self.clock.sleep(step_s)
