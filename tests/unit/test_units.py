"""Units have rows of their own: a plant pays for its own alone, and hears nothing of its neighbours'."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models import unit_views
from models.engine import Engine
from models.fleet import Fleet
from models.outputs import Outputs
from models.state import Field
from models.steps import EngineSettings
from models.units import MOST, NO_ROW, NOBODY, Units
from schemas.journal import JournalBatch, UnitColumns
from tests.journals import Item, batches, plant, scan
from tests.stream.live_run import load
from tests.unit.test_engine import _by_plant

VALUE = Field("value", "i8", ("U", 2), -1)


def journal(units: dict[str, int], hours: int, seed: int = 0) -> list[JournalBatch]:
    """Plants whose units report every 15 minutes; one of them stands, the last is heard of later."""
    items: list[Item] = [plant(name) for name in units]
    items += [scan(name, m, 500.0 + m % 7) for m in range(0, 60 * hours, 15) for name in units]
    made = []
    for number, batch in enumerate(batches(items, [len(units), 4 * len(units)])):
        rows = batch.telemetry
        names = [rows.plant_ids[place] for place in rows.plant.tolist()]
        many = [max(units[name] - (number < 2), 0) for name in names]
        unit = np.array([n for count in many for n in range(count)], np.int32)
        row = np.repeat(np.arange(len(rows), dtype=np.int32), many)
        rng = np.random.default_rng(seed)  # the same of every plant, whoever stands beside it
        power = rng.uniform(20, 40, MOST)[unit] * (1 + rows.event_time_ms[row] // 900_000 % 5) * (unit != 1)
        readings = UnitColumns(row, unit, [f"T{n}" for n in range(MOST)], power, np.full(unit.size, 8.0))
        made.append(replace(batch, telemetry=replace(rows, units=readings)))
    return made


def played(units: dict[str, int], hours: int) -> tuple[Engine, list[Outputs]]:
    engine = Engine(EngineSettings(), load)
    return engine, [engine.apply(batch) for batch in journal(units, hours)]


def array_bytes(fleet: Fleet) -> int:
    return sum(c.nbytes for state in (fleet.state, fleet.units.columns) for c in state.columns.values())


def unit_bytes(fleet: Fleet, units: int) -> int:
    """What so many units need, with the room for more that a table may have."""
    return sum(f.blank(units).nbytes for f in fleet.units.columns.fields)


def test_a_plant_with_500_units_costs_the_others_nothing() -> None:
    farms = {f"farm{n:02d}": 3 for n in range(40)}
    without, _ = played(farms, 1)
    beside, _ = played({**farms, "large": 500}, 1)
    more = array_bytes(beside.fleet) - array_bytes(without.fleet)
    plants = beside.fleet.state.room - without.fleet.state.room
    own = sum(f.blank(plants).nbytes for f in beside.fleet.state.fields)
    assert more <= own + 1.2 * unit_bytes(beside.fleet, 500)
    none, _ = played(dict.fromkeys(farms, 0), 1)
    assert none.fleet.units.columns.size == NOBODY + 1, "and who has none pays for none"


@pytest.mark.parametrize("pads", [0, unit_views.PADS])
def test_what_a_plant_tells_of_its_units_does_not_depend_on_those_of_others(
    monkeypatch: pytest.MonkeyPatch, pads: int
) -> None:
    monkeypatch.setattr(unit_views, "PADS", pads)
    units = {"a": 6, "none": 0, "b": 3, "large": 90, "c": 6, "d": 1}
    engine, together = played(units, 6)
    told = _by_plant(together, "anomalies")
    assert {e["unit_id"] for out in together for e in out.anomalies} >= {"T1"}, "those that stand are told of"
    for name, count in units.items():
        alone, outs = played({name: count}, 6)
        assert told.get(name, []) == _by_plant(outs, "anomalies").get(name, [])
        mine, theirs = alone.fleet.row(0), engine.fleet.row(engine.slots[name])
        for column in set(mine) - {"applied_offset", "telemetry_offset"}:
            assert mine[column].tobytes() == theirs[column].tobytes(), column
    for field in engine.fleet.units.columns.fields:
        blank = engine.fleet.units.columns[field.name][NOBODY]
        assert np.array_equal(blank, field.blank(1)[0], equal_nan=field.dtype.startswith("f")), field.name


@given(room=st.lists(st.integers(0, 40), min_size=1, max_size=60), pads=st.integers(0, 600))
def test_plants_are_looked_at_in_few_groups_without_many_pads(room: list[int], pads: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(unit_views, "PADS", pads)
        found = list(unit_views.groups(np.array(room)))
    seen = [place for places, _ in found for place in places.tolist()]
    assert sorted(seen) == [place for place, rows in enumerate(room) if rows]
    for places, width in found:
        assert max(room[place] for place in places) == width
        assert sum(width - room[place] for place in places) <= pads


@settings(max_examples=60)
@given(
    st.lists(st.tuples(st.integers(0, 5), st.integers(0, 30), st.booleans()), min_size=1, max_size=40),
)
def test_rows_go_with_their_units_however_plants_come_grow_and_leave(
    steps: list[tuple[int, int, bool]],
) -> None:
    table, known = Units([VALUE]), dict[int, dict[str, int]]()
    for number, (slot, unit, leaves) in enumerate(steps):
        if leaves and slot in known:
            table.free(slot)
            del known[slot]
            continue
        if slot not in known:
            table.add(slot)
            known[slot] = {}
        names = [f"u{unit}", f"u{unit // 2}"] if unit > 1 else [f"u{unit}"]
        for name, place in zip(names, table.places(slot, names), strict=True):
            table.columns["value"][table.first[slot] + place] = number
            known[slot][name] = number
        for of, values in known.items():
            assert table.names[of] == list(values)
            assert table.row(of)["value"][:, 0].tolist() == list(values.values())
            block = table.columns["value"][table.block(of)]
            assert (block[len(values) :] == -1).all(), "room for more is blank"
    assert (table.columns["value"][NOBODY] == -1).all()
    blocks = sorted((table.block(of) for of in known if known[of]), key=lambda block: block.start)
    assert all(one.stop <= other.start for one, other in pairwise(blocks))


def test_who_leaves_makes_room_for_who_comes() -> None:
    table = Units([VALUE])
    for _ in range(50):
        for slot, units in enumerate((8, 3, 20)):
            table.add(slot)
            table.places(slot, [f"u{n}" for n in range(units)])
        for slot in (1, 0, 2):
            table.free(slot)
    assert table.columns.size <= 1 + 8 + 3 + 20


def test_units_beyond_the_most_and_of_endless_names_have_no_row() -> None:
    table = Units([VALUE])
    table.add(0)
    assert table.places(0, ["x" * 500, "a"]) == [NO_ROW, 0]
    places = table.places(0, [f"u{n}" for n in range(MOST)])
    assert list(places) == [*range(1, MOST), NO_ROW]


def test_a_state_of_before_whose_unit_axis_was_that_of_the_largest_plant_is_read() -> None:
    engine, _ = played({"a": 3}, 2)
    row = engine.fleet.row(0)
    wide = dict(row)
    for field in engine.fleet.units.columns.fields:
        wide[field.name] = np.concatenate([row[field.name], field.blank(13)])
    other, _ = played({"b": 5}, 1)
    slot = other.add(plant("a"), other.serving.cold)
    other.fleet.put(slot, wide, engine.fleet.units.names[0])
    assert other.fleet.units.names[slot] == ["T0", "T1", "T2"]
    for name, values in row.items():
        assert other.fleet.row(slot)[name].tobytes() == values.tobytes(), name
