"""A live run as it may go: any batches, rounds of checkpoints cut short, crashes, late commits."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from infra.kafka import Outgoing
from infra.topics import JOURNAL
from models.engine import Engine
from models.state import layout_of
from models.steps import EngineSettings
from streams import checkpoints
from streams.checkpoints import Found
from streams.outputs import LIVE, outgoing
from streams.partition import Partition
from streams.records import PlainRecords, Records, without
from streams.replay import PartitionReplay, Range
from streams.replay_poison import CarefulReplay
from streams.replay_states import States
from streams.turns import process
from tests.journals import Item
from tests.stream.live_run import AGAIN, CODEC, load, payload


@dataclass
class Logged:
    """A message of the checkpoints' log."""

    record: Outgoing
    position: int

    def key(self) -> bytes | None:
        return self.record.key

    def value(self) -> bytes | None:
        return self.record.value

    def headers(self) -> list[tuple[str, bytes]]:
        return list(self.record.headers)

    def offset(self) -> int:
        return self.position

    def topic(self) -> str:
        return self.record.topic

    def partition(self) -> int:
        return self.record.partition


def engine() -> Engine:
    return Engine(EngineSettings(), load)


def split(
    items: Iterable[Item], partitions: int, rng: np.random.Generator
) -> list[list[tuple[bytes, bytes]]]:
    """The journals of that many partitions: each plant in one of them, releases in all."""
    made: list[list[tuple[bytes, bytes]]] = [[] for _ in range(partitions)]
    home: dict[bytes, int] = {}
    for item in items:
        key, value = payload(item)
        if key == b"test":  # a release
            for one in made:
                one.append((key, value))
        else:
            made[home.setdefault(key, int(rng.integers(partitions)))].append((key, value))
    return made


@dataclass
class Life:
    """One partition in the hands of one worker after another. `poison`: offsets that the engine breaks on."""

    journal: list[tuple[bytes, bytes]]
    rng: np.random.Generator
    poison: frozenset[int] = frozenset()
    outputs: list[Outgoing] = field(default_factory=list)
    log: list[Logged] = field(default_factory=list)
    lives: int = 1
    repeats: int = 0

    def run(self) -> None:
        """Batches until the journal is done; now and then a round, a commit, an end and a new beginning."""
        at, committed, partition = 0, 0, Partition(0, engine(), 0, 0)
        while at < len(self.journal):
            end = min(at + int(self.rng.integers(1, 60)), len(self.journal))
            done = process(CODEC, [(partition.engine, without(self.records(at, end), self.poison))])
            whole = self.rng.random() > 0.05
            told = [one for one in done.records if one.topic in (LIVE.forecasts, LIVE.anomalies)]
            self.outputs += told if whole else told[: int(self.rng.integers(len(told) + 1))]
            partition.moved(end - 1, 0, 0)
            at = end
            if whole and self.rng.random() < 0.2:
                whole = self._round(partition)
            must_end = self.lives == 1 and at > len(self.journal) // 2  # at least once, uncommitted
            if whole and not must_end and self.rng.random() < 0.5:
                committed = at
            if not whole or must_end or self.rng.random() < 0.1:
                self.lives += 1
                self.repeats += at - committed
                at, partition = committed, self._restored(committed)

    def _round(self, partition: Partition) -> bool:
        """States, then the marker; False where the worker ended in between."""
        states = list(checkpoints.states(CODEC, partition).values())
        stopped = self.rng.random() < 0.2
        self._write(states[: int(self.rng.integers(len(states) + 1))] if stopped else states)
        if stopped:
            return False
        self._write([checkpoints.marker(CODEC, partition)])
        partition.engine.clear_changed()
        partition.marked_offset = partition.applied_offset
        return True

    def _write(self, records: list[Outgoing]) -> None:
        self.log += [Logged(record, len(self.log) + n) for n, record in enumerate(records)]

    def _restored(self, committed: int) -> Partition:
        """As a restore does it, from the log as compaction has left it."""
        found, made = Found(), engine()
        found.add(CODEC, self.compacted())  # type: ignore[arg-type]
        made.serving.restore(found.releases)
        for snapshot in found.newest.values():
            made.restore(snapshot)
        made.changed.update(found.foreign)
        if found.start < committed:
            silent = without(self.records(found.start, committed), self.poison)
            process_silently(made, silent)
        return Partition(0, made, committed, len(self.log), found.marked_offset)

    def compacted(self) -> list[Logged]:
        newest = {one.record.key: one.position for one in self.log}
        return [one for one in self.log if newest[one.record.key] == one.position]

    def records(self, first: int, end: int) -> PlainRecords:
        part = self.journal[first:end]
        return PlainRecords(JOURNAL, 0, np.arange(first, end), [k for k, _ in part], [v for _, v in part])

    def issued(self, part: Range) -> dict[str, bytes]:
        """Forecasts of a range by identity; every repeat must be the same."""
        found: dict[str, bytes] = {}
        for one in self.outputs:
            if one.topic == LIVE.forecasts and part.holds(CODEC.decode(one.value)[1]["issued_at"]):
                name = dict(one.headers)["id"].decode()
                assert found.setdefault(name, one.value or b"") == one.value, name
        return found

    def events(self, part: Range) -> set[bytes]:
        events = [one.value or b"" for one in self.outputs if one.topic == LIVE.anomalies]
        return {one for one in events if part.holds(CODEC.decode(one)[1]["event_time"])}

    def again(self, part: Range, rng: np.random.Generator) -> tuple[dict[str, bytes], set[bytes], set[int]]:
        """A replay in any batches: its forecasts by identity, its events, and what it left out."""
        states = States(layout_of(engine().fleet.fields), 0, part.from_ms, None)
        states.add(CODEC, self.compacted())  # type: ignore[arg-type]
        start = states.start()
        replay = CarefulReplay(
            lambda: PartitionReplay(engine(), CODEC, start, part), lambda first: self._cut(first, rng)
        )
        forecasts, events = dict[str, bytes](), set[bytes]()
        for out in (out for outputs in replay.run() for out in outputs):
            for one in outgoing(CODEC, out, AGAIN):
                if one.topic == AGAIN.anomalies:
                    events.add(one.value or b"")
                    continue
                name = dict(one.headers)["id"].decode()
                assert name not in forecasts, "said twice"
                forecasts[name] = one.value or b""
        return forecasts, events, set(replay.poison)

    def _cut(self, first: int, rng: np.random.Generator) -> Iterator[Records]:
        while first < len(self.journal):
            end = min(first + int(rng.integers(1, 400)), len(self.journal))
            yield self.records(first, end)
            first = end


def process_silently(made: Engine, records: Records) -> None:
    made.apply(decoded(records), speak=False)


def decoded(records: Records) -> Any:
    from streams.decoding import decode

    return decode(CODEC, records)
