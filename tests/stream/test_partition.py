"""How a partition keeps its own pace."""

from __future__ import annotations

from typing import Any

from streams.partition import FIRST_BATCH, Partition


def partition() -> Partition:
    engine: Any = None
    return Partition(0, engine, 0, 0)


def test_short_full_batches_grow_to_the_limit_and_long_ones_shrink() -> None:
    one = partition()
    for _ in range(20):
        one.took(one.at_once, 0.01, 2000)
    assert one.at_once == 2000
    one.took(2000, 12.0, 2000)
    assert one.at_once == 1000
    one.took(1, 100.0, 2000)
    assert one.at_once == 1


def test_a_batch_that_was_not_full_says_nothing_about_larger_ones() -> None:
    one = partition()
    one.took(3, 0.001, 2000)
    assert one.at_once == FIRST_BATCH


def test_what_is_applied_and_not_committed_has_an_age() -> None:
    one = partition()
    one.moved(9, -1, -1)
    assert one.uncommitted_since_s is not None
    one.committed(5)
    assert one.uncommitted_since_s is not None
    one.committed(10)
    assert (one.uncommitted_since_s, one.applied_offset) == (None, 9)
