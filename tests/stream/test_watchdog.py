"""When a worker counts as standing still."""

from __future__ import annotations

from streams.watchdog import StallClock


def test_a_position_that_moves_is_no_stall() -> None:
    clock = StallClock()
    for now_s in range(0, 200, 10):
        assert clock.stalled_s(now_s, {0: now_s}, {0: 1000}) == {0: 0.0}


def test_a_position_at_the_end_is_no_stall_however_long() -> None:
    clock = StallClock()
    assert [clock.stalled_s(now_s, {0: 5}, {0: 5}) for now_s in (0, 500, 1000)] == [{}, {}, {}]


def test_waiting_counts_from_when_records_were_first_seen_waiting() -> None:
    clock = StallClock()
    clock.stalled_s(0, {0: 5}, {0: 5})
    clock.stalled_s(900, {0: 5}, {0: 6})
    assert clock.stalled_s(960, {0: 5}, {0: 9}) == {0: 60}


def test_while_kafka_is_away_nobody_stalls() -> None:
    clock = StallClock()
    clock.stalled_s(0, {0: 5}, {0: 9})
    assert clock.stalled_s(100, {0: 5}, None) == {}
    assert clock.stalled_s(110, {0: 5}, {0: 9}) == {0: 0.0}


def test_a_partition_that_left_begins_anew() -> None:
    clock = StallClock()
    clock.stalled_s(0, {0: 5, 1: 7}, {0: 9, 1: 9})
    assert clock.stalled_s(50, {1: 7}, {0: 9, 1: 9}) == {1: 50}
    assert clock.stalled_s(60, {0: 5, 1: 7}, {0: 9, 1: 9}) == {0: 0.0, 1: 60}
