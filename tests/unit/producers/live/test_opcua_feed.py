"""A feed against losses of its source, failures of Kafka and kills: every scan gets through."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import pytest
from asyncua import ua

from infra.kafka import Outgoing
from producers.live import opcua_feed, outbox
from producers.live.bookmarks import LiveBookmark
from producers.live.mapping import OpcuaMapping
from producers.live.opcua import Reading, Target
from producers.live.opcua_feed import OpcuaFeed
from producers.live.outbox import Outbox
from producers.live.progress import Progress
from schemas.codec import Codec
from schemas.errors import InputError, ServiceUnavailable

CODEC = Codec()
STEP_MS = 60_000
START_MS = 1_700_000_000_000 // STEP_MS * STEP_MS
MAPPING = OpcuaMapping.model_validate(
    {
        "opcua": {"endpoint": "opc.tcp://x:1", "straggler_s": 0.02, "first_history_s": 3600},
        "plants": [
            {"plant_id": "a", "power": "ap", "sensors": {"wind_speed_ms": "aw"}},
            {"plant_id": "b", "power": "bp"},
        ],
    }
)
TARGETS: list[Target] = [("a", ("power",)), ("a", ("sensor", "wind_speed_ms")), ("b", ("power",))]


class Killed(Exception):
    """Stands for SIGKILL."""


class Park:
    """A source with a history and a clock of its own, which outlives the feed's lives."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.kept: dict[Target, dict[int, float]] = {target: {} for target in TARGETS}
        self.now_ms = START_MS

    def scan(self) -> list[tuple[Target, int]]:
        self.now_ms += STEP_MS
        for target in TARGETS:
            self.kept[target][self.now_ms] = float(self.random.randrange(3))
        return [(target, self.now_ms) for target in TARGETS]

    def reading(self, target: Target, at_ms: int) -> Reading:
        at = datetime.fromtimestamp(at_ms / 1000, UTC)
        return target, ua.DataValue(ua.Variant(self.kept[target][at_ms]), SourceTimestamp=at)


class FakeServer:
    """A session with the park that breaks now and then."""

    def __init__(self, park: Park, calls: int, trouble: bool = True) -> None:
        self.park = park
        self.lost = True
        self._calls = calls
        self._trouble = trouble
        self._connected = False
        self._waiting: list[Reading] = []

    @property
    def connected(self) -> bool:
        return self._connected

    @property
    def done(self) -> bool:
        return self._calls <= 0

    def _happens(self, share: float) -> bool:
        return self._trouble and not self.done and self.park.random.random() < share

    async def open(self) -> None:
        if self._happens(0.3):
            raise ServiceUnavailable("away")
        self._connected, self.lost, self._waiting = True, True, []
        newest = self.park.now_ms
        self._waiting += [self.park.reading(t, newest) for t in TARGETS if newest in self.park.kept[t]]

    async def close(self) -> None:
        self._connected = False

    async def values(self, _timeout_s: float) -> list[Reading]:
        await asyncio.sleep(0.001)
        self._calls -= 1
        if not self.done:
            self._waiting += [self.park.reading(*one) for one in self.park.scan()] if self._connected else []
            if not self._connected:
                self.park.scan()
        if self._happens(0.05):
            self._connected, self.lost = False, True
        split = (
            self.park.random.randrange(len(self._waiting) + 1) if self._happens(0.3) else len(self._waiting)
        )
        found, self._waiting = self._waiting[:split], self._waiting[split:]
        return found

    async def history(self, targets: Iterable[Target], from_ms: int, to_ms: int) -> list[Reading]:
        if self._happens(0.1):
            self.lost = True
            raise ServiceUnavailable("in the middle")
        if self._happens(0.3):
            self._waiting += [self.park.reading(*one) for one in self.park.scan()]
        return [
            self.park.reading(target, at_ms)
            for target in targets
            for at_ms in sorted(self.park.kept[target])
            if from_ms <= at_ms <= to_ms
        ]


class Kafka:
    """Takes records; fails now and then with a part of them taken, and ends a life now and then."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.calm = False
        self.records: list[Outgoing] = []

    def __call__(self, records: Sequence[Outgoing]) -> int:
        trouble = 1.0 if self.calm else self.random.random()
        if trouble < 0.15:
            self.records += records[: self.random.randrange(len(records) + 1)]
            raise (Killed() if trouble < 0.05 else ServiceUnavailable("Kafka is away"))
        self.records += records
        return len(records)


def live(park: Park, kafka: Kafka, home: Path, calls: int, trouble: bool = True) -> None:
    """One life of the feed: until its source has been asked so often, or until it is killed."""
    server, progress = FakeServer(park, calls, trouble), Progress("opcua", ["a", "b"])
    bookmarks = {plant: LiveBookmark.of(home, "opc.tcp://x:1", plant) for plant in ("a", "b")}
    feed = OpcuaFeed(
        MAPPING,
        server,
        CODEC,
        Outbox(kafka, progress, lambda: server.done),
        progress,
        bookmarks,
        lambda: park.now_ms,
    )
    try:
        asyncio.run(feed.run(lambda: server.done, 30))
    except Killed:
        return


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "_FIRST_PAUSE_S", 0.001)
    monkeypatch.setattr(opcua_feed, "_PAUSE_S", (0.001, 0.002))
    monkeypatch.setattr(opcua_feed, "_HISTORY_TRIES", 50)
    monkeypatch.setattr(opcua_feed, "_HISTORY_PAUSE_S", 0.001)
    monkeypatch.setattr(opcua_feed, "_WINDOW_MS", 7 * STEP_MS)


@pytest.mark.parametrize("seed", range(20))
def test_through_losses_failures_and_kills_every_scan_reaches_the_journal_as_it_is(
    tmp_path: Path, seed: int
) -> None:
    random = Random(seed)
    park, kafka = Park(random), Kafka(random)
    for _ in range(4):
        live(park, kafka, tmp_path, calls=random.randrange(5, 60))
    kafka.calm = True
    live(park, kafka, tmp_path, calls=60, trouble=False)
    found = {}
    for record in kafka.records:
        _, values = CODEC.decode(record.value)
        found[values["plant_id"], values["event_time"]] = values["power_kw"], values["wind_speed_ms"]
    powers = {("a", at): power for at, power in park.kept[TARGETS[0]].items()}
    meant = {key: (power, park.kept[TARGETS[1]][key[1]]) for key, power in powers.items()}
    meant |= {("b", at): (power, None) for at, power in park.kept[TARGETS[2]].items()}
    assert {key: found.get(key) for key in meant if found.get(key) != meant[key]} == {}
    assert found.keys() <= meant.keys()


def test_a_stamp_of_a_wild_clock_does_not_carry_the_bookmark_away(tmp_path: Path) -> None:
    park, kafka = Park(Random(0)), Kafka(Random(0))
    kafka.calm = True
    live(park, kafka, tmp_path, calls=5, trouble=False)
    for target in TARGETS:
        park.kept[target][park.now_ms + 10**12] = 1.0
    server_ms, park.now_ms = park.now_ms, park.now_ms + 10**12
    park.now_ms = server_ms
    live(park, kafka, tmp_path, calls=5, trouble=False)
    assert (LiveBookmark.of(tmp_path, "opc.tcp://x:1", "a").read() or 0) <= park.now_ms


def test_a_refusal_at_the_start_ends_it_and_a_later_one_is_tried_again(tmp_path: Path) -> None:
    class Refusing(FakeServer):
        async def open(self) -> None:
            raise InputError("no such node")

    server, progress = Refusing(Park(Random(0)), 5), Progress("opcua", ["a", "b"])
    bookmarks = {plant: LiveBookmark.of(tmp_path, "x", plant) for plant in ("a", "b")}
    never = Outbox(Kafka(Random(0)), progress, lambda: False)
    feed = OpcuaFeed(MAPPING, server, CODEC, never, progress, bookmarks)
    with pytest.raises(InputError, match="no such node"):
        asyncio.run(feed.run(lambda: False, 30))
