"""Several partitions in one turn of a worker: together, and each alone where one of them breaks."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from infra.kafka import Outgoing
from infra.settings import isolated
from infra.topics import FORECASTS, REJECTED
from models import turn
from models.engine import Engine
from models.fleet import Fleet
from models.steps import EngineSettings
from models.turn import Share
from streams.decoding import decode
from streams.partition import Partition
from streams.records import PlainRecords, without
from streams.restore import Restorer
from streams.turns import TURN_RECORDS, Taken, Turns, process
from tests.journals import Item, plant, run, scan
from tests.stream.live_run import CODEC, load, payload, release

BREAKING_KW = 666.5
HOURS = 6


def journal_of(number: int) -> list[Item]:
    """A plant that is alone in its partition."""
    who = f"of-{number}"
    scans = [scan(who, minute, 300.0 + minute % 400) for minute in range(0, HOURS * 60, 15)]
    return [plant(who), run(who, 0), release("1", 0), *scans]


@dataclass(frozen=True)
class FromMemory(Restorer):
    """Restores from journals in memory; all else is a worker's own."""

    journals: list[PlainRecords] = field(default_factory=list)
    restored: list[int] = field(default_factory=list)

    def take_over(
        self,
        number: int,
        committed: int,
        wanted: Callable[[], bool],  # noqa: ARG002 - as a worker's
        fleet: Fleet | None = None,
    ) -> Partition | None:
        engine = self.new_engine()
        if fleet is not None:
            engine.join(fleet)
            self.restored.append(number)
        records = without(part_of(self.journals[number], 0, committed), self.poison.get(number, {}))
        engine.apply(decode(CODEC, records), speak=False)
        return Partition(number, engine, committed, 0)


def part_of(journal: PlainRecords, first: int, end: int) -> PlainRecords:
    part = slice(first, end)
    return PlainRecords(
        journal.topic, journal.partition, journal.offsets[part], journal.keys[part], journal.payloads[part]
    )


class Station:
    """Turns over partitions in memory; `sent` is what was produced."""

    def __init__(self, home: Path, journals: Sequence[Sequence[Item]]) -> None:
        made = [list(map(payload, items)) for items in journals]
        self.journals: list[Any] = [
            PlainRecords("plant.telemetry", n, np.arange(len(one)), [k for k, _ in one], [p for _, p in one])
            for n, one in enumerate(made)
        ]
        settings = isolated(home)
        self.restorer = FromMemory(
            settings, CODEC, lambda: Engine(EngineSettings(), load), journals=self.journals
        )
        self.fleet = self.restorer.new_engine().fleet
        self.partitions = [Partition(n, self._engine(), 0, 0) for n in range(len(made))]
        self.turns = Turns(CODEC, ThreadPoolExecutor(1), self._send, self.restorer, self._renew)
        self.sent: list[Outgoing] = []

    def _engine(self) -> Engine:
        engine = self.restorer.new_engine()
        engine.join(self.fleet)
        return engine

    async def _send(self, records: list[Outgoing]) -> int:
        self.sent += records
        return 0

    def _renew(self, partition: Partition, next_offset: int) -> None:
        partition.engine.leave()
        anew = self.restorer.take_over(partition.number, next_offset, lambda: True, self.fleet)
        assert anew is not None
        partition.engine = anew.engine

    def turn(self, first: int, end: int) -> list[Taken]:
        """The same stretch of every partition, in one turn."""

        async def taken() -> list[Taken]:
            waiting = zip(self.partitions, self.journals, strict=True)
            return await asyncio.gather(
                *(self.turns.take(one, part_of(journal, first, end)) for one, journal in waiting)
            )

        return asyncio.run(taken())

    def forecasts(self) -> set[tuple[Any, ...]]:
        return {(one.key, one.value, one.headers) for one in self.sent if one.topic == FORECASTS}


@pytest.fixture
def batches_in_turns(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many batches each turn had; one with the breaking value breaks when it is applied."""
    sizes, apply = list[int](), turn.apply

    def breaking(shares: Sequence[Share], speak: bool = True) -> Any:
        sizes.append(len(shares))
        made = apply(shares, speak)
        if any((batch.telemetry.power_kw == BREAKING_KW).any() for _, batch in shares):
            raise ZeroDivisionError("a fault in the engine")
        return made

    monkeypatch.setattr(turn, "apply", breaking)
    return sizes


def alone(journals: Sequence[PlainRecords]) -> set[tuple[Any, ...]]:
    """The forecasts of journals by engines that nobody else stands beside."""
    done = [process(CODEC, [(Engine(EngineSettings(), load), records)]) for records in journals]
    made = [record for one in done for record in one.records if record.topic == FORECASTS]
    return {(one.key, one.value, one.headers) for one in made}


def test_batches_that_wait_are_one_turn_and_mean_what_each_means_alone(
    tmp_path: Path, batches_in_turns: list[int]
) -> None:
    station = Station(tmp_path, [journal_of(n) for n in range(3)])
    taken = station.turn(0, 12) + station.turn(12, 99)
    assert batches_in_turns == [3, 3]
    assert [one.batch.partition for one in taken] == [0, 1, 2] * 2
    assert station.forecasts() == alone(station.journals) != set()


def test_a_partition_that_breaks_a_turn_loses_its_poison_alone_and_the_others_nothing(
    tmp_path: Path, batches_in_turns: list[int]
) -> None:
    journals = [journal_of(n) for n in range(3)]
    breaking = [*journals[1][:20], scan("of-1", 260, BREAKING_KW), *journals[1][20:]]
    station = Station(tmp_path, [journals[0], breaking, journals[2]])
    first, second = station.turn(0, 12), station.turn(12, 24)
    assert not any(one.bad for one in first)
    assert [[(bad.offset, bad.reason.value) for bad in one.bad] for one in second] == [
        [],
        [(20, "poison")],
        [],
    ]
    assert [one.value for one in station.sent if one.topic == REJECTED] != []
    batches_in_turns.clear()
    restored = len(station.restorer.restored)
    station.turn(24, 99)
    assert sorted(batches_in_turns) == [1, 2], "it is kept apart until what broke lies behind its marker"
    assert len(station.restorer.restored) == restored
    station.journals[1] = without(station.journals[1], {20})
    assert station.forecasts() == alone(station.journals) != set()


def test_a_turn_leaves_what_is_too_much_for_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    station, sizes = Station(tmp_path, [journal_of(n) for n in range(4)]), list[int]()
    monkeypatch.setattr("streams.turns.TURN_RECORDS", 20)
    process_turn = station.turns._process

    def counted(work: Any) -> Any:
        sizes.append(len(work))
        return process_turn(work)

    monkeypatch.setattr(station.turns, "_process", counted)
    station.turn(0, 11)
    assert sizes == [2, 2]
    assert 2 * isolated(tmp_path).batch_records <= TURN_RECORDS
