"""Scans of OPC UA nodes: whatever comes twice, late or by history, each scan is told once and in order."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from producers.live.mapping import OpcuaPlant
from producers.live.scan import Scan
from producers.live.scans import POWER, Place, Scans

WIND: Place = ("sensor", "wind_speed_ms")
WAIT_S = 2.0


def scans(floor_ms: int = 0, **more: Any) -> Scans:
    plant = {"plant_id": "a", "power": "p", "sensors": {"wind_speed_ms": "w"}}
    return Scans(OpcuaPlant.model_validate({**plant, **more}), WAIT_S, floor_ms)


def add(
    to: Scans, place: Place, at_ms: int, value: float | None, now_s: float = 0, history: bool = False
) -> None:
    to.add(place, at_ms, value, now_s, known_at_ms=int(now_s * 1000), from_history=history)


def told(
    of: Scans, now_s: float = 0, until_ms: int | None = None
) -> list[tuple[int, float | None, float | None]]:
    return [(at, scan.power_kw, scan.sensors["wind_speed_ms"]) for at, scan in of.due(now_s, until_ms)]


def test_a_scan_goes_out_when_every_node_has_spoken() -> None:
    one = scans()
    add(one, POWER, 1000, 5.0)
    assert told(one) == []
    add(one, WIND, 1000, 7.0)
    assert told(one) == [(1000, 5.0, 7.0)]
    assert told(one, 99) == []


def test_it_waits_for_stragglers_so_long_and_no_longer_and_nothing_overtakes_it() -> None:
    one = scans()
    add(one, POWER, 1000, 5.0, now_s=0)
    add(one, POWER, 2000, 6.0, now_s=1)
    add(one, WIND, 2000, 8.0, now_s=1)
    assert told(one, 1.9) == []
    assert told(one, 2.0) == [(1000, 5.0, None), (2000, 6.0, 8.0)]


def test_a_straggler_adds_to_its_scan_and_takes_nothing_away() -> None:
    one = scans()
    add(one, POWER, 1000, 5.0)
    assert told(one, 2) == [(1000, 5.0, None)]
    add(one, WIND, 1000, 7.0, now_s=3)
    assert told(one, 3) == [(1000, 5.0, 7.0)]


def test_a_repeat_of_what_was_told_is_not_told_again() -> None:
    one = scans()
    for _ in range(3):
        add(one, POWER, 1000, 5.0)
        add(one, WIND, 1000, 7.0)
        told(one)
    assert len(one) == 0


def test_a_node_that_stands_still_is_no_scan() -> None:
    one = scans()
    add(one, WIND, 500, 7.0)
    assert told(one, 5) == []
    assert one.powerless == 1


def test_stamps_that_differ_a_little_meet_in_one_scan() -> None:
    one = scans(scan_s=60, stamp="start", interval_s=60)
    add(one, POWER, 119_950, 5.0)
    add(one, WIND, 120_020, 7.0)
    ((stamp, scan),) = one.due(0)
    assert (stamp, scan.event_time_ms) == (120_000, 180_000)


def test_half_of_a_scan_that_went_out_in_an_earlier_life_does_not_undo_it() -> None:
    one = scans(floor_ms=1000)
    add(one, POWER, 1000, 5.0)
    assert told(one, 5) == []
    add(one, POWER, 1000, 5.0, now_s=6, history=True)
    add(one, WIND, 1000, 7.0, now_s=6, history=True)
    assert told(one, 6) == [(1000, 5.0, 7.0)]


def test_what_the_history_has_told_whole_need_not_wait_and_nothing_passes_the_end_of_what_was_read() -> None:
    one = scans()
    add(one, POWER, 1000, 5.0, history=True)
    add(one, POWER, 9000, 6.0)
    add(one, WIND, 9000, 7.0)
    one.settle(5000)
    assert told(one, 0, until_ms=5000) == [(1000, 5.0, None)]
    assert told(one, 0) == [(9000, 6.0, 7.0)]


VALUES = st.tuples(st.sampled_from([POWER, WIND]), st.integers(1, 5), st.booleans())


@given(st.lists(VALUES, max_size=40), st.lists(st.floats(0, 3), max_size=40))
def test_however_values_come_the_last_word_of_each_scan_is_all_that_was_said(
    values: list[tuple[Place, int, bool]], pauses: list[float]
) -> None:
    one, now_s = scans(), 0.0
    last: dict[int, Scan] = {}
    said: dict[int, dict[Place, float]] = {}
    for number, (place, second, history) in enumerate(values):
        value = float(second * 10 + (place == WIND))
        add(one, place, second * 1000, value, now_s, history)
        said.setdefault(second * 1000, {})[place] = value
        now_s += pauses[number] if number < len(pauses) else 0
        last.update(one.due(now_s))
    last.update(one.due(now_s + WAIT_S + 1))
    meant = {at: known for at, known in said.items() if POWER in known}
    assert {at: scan.power_kw for at, scan in last.items()} == {
        at: known[POWER] for at, known in meant.items()
    }
    assert {at: scan.sensors["wind_speed_ms"] for at, scan in last.items()} == {
        at: known.get(WIND) for at, known in meant.items()
    }
