"""When a worker counts as standing still."""

from __future__ import annotations

from types import SimpleNamespace

from infra.stalls import ASLEEP, Stall, StallClock, Standing
from infra.topics import JOURNAL
from models.engine import Engine
from models.release import cold_start
from models.steps import EngineSettings
from streams.partition import Partition
from streams.standing import Moving


def seen(**marks: int) -> dict[str, Standing]:
    """Things at a mark, with work waiting."""
    return {what: Standing(at) for what, at in marks.items()}


def test_a_position_that_moves_is_no_stall() -> None:
    clock = StallClock(5)
    for now_s in range(0, 200, 10):
        assert clock.look(now_s, seen(a=now_s)) == [Stall("a", 0.0)]


def test_without_work_waiting_nothing_stalls_however_long() -> None:
    clock = StallClock(5)
    assert [clock.look(now_s, {"a": Standing(5, False)}) for now_s in range(0, 900, 10)] == [[]] * 90


def test_waiting_counts_from_when_work_was_first_seen_waiting() -> None:
    clock = StallClock(5)
    clock.look(0, {"a": Standing(5, False)})
    for now_s in range(10, 80, 10):
        found = clock.look(now_s, seen(a=5))
    assert found == [Stall("a", 60.0)]


def test_while_kafka_is_away_nobody_stalls_and_all_begin_anew() -> None:
    clock = StallClock(5)
    clock.look(0, seen(a=5))
    assert clock.look(10, None) == []
    assert clock.look(20, seen(a=5)) == [Stall("a", 0.0)]
    assert clock.look(30, seen(a=5)) == [Stall("a", 10.0)]


def test_a_process_that_was_stopped_and_goes_on_has_not_stalled() -> None:
    clock = StallClock(5)
    clock.look(0, seen(a=5))
    assert clock.look(1000, seen(a=5)) == [Stall("a", 0.0)]
    assert clock.look(1000 + 5 * ASLEEP, seen(a=5)) == [Stall("a", 5 * ASLEEP)]


def test_what_left_begins_anew_and_the_longest_is_told_first() -> None:
    clock = StallClock(5)
    clock.look(0, seen(a=5, b=7))
    assert clock.look(10, seen(b=7)) == [Stall("b", 10.0)]
    assert clock.look(15, seen(a=5, b=7)) == [Stall("b", 15.0), Stall("a", 0.0)]


def test_what_others_may_hold_up_is_waited_for_longer() -> None:
    stall = Stall("the group", 100.0, patience=2.0)
    assert stall.share_s == 50.0
    assert stall.told(1_000_000_100.0) == {
        "what": "the group",
        "for_s": 100.0,
        "since": "2001-09-09T01:46:40Z",
    }


def test_a_partition_that_waits_for_the_restores_of_others_has_not_stalled() -> None:
    partition = Partition(0, Engine(EngineSettings(), lambda _: cold_start()), next_offset=5, taken_at=0)
    worker = SimpleNamespace(partitions={0: partition}, settled=False, rebalances=1)
    restorer = SimpleNamespace(restoring={1: 0})
    forwarder = SimpleNamespace(owned=frozenset(), positions={})
    moving = Moving(worker, forwarder, restorer)  # type: ignore[arg-type]  # as far as it is looked at
    clock, ends = StallClock(60), {JOURNAL: {0: 9}}

    def longest_s(now_s: float) -> float:
        return max((stall.for_s for stall in clock.look(now_s, moving.standing(ends))), default=0.0)

    for now_s in range(0, 300, 10):
        restorer.restoring[1] += 1
        assert longest_s(now_s) == 0.0
    restorer.restoring.clear()
    worker.settled = True
    assert [longest_s(now_s) for now_s in range(300, 400, 10)][-1] >= 60.0, "then it is looked at for itself"
