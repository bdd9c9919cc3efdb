"""Rows by lane: their order is kept, whatever the numbers of the lanes."""

import numpy as np
import pytest

from models import rings


@pytest.mark.parametrize("largest", [1, 3, 65_534, 65_535, 65_536, 5_000_000])
def test_rows_are_ordered_by_key_and_by_place(largest: int) -> None:
    key = np.random.default_rng(largest).integers(0, largest + 1, 300)
    key[[0, -1]] = largest
    assert rings.in_order(key).tolist() == sorted(range(300), key=lambda row: (key[row], row))


@pytest.mark.parametrize("largest", [1, 40, 1000, 5_000_000])
def test_no_key_stands_twice_in_one_pass(largest: int) -> None:
    key = np.random.default_rng(largest).integers(0, largest + 1, 300)
    passes = rings.in_turn(key)
    assert sorted(np.concatenate(passes).tolist()) == list(range(300))
    nth: dict[int, int] = {}
    for number, rows in enumerate(passes):
        assert rows.tolist() == sorted(rows.tolist())
        for row in rows.tolist():
            assert nth.get(int(key[row]), 0) == number
            nth[int(key[row])] = number + 1
    assert len(passes) == max(nth.values())


def test_places_of_a_table_are_counted() -> None:
    table = np.zeros((3, 4), np.int32)
    rings.count(table, np.array([0, 2, 0, 2]), np.array([1, 3, 1, 0]))
    rings.count(table, np.array([1]), 2)
    assert table.tolist() == [[0, 2, 0, 0], [0, 0, 1, 0], [1, 0, 0, 1]]
