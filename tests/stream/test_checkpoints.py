"""What a restore takes from a partition of `worker.checkpoints`, whoever wrote there last."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from infra.kafka import Outgoing
from models.snapshot import Snapshot
from schemas.codec import Codec
from streams import checkpoints
from streams.checkpoints import Found
from streams.partition import Partition
from tests.stream.random_live import Logged

CODEC = Codec()


class Remembering:
    """Stands for an engine: plants whose state is the offset of their last record."""

    def __init__(self, **offsets: int) -> None:
        self.offsets = offsets
        self.changed = set(offsets)

    def snapshot(self, plant_id: str) -> Snapshot:
        offset = self.offsets[plant_id]
        return Snapshot(plant_id, "2024-05-01", offset, "layout", str(offset).encode())

    @property
    def serving(self) -> Remembering:
        return self

    def to_json(self) -> str:
        return '[{"offset": 1}]'


class Log:
    """One partition of the topic, before compaction."""

    def __init__(self) -> None:
        self.written: list[Logged] = []

    def write(self, records: Iterable[Outgoing]) -> None:
        self.written += [Logged(record, len(self.written) + n) for n, record in enumerate(records)]

    def found(self, compacted: bool = False) -> Found:
        newest = {one.record.key: one.position for one in self.written}
        kept = [one for one in self.written if not compacted or newest[one.record.key] == one.position]
        found = Found()
        found.add(CODEC, kept)  # type: ignore[arg-type]
        return found

    def since(self) -> int | None:
        return checkpoints.since(self.written)  # type: ignore[arg-type]


def owner(log: Log, next_offset: int, **offsets: int) -> Partition:
    engine: Any = Remembering(**offsets)
    return Partition(0, engine, next_offset, taken_at=len(log.written))


def move(partition: Partition, next_offset: int, **offsets: int) -> None:
    engine: Any = partition.engine
    engine.offsets |= offsets
    engine.changed = set(offsets)
    partition.next_offset = next_offset


def write_round(log: Log, partition: Partition) -> None:
    place = len(log.written)
    states = checkpoints.states(CODEC, partition)
    log.write(states.values())
    partition.written |= dict.fromkeys(states, place)
    log.write([checkpoints.marker(CODEC, partition)])


def test_an_empty_log_means_from_the_beginning() -> None:
    found = Log().found()
    assert (found.start, found.newest, found.foreign) == (0, {}, set())


def test_the_newest_state_of_each_plant_and_the_marker_are_found() -> None:
    log = Log()
    partition = owner(log, 101, a=90, b=95)
    write_round(log, partition)
    move(partition, 201, a=190)
    write_round(log, partition)
    found = log.found(compacted=True)
    assert {plant: one.journal_offset for plant, one in found.newest.items()} == {"a": 190, "b": 95}
    assert (found.start, found.foreign, found.releases) == (201, set(), '[{"offset": 1}]')


def test_a_round_without_its_marker_starts_from_the_marker_before() -> None:
    log = Log()
    partition = owner(log, 101, a=90)
    write_round(log, partition)
    move(partition, 201, a=190)
    log.write(checkpoints.states(CODEC, partition).values())
    assert log.found(compacted=True).start == 101


def test_a_worker_that_woke_too_late_makes_a_restore_slower_and_never_wrong() -> None:
    log = Log()
    asleep = owner(log, 51, a=50)
    late = checkpoints.states(CODEC, asleep).values()
    successor = owner(log, 101, a=100)
    log.write(checkpoints.states(CODEC, successor).values())
    log.write(late)
    log.write([checkpoints.marker(CODEC, successor)])
    kept = log.found(compacted=True)
    assert (kept.newest["a"].journal_offset, kept.foreign, kept.start) == (50, {"a"}, 51)
    whole = log.found(compacted=False)
    assert (whole.newest["a"].journal_offset, whole.foreign, whole.start) == (100, set(), 101)


def test_a_late_marker_means_what_it_says() -> None:
    log = Log()
    asleep = owner(log, 51, a=50)
    write_round(log, owner(log, 101, a=100))
    log.write([checkpoints.marker(CODEC, asleep)])
    found = log.found(compacted=True)
    assert found.newest["a"].journal_offset == 100
    assert found.start == 51


def test_states_of_the_owner_before_are_not_foreign() -> None:
    log = Log()
    write_round(log, owner(log, 51, a=50, b=20))
    write_round(log, owner(log, 101, a=100))
    found = log.found(compacted=True)
    assert (found.foreign, found.start) == (set(), 101)


def test_a_restore_reads_only_since_where_every_plant_has_a_state() -> None:
    log = Log()
    partition = owner(log, 1, silent=0, busy=0)
    for round_number in range(1, 2000):
        move(partition, round_number + 1, busy=round_number)
        partition.engine.changed.add("silent") if round_number == 1 else None
        write_round(log, partition)
    assert log.since() is not None
    assert len(log.written) - (log.since() or 0) < 1100
    recent = Found()
    recent.add(CODEC, log.written[log.since() or 0 :])  # type: ignore[arg-type]
    assert {plant: one.journal_offset for plant, one in recent.newest.items()} == {"silent": 0, "busy": 1999}
    assert recent.foreign == set()


def test_a_log_without_a_marker_is_read_whole() -> None:
    log = Log()
    log.write(checkpoints.states(CODEC, owner(log, 11, a=10)).values())
    assert log.since() is None
