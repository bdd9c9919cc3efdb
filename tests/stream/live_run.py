"""A live run in memory: a journal as payloads, a worker's engine, its checkpoints and its outputs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from infra.kafka import Outgoing
from infra.topics import JOURNAL
from models.engine import Engine
from models.forecast.base import KNOTS
from models.release import Release, cold_start
from models.steps import EngineSettings
from schemas.codec import Codec
from schemas.records import PlantVersion, ReleaseRecord, ReleaseRole, WeatherRun
from streams import checkpoints
from streams.outputs import LIVE, Destinations, outgoing
from streams.partition import Partition
from streams.records import PlainRecords
from streams.replay import PartitionReplay, Range
from streams.replay_states import States
from streams.turns import process
from tests.forecast_world import Everywhere
from tests.journals import MINUTE_MS, T0_MS, Item, plant, run, scan, tick

CODEC = Codec()
DAY_MIN = 1440
AGAIN = Destinations("power.forecasts.again", None, "plant.anomalies.again", None, None, None)


class Windy:
    """A weather model that says what the run's wind says, times a factor."""

    def __init__(self, factor: float) -> None:
        self.factor = factor

    def knows(self, _run: WeatherRun) -> bool:
        return True

    def base(self, _plant: PlantVersion, run: WeatherRun, hours_ms: np.ndarray) -> np.ndarray:
        speed = np.interp(hours_ms, run.valid_at_ms, run.columns["wind_speed_100m_ms"])
        middle = np.clip(speed / 20.0 * self.factor, 0, 1)[:, None]
        inside = (hours_ms >= run.valid_at_ms[0]) & (hours_ms <= run.valid_at_ms[-1])
        spread = 0.2 * (np.array(KNOTS) - 0.5)
        return np.where(inside[:, None], np.clip(middle + spread, 0, 1), np.nan)


def release(
    version: str, minute: float, plants: tuple[str, ...] = (), role: ReleaseRole = ReleaseRole.CHAMPION
) -> ReleaseRecord:
    at = T0_MS + int(minute * MINUTE_MS)
    return ReleaseRecord("test", version, at, at, role, "00", 1, plants)


def load(record: ReleaseRecord) -> Release:
    weather = Everywhere(Windy(1 + int(record.version) / 10))
    return replace(cold_start(), name=record.name, version=record.version, weather=weather)


def payload(item: Item) -> tuple[bytes, bytes]:
    """Key and payload of a journal record."""
    if isinstance(item, tuple):
        plant_id, event_time_ms, power_kw, known_at_ms = item
        name = "Telemetry" if known_at_ms >= 0 else "Tick"
        record: dict[str, Any] = {"plant_id": plant_id, "event_time": event_time_ms}
        record["known_at"] = known_at_ms if known_at_ms >= 0 else event_time_ms + MINUTE_MS
        if known_at_ms >= 0:
            record |= {"power_kw": power_kw, "units": [], "other": []}
        return plant_id.encode(), CODEC.encode(name, [record])[0]
    key = item.name if isinstance(item, ReleaseRecord) else item.plant_id
    name = {ReleaseRecord: "Release"}.get(type(item), type(item).__name__)
    return key.encode(), CODEC.encode(name, [item.to_avro()])[0]


def days_of(count: int, seed: int) -> list[Item]:
    """Three plants, one in an era of its own and one registered midway, with runs, gaps and releases in every
    role: new champions, shadows, shadows that are promoted, withdrawals.
    """
    rng = np.random.default_rng(seed)
    items: list[Item] = [plant("a"), release("1", 0), plant("old", valid_from_ms=0)]
    versions = 1
    for hour in range(24 * count):
        minute = hour * 60.0
        if hour == 11 * count:
            items.append(plant("late", resolution_s=600, issue_every_s=1800))
        names = ["a", "old"] + ["late"] * (hour >= 11 * count)
        for who in names:
            back = 400 * DAY_MIN if who == "old" else 0
            if hour % 12 == 0:
                items.append(run(who, minute - back, speed_ms=float(rng.uniform(2, 18))))
            items += _hour(rng, who, minute - back)
        if rng.integers(20) == 0:
            versions += 1
            items.append(release(str(versions), minute, ("a",) if versions % 3 == 0 else ()))
        if rng.integers(12) == 0:
            role = list(ReleaseRole)[rng.choice(3, p=(0.3, 0.5, 0.2))]
            other = str(rng.integers(1, versions + 2))
            items.append(release(other, minute + 1, ("a",) if rng.integers(3) == 0 else (), role))
    return items


def _hour(rng: np.random.Generator, who: str, minute: float) -> list[Item]:
    if rng.integers(12) == 0:
        return [tick(who, minute + m) for m in (15, 30, 45, 60)]
    made = [scan(who, minute + m, float(rng.uniform(-20, 1000))) for m in (10, 20, 30, 40, 50, 60)]
    if rng.integers(6) == 0:
        made.append(scan(who, minute + 20, 7000.0, minute + 60))  # refused
    if rng.integers(6) == 0:
        made.append(scan(who, minute + 10, float(rng.uniform(0, 900)), minute + 60))  # a correction
    return made


@dataclass(repr=False)
class LiveRun:
    """What stands on the topics after a worker has done one journal partition."""

    journal: list[tuple[bytes, bytes]]
    forecasts: list[Outgoing] = field(default_factory=list)
    anomalies: list[Outgoing] = field(default_factory=list)
    states: dict[bytes, tuple[str, dict[str, Any]]] = field(default_factory=dict)

    @classmethod
    def of(cls, items: Iterable[Item], batch: int, round_every: int) -> LiveRun:
        """Rounds of checkpoints after every so many batches; compaction keeps the newest of each key."""
        made = cls([payload(item) for item in items])
        partition = Partition(0, Engine(EngineSettings(), load), 0, 0)
        for turn, first in enumerate(range(0, len(made.journal), batch)):
            records = made.records(first, min(first + batch, len(made.journal)))
            done = process(CODEC, [(partition.engine, records)])
            made.forecasts += [r for r in done.records if r.topic == LIVE.forecasts]
            made.anomalies += [r for r in done.records if r.topic == LIVE.anomalies]
            partition.moved(int(records.offsets[-1]), 0, 0)
            if turn % round_every == round_every - 1:
                made._write(partition)
        return made

    def _write(self, partition: Partition) -> None:
        for one in [*checkpoints.states(CODEC, partition).values(), checkpoints.marker(CODEC, partition)]:
            assert one.key is not None
            # a key that is written again moves to the end of the log
            self.states.pop(one.key, None)
            self.states[one.key] = CODEC.decode(one.value)
        partition.engine.clear_changed()

    def records(self, first: int, end: int) -> PlainRecords:
        keys, payloads = [k for k, _ in self.journal[first:end]], [p for _, p in self.journal[first:end]]
        return PlainRecords(JOURNAL, 0, np.arange(first, end), list(keys), list(payloads))

    def issued(self, part: Range) -> dict[str, bytes]:
        """Payloads of the live forecasts of a range, by identity."""
        found = {}
        for one in self.forecasts:
            _, record = CODEC.decode(one.value)
            if part.holds(record["issued_at"]) and _of(part, record["plant_id"]):
                found[dict(one.headers)["id"].decode()] = one.value or b""
        return found

    def events(self, part: Range) -> set[bytes]:
        """Payloads of the live anomaly events of a range."""
        decoded = [(CODEC.decode(one.value)[1], one.value or b"") for one in self.anomalies]
        return {v for r, v in decoded if part.holds(r["event_time"]) and _of(part, r["plant_id"])}

    def states_for(self, part: Range, first: int = 0) -> States:
        from models.state import layout_of

        layout = layout_of(Engine(EngineSettings(), load).fleet.fields)
        states = States(layout, first, part.from_ms, part.plants)
        for name, record in self.states.values():
            states.take(name, record)
        return states

    def again(
        self, part: Range, batch: int, first: int = 0, served: ReleaseRecord | None = None
    ) -> tuple[dict[str, bytes], set[bytes], int]:
        """A replay: payloads of its forecasts by identity, of its events, and how many records it read."""
        start = self.states_for(part, first).start()
        chosen = (served, load(served)) if served is not None else None
        loaded = (lambda _: load(served)) if served is not None else load
        replay = PartitionReplay(Engine(EngineSettings(), loaded), CODEC, start, part, chosen)
        forecasts, events, at = dict[str, bytes](), set[bytes](), start.offset
        while at < len(self.journal) and not replay.done:
            records = self.records(at, min(at + batch, len(self.journal)))
            for out in replay.feed(records):
                for one in outgoing(CODEC, out, AGAIN):
                    if one.topic == AGAIN.forecasts:
                        name = dict(one.headers)["id"].decode()
                        assert name not in forecasts
                        forecasts[name] = one.value or b""
                    else:
                        events.add(one.value or b"")
            at += batch
        return forecasts, events, min(at, len(self.journal)) - start.offset


def _of(part: Range, plant_id: str) -> bool:
    return part.plants is None or plant_id in part.plants


def range_of(first_min: float, last_min: float, plants: Sequence[str] | None = None) -> Range:
    return Range(
        T0_MS + int(first_min * MINUTE_MS),
        T0_MS + int(last_min * MINUTE_MS),
        frozenset(plants) if plants is not None else None,
    )
