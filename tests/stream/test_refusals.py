"""A release that was refused stays refused: in a restore, in a replay, and if its artifact is mended."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from infra.topics import JOURNAL
from models.engine import Engine
from models.release import Release
from models.serving import REFUSALS_KEPT
from models.snapshot import refusals_from
from models.steps import EngineSettings
from schemas.errors import Reason, ReleaseRefused
from schemas.records import ReleaseRecord, ReleaseRole
from streams.partition import Partition
from streams.records import PlainRecords
from streams.worker import Worker
from tests.journals import Item, batches, numbers, plant, run, scan
from tests.stream import live_run
from tests.stream.live_run import DAY_MIN, LiveRun, payload, range_of, release
from tests.stream.test_write_order import SlowOutlet, a_worker

WHY = "1 of 2 chunks are there"


class Shelf:
    """Artifacts by version, of which some cannot be had now."""

    def __init__(self, *gone: str) -> None:
        self.gone = set(gone)

    def load(self, record: ReleaseRecord) -> Release:
        if record.version in self.gone:
            raise ReleaseRefused(f"release {record.version}: {WHY}")
        weather = live_run.Everywhere(live_run.Windy(1 + int(record.version) / 10))
        return replace(live_run.cold_start(), name=record.name, version=record.version, weather=weather)


def hours(first: int, last: int) -> list[Item]:
    return [scan("a", minute, 300.0 + minute % 400) for minute in range(first * 60, last * 60, 15)]


def story() -> list[Item]:
    """A good release, one that is refused, hours of both; a second copy of the refused record."""
    bad = release("2", 90)
    return [plant("a"), run("a", 0), release("1", 0), *hours(0, 2), bad, *hours(2, 4), bad, *hours(4, 6)]


def engine(shelf: Shelf) -> Engine:
    return Engine(EngineSettings(), shelf.load)


def test_a_second_copy_of_a_refused_record_is_refused_though_its_artifact_was_mended() -> None:
    shelf = Shelf("2")
    machine = engine(shelf)
    outs = []
    for part in batches(story(), [1]):
        outs.append(machine.apply(part))
        if outs[-1].rejected:
            shelf.gone.clear()
    told = [(bad.reason, bad.detail) for out in outs for bad in out.rejected]
    assert told == [(Reason.BAD_RELEASE, f"release 2: {WHY}")] * 2
    assert {version for out in outs for block in out.forecasts for version in block.version} == {"1"}


def test_a_new_record_of_a_mended_release_is_taken_up() -> None:
    shelf = Shelf("2")
    machine = engine(shelf)
    machine.apply(batches(story(), [100])[0])
    shelf.gone.clear()
    again = machine.apply(batches([release("2", 360), *hours(6, 7)], [100], 100)[0])
    assert not again.rejected
    assert {version for block in again.forecasts for version in block.version} == {"2"}


@pytest.mark.parametrize("cut", [11, 12, 15, 20, 21, 25])
def test_a_restored_worker_refuses_what_was_refused_before_it(cut: int) -> None:
    """`cut`: how many records stand in the states; the 12th is refused, the 21st is its second copy."""
    shelf = Shelf("2")
    whole = engine(shelf)
    made = [whole.apply(batches(story()[:cut], [cut])[0])]
    text, state = whole.serving.to_json(), whole.snapshot("a")
    rest = batches(story()[cut:], [3], cut)
    went_on = [whole.apply(batch) for batch in rest]
    if cut >= 12:
        shelf.gone.clear()  # mended between two lives
    restored = engine(shelf)
    restored.serving.restore(text)
    restored.restore(state)
    again = [restored.apply(batch) for batch in rest]
    assert numbers(again) == numbers(went_on)
    assert [bad for out in again for bad in out.rejected] == [bad for out in went_on for bad in out.rejected]
    assert numbers(made + went_on).keys() == numbers(made + again).keys()


@pytest.fixture
def shelf(monkeypatch: pytest.MonkeyPatch) -> Shelf:
    """What live runs and replays load their releases from."""
    made = Shelf("2")
    monkeypatch.setattr(live_run, "load", made.load)
    return made


def days() -> list[Item]:
    made: list[Item] = [plant("a"), release("1", 0)]
    for hour in range(0, 48, 6):
        made += [run("a", hour * 60.0, speed_ms=4.0 + hour / 6), *hours(hour, hour + 6)]
        if hour == 24:
            made.append(release("2", hour * 60.0 + 360))
        if hour == 36:
            made.append(release("3", hour * 60.0 + 360, role=ReleaseRole.SHADOW))
    return made


def test_a_replay_refuses_what_the_live_run_refused_though_it_was_mended(shelf: Shelf) -> None:
    live = LiveRun.of(days(), batch=20, round_every=2)
    part = range_of(1.0 * DAY_MIN, 2.0 * DAY_MIN)
    shelf.gone.clear()
    assert live.again(part, 7)[0] == live.issued(part) != {}
    assert live.again(part, 33)[0] == live.issued(part)


def test_a_replay_without_a_release_that_served_then_says_so(shelf: Shelf) -> None:
    shelf.gone.clear()
    live = LiveRun.of(days(), batch=20, round_every=2)
    shelf.gone.add("2")
    with pytest.raises(ReleaseRefused, match=f"cannot be had any more: release 2: {WHY}"):
        live.again(range_of(1.0 * DAY_MIN, 2.0 * DAY_MIN), 20)


@pytest.mark.parametrize(("gone", "written"), [("2", True), ("7", False)])
def test_a_refusal_is_written_down_before_its_record_is_committed(
    gone: str, written: bool, tmp_path: Path
) -> None:
    """A worker that is killed right after the commit leaves it behind, however rare rounds are."""
    outlet = SlowOutlet()

    async def handled() -> Worker:
        worker = a_worker(tmp_path, outlet, round_every_s=3600.0)
        worker.partitions[0] = Partition(0, engine(Shelf(gone)), 0, 0)
        items = [payload(item) for item in (plant("a"), release("2", 0))]
        keys, bodies = [key for key, _ in items], [body for _, body in items]
        await worker.handle(PlainRecords(JOURNAL, 0, np.arange(2), [*keys], [*bodies]), -1)
        return worker

    worker = asyncio.run(handled())
    assert (outlet.log[-1] == "marker acknowledged") == written
    assert (worker.partitions[0].marked_offset == 1) == written
    refused = refusals_from(worker.partitions[0].engine.serving.to_json())
    assert [(one.offset, one.why) for one in refused] == [(1, f"release 2: {WHY}")] * written


def test_any_number_of_refusals_fits_into_a_marker() -> None:
    machine = engine(Shelf("2"))
    plants = tuple(f"plant-{number}" for number in range(2000))
    flood: list[Item] = [release("2", minute, plants) for minute in range(REFUSALS_KEPT + 100)]
    machine.apply(batches([plant("a"), *flood], [1000])[0])
    assert len(machine.serving.refused) == REFUSALS_KEPT
    assert len(machine.serving.to_json()) < 300_000
