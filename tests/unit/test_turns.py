"""Plants of several journal partitions stand in one fleet, and each depends on its own journal alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models import turn
from models.engine import Engine
from models.fleet import Fleet
from models.outputs import Outputs
from models.steps import EngineSettings
from models.turn import Share
from schemas.journal import Bad, JournalBatch, UnitColumns
from tests.journals import Item, Numbers, batches, numbers, plant, run, scan
from tests.stream.live_run import load, release
from tests.unit.test_engine import _by_plant, journals


def engines(count: int) -> list[Engine]:
    """On one fleet."""
    made = [Engine(EngineSettings(), load) for _ in range(count)]
    for one in made[1:]:
        one.join(made[0].fleet)
    return made


def renamed(items: list[Item], suffix: str) -> list[Item]:
    """The same for plants of other names."""
    made: list[Item] = []
    for item in items:
        if isinstance(item, tuple):
            made.append((item[0] + suffix, *item[1:]))
        elif hasattr(item, "plant_id"):
            made.append(replace(item, plant_id=item.plant_id + suffix))
        else:
            made.append(item)
    return made


def in_partition(number: int, made: list[JournalBatch]) -> list[JournalBatch]:
    return [replace(batch, partition=number) for batch in made]


def in_turns(waiting: list[list[JournalBatch]], rng: np.random.Generator) -> tuple[list[Outputs], list[Bad]]:
    """Any of the partitions whose turn it is, each in its own order."""
    on_fleet, outs, refused = engines(len(waiting)), [], []
    while any(waiting):
        ready = [n for n, rest in enumerate(waiting) if rest]
        chosen = [n for n in ready if rng.integers(2)] or ready[:1]
        out, bad = turn.apply([Share(on_fleet[n], waiting[n].pop(0)) for n in chosen])
        outs.append(out)
        refused += [one for of_share in bad for one in of_share]
    return outs, refused


@pytest.mark.slow
@settings(max_examples=6, deadline=None)
@given(st.lists(journals(), min_size=2, max_size=4), st.integers(0, 1000))
def test_a_turn_of_several_partitions_makes_what_each_makes_alone(
    all_items: list[list[Item]], seed: int
) -> None:
    rng = np.random.default_rng(seed)
    parts = [renamed(items, f"-{n}") for n, items in enumerate(all_items)]
    cut = [in_partition(n, batches(items, rng.integers(1, 40, 8))) for n, items in enumerate(parts)]
    alone: list[Outputs] = []
    for of_partition in cut:
        engine = Engine(EngineSettings(), load)
        alone += [engine.apply(batch) for batch in of_partition]
    together, refused = in_turns([list(one) for one in cut], rng)
    assert numbers(together) == numbers(alone)
    for what in ("anomalies", "scores", "drift"):
        assert _by_plant(together, what) == _by_plant(alone, what)
    assert sorted(map(str, refused)) == sorted(str(bad) for out in alone for bad in out.rejected)
    assert sum((out.counts for out in together), start=together[0].counts - together[0].counts) == sum(
        (out.counts for out in alone), start=alone[0].counts - alone[0].counts
    )


def hours(plant_id: str, first: int, last: int) -> list[Item]:
    return [scan(plant_id, minute, 300.0 + minute % 400) for minute in range(first * 60, last * 60, 15)]


def test_one_name_in_two_partitions_is_two_plants() -> None:
    items: list[Item] = [plant("a"), run("a", 0), release("1", 0), *hours("a", 0, 3)]
    first, second = engines(2)
    stranger = hours("a", 0, 1)
    out, refused = turn.apply(
        [Share(first, batches(items, [100])[0]), Share(second, in_partition(1, batches(stranger, [100]))[0])]
    )
    assert [bad.reason.value for bad in refused[1]] == ["unknown_plant"] * len(stranger)
    assert not refused[0]
    assert numbers([out]) == numbers([Engine(EngineSettings(), load).apply(batches(items, [100])[0])])


def forecasts_of(engine: Engine, items: list[Item], first_offset: int = 0) -> Numbers:
    return numbers([engine.apply(batch) for batch in batches(items, [11], first_offset)])


def test_a_partition_that_leaves_changes_nothing_for_the_others_and_its_rows_are_free() -> None:
    stays, leaves = engines(2)
    mine: list[Item] = [plant("a"), run("a", 0), release("1", 0), *hours("a", 0, 6)]
    theirs: list[Item] = [plant(f"b{n}") for n in range(20)] + [
        item for n in range(20) for item in hours(f"b{n}", 0, 1)
    ]
    alone = Engine(EngineSettings(), load)
    assert forecasts_of(stays, mine[:15]) == forecasts_of(alone, mine[:15])
    forecasts_of(leaves, theirs)
    size = stays.fleet.state.size
    leaves.leave()
    assert _rows(stays.fleet) == {"a"}
    comes = Engine(EngineSettings(), load)
    comes.join(stays.fleet)
    fresh = Engine(EngineSettings(), load)
    again: list[Item] = [plant("c"), release("1", 0), *hours("c", 0, 2)]
    assert forecasts_of(comes, again) == forecasts_of(fresh, again) != {}, "nothing is left of who was there"
    assert stays.fleet.state.size == size
    assert forecasts_of(stays, mine[15:], 15) == forecasts_of(alone, mine[15:], 15) != {}


def _rows(fleet: Fleet) -> set[str]:
    assert fleet.ids.keys() == fleet.outlooks.keys() == fleet.units.names.keys()
    return set(fleet.ids.values())


def with_units(plant_id: str, first: int, last: int, units: int) -> JournalBatch:
    """Hours of a plant whose units report beside it."""
    [batch] = batches([plant(plant_id), *hours(plant_id, first, last)], [1000])
    rows = len(batch.telemetry)
    readings = UnitColumns(
        row=np.repeat(np.arange(rows, dtype=np.int32), units),
        unit=np.tile(np.arange(units, dtype=np.int32), rows),
        unit_ids=[f"T{n}" for n in range(units)],
        power_kw=np.full(rows * units, 10.0),
        wind_speed_ms=np.full(rows * units, 5.0),
    )
    return replace(batch, telemetry=replace(batch.telemetry, units=readings))


def test_a_neighbour_with_many_units_makes_no_state_larger_but_its_own() -> None:
    small, large = engines(2)
    small.apply(with_units("a", 0, 2, 3))
    before = small.snapshot("a").state
    large.apply(with_units("b", 0, 2, 300))
    assert small.snapshot("a").state == before
    elsewhere = Engine(EngineSettings(), load)
    elsewhere.restore(small.snapshot("a"))
    assert elsewhere.fleet.units.names[0] == ["T0", "T1", "T2"]
    assert elsewhere.snapshot("a").state == before
