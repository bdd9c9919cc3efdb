"""What the engine promises of shadows: releases that forecast beside the champion and publish nothing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from models.engine import Engine
from models.outputs import Outputs
from models.release import Release
from models.steps import EngineSettings
from schemas.errors import Reason, ReleaseRefused
from schemas.records import PlantVersion, ReleaseRecord, ReleaseRole
from schemas.scores import records_of
from tests.journals import MINUTE_MS, T0_MS, Item, Numbers, batches, numbers, plant, run, scan
from tests.stream import live_run

HOUR = 60
CHAMPION, SHADOW, WITHDRAWN = ReleaseRole
Entry = tuple[int, int]  # valid_at, lead_s


def load(record: ReleaseRecord) -> Release:
    if record.version == "66":
        raise ReleaseRefused("its hash is another one")
    return live_run.load(record)


def engine() -> Engine:
    return Engine(EngineSettings(), load)


def says(role: ReleaseRole, version: str, minute: float, *plants: str) -> ReleaseRecord:
    at = T0_MS + int(minute * MINUTE_MS)
    return ReleaseRecord("test", version, at, at, role, "00", 1, plants)


def hourly(name: str) -> PlantVersion:
    """A wind farm that is measured and forecast once an hour."""
    return plant(name, resolution_s=3600, issue_every_s=3600)


def days(
    last_hour: int, who: tuple[str, ...] = ("a",), first_hour: int = 0, seed: int = 7
) -> list[tuple[float, Item]]:
    """Runs each 12 hours and a scan an hour, with the minute at which each stands."""
    rng = np.random.default_rng(seed)
    made: list[tuple[float, Item]] = []
    for hour in range(first_hour, last_hour):
        minute = hour * 60.0
        for name in who:
            if hour % 12 == 0:
                made.append((minute, run(name, minute, speed_ms=float(rng.uniform(4, 16)))))
            made.append((minute, scan(name, minute, float(rng.uniform(100, 900)))))
    return made


def journal(scans: list[tuple[float, Item]], *releases: tuple[float, ReleaseRecord]) -> list[Item]:
    """Everything in the order of its minute; plants first."""
    names = dict.fromkeys(item[0] for _, item in scans if isinstance(item, tuple))
    timed = sorted([*((m, 1, i) for m, i in scans), *((m, 0, r) for m, r in releases)], key=lambda x: x[:2])
    return [*(hourly(name) for name in names), *(item for *_, item in timed)]


def play(items: list[Item], machine: Engine | None = None, first: int = 0) -> list[Outputs]:
    machine = machine or engine()
    return [machine.apply(batch) for batch in batches(items, [60], first)]


def entries(outs: list[Outputs], version: str, who: str = "a") -> dict[Entry, tuple[float, ...]]:
    """What was scored of a release: actual, median, loss and band, by time and lead time."""
    names = ("actual_kw", "median_kw", "pinball_kw", "low_kw", "high_kw", "inside", "rung")
    found: dict[Entry, tuple[float, ...]] = {}
    for record in (record for out in outs for record in records_of(out.scores) if record["plant_id"] == who):
        for place, own in enumerate(record["version"]):
            if own == version:
                key = record["valid_at"], record["lead_s"][place]
                assert key not in found, "scored twice"
                assert record["issued_at"][place] == key[0] - key[1] * 1000
                found[key] = tuple(record[name][place] for name in names)
    return found


def from_hour(made: Numbers, hour: float) -> Numbers:
    return {key: value for key, value in made.items() if key[1] >= T0_MS + hour * HOUR * MINUTE_MS}


def versions(outs: list[Outputs], who: str = "a") -> list[str]:
    """Of each forecast of a plant, in their order."""
    blocks = (block for out in outs for block in out.forecasts)
    return [v for b in blocks for p, v in zip(b.plant_id, b.version, strict=True) if p == who]


def test_the_champion_is_the_same_to_the_last_bit_with_and_without_a_shadow() -> None:
    scans = days(72, ("a", "b"))
    alone = play(journal(scans, (0, says(CHAMPION, "1", 0))))
    beside = play(journal(scans, (0, says(CHAMPION, "1", 0)), (600, says(SHADOW, "5", 600))))
    assert numbers(alone) == numbers(beside)
    assert set(versions(beside)) == {"1"}
    for who in "ab":
        assert entries(alone, "1", who) == entries(beside, "1", who)
        assert entries(beside, "5", who)
    for what in ("anomalies", "drift", "rejected"):
        assert [x for o in alone for x in getattr(o, what)] == [x for o in beside for x in getattr(o, what)]


def test_a_shadow_is_scored_as_if_it_had_been_the_champion() -> None:
    scans = days(72)
    as_champion = play(journal(scans, (0, says(CHAMPION, "5", 0))))
    as_shadow = play(journal(scans, (0, says(CHAMPION, "1", 0)), (0, says(SHADOW, "5", 1))))
    assert entries(as_shadow, "5") == entries(as_champion, "5")
    assert entries(as_shadow, "5") != entries(as_shadow, "1")
    assert entries(as_shadow, "5").keys() == entries(as_shadow, "1").keys()


def test_scores_of_both_stand_in_one_record_the_champions_first() -> None:
    outs = play(journal(days(30), (0, says(CHAMPION, "1", 0)), (0, says(SHADOW, "5", 1))))
    last = [record for out in outs for record in records_of(out.scores)][-1]
    half = len(last["version"]) // 2
    assert last["version"] == ["1"] * half + ["5"] * half
    assert last["lead_s"][:half] == last["lead_s"][half:]
    assert {len(values) for values in last.values() if isinstance(values, list)} == {2 * half}


def test_a_shadow_that_is_promoted_publishes_what_it_would_have_published_all_along() -> None:
    scans = days(80)
    all_along = play(journal(scans, (0, says(CHAMPION, "5", 0))))
    promoted = play(
        journal(
            scans, (0, says(CHAMPION, "1", 0)), (0, says(SHADOW, "5", 1)), (3000, says(CHAMPION, "5", 3000))
        )
    )
    assert from_hour(numbers(promoted), 50) == from_hour(numbers(all_along), 50)
    assert versions(promoted)[-1] == "5"


@pytest.mark.parametrize("again", [False, True])
def test_a_champion_that_becomes_shadow_and_champion_again_is_as_if_nothing_had_been(again: bool) -> None:
    """Promotion with the old one as shadow, then a rollback, with or without a record that promotes it again:
    it has gone on learning.
    """
    scans = days(96)
    promoted_again = [(4200, says(CHAMPION, "1", 4199))] if again else []
    outs = play(
        journal(
            scans,
            (0, says(CHAMPION, "1", 0)),
            (0, says(SHADOW, "5", 1)),
            (3000, says(CHAMPION, "5", 3000)),
            (3000, says(SHADOW, "1", 3001)),
            *promoted_again,
            (4200, says(WITHDRAWN, "5", 4200)),
        )
    )
    never = play(journal(scans, (0, says(CHAMPION, "1", 0))))
    assert versions(outs)[51:70] == ["5"] * 19
    assert from_hour(numbers(outs), 70) == from_hour(numbers(never), 70)
    assert entries(outs, "1") == entries(never, "1")
    published = {t for _, t in numbers(outs) if 3000 <= (t - T0_MS) / MINUTE_MS < 4200}
    scored = {valid - lead * 1000 for valid, lead in entries(outs, "5")}
    assert published <= scored | {max(published)}, "what was published is scored though it was withdrawn"


def test_what_a_champion_has_published_is_scored_to_its_end_though_nobody_wants_it_beside() -> None:
    scans = days(110)
    items = journal(
        scans, (0, says(CHAMPION, "1", 0)), (0, says(SHADOW, "5", 1)), (3000, says(CHAMPION, "5", 3000))
    )
    machine = engine()
    outs = play(items, machine)
    never = play(journal(scans, (0, says(CHAMPION, "1", 0))))
    published = {
        key: value
        for key, value in entries(never, "1").items()
        if key[0] - key[1] * 1000 < T0_MS + 3000 * MINUTE_MS
    }
    assert entries(outs, "1") == published
    assert machine.fleet.shadows.by_slot == {}, "its last forecast has met its actual"


def test_a_withdrawn_shadow_is_scored_no_more() -> None:
    outs = play(
        journal(
            days(60),
            (0, says(CHAMPION, "1", 0)),
            (0, says(SHADOW, "5", 1)),
            (1800, says(WITHDRAWN, "5", 1800)),
        )
    )
    ended_ms = T0_MS + 1800 * MINUTE_MS
    scored = [valid for valid, _ in entries(outs, "5")]
    assert max(scored) < ended_ms
    assert min(scored) < ended_ms - 20 * HOUR * MINUTE_MS


def test_the_newest_shadow_is_the_only_one_and_none_comes_back() -> None:
    machine = engine()
    items = journal(
        days(30),
        (0, says(CHAMPION, "1", 0)),
        (0, says(SHADOW, "5", 1)),
        (600, says(SHADOW, "6", 600)),
        (1200, says(WITHDRAWN, "6", 1200)),
    )
    outs = play(items, machine)
    assert max(valid for valid, _ in entries(outs, "5")) < T0_MS + 600 * MINUTE_MS
    assert entries(outs, "6")
    assert machine.fleet.shadows.by_slot == {}


def test_a_shadow_of_some_plants_costs_the_others_nothing() -> None:
    scans = days(40, ("a", "b"))
    alone, beside = engine(), engine()
    play(journal(scans, (0, says(CHAMPION, "1", 0))), alone)
    outs = play(journal(scans, (0, says(CHAMPION, "1", 0)), (0, says(SHADOW, "5", 1, "a"))), beside)
    assert entries(outs, "5", "a")
    assert not entries(outs, "5", "b")
    sizes = {who: [len(one.snapshot(who).state) for one in (alone, beside)] for who in "ab"}
    assert sizes["b"][1] - sizes["b"][0] < 20, "the name of the other release alone"
    assert sizes["a"][1] > sizes["a"][0] + 1000


def test_champion_and_shadow_differ_by_plant() -> None:
    scans = days(30, ("a", "b"))
    items = journal(
        scans,
        (0, says(CHAMPION, "1", 0)),
        (0, says(CHAMPION, "5", 1, "b")),
        (0, says(SHADOW, "1", 2, "b")),
        (0, says(SHADOW, "5", 3, "a")),
    )
    outs = play(items)
    assert set(versions(outs, "a")) == {"1"}
    assert set(versions(outs, "b")) == {"5"}
    for who in "ab":
        assert entries(outs, "1", who).keys() == entries(outs, "5", who).keys() != set()


def test_a_withdrawal_for_one_plant_leaves_the_others() -> None:
    items = journal(
        days(30, ("a", "b")),
        (0, says(CHAMPION, "1", 0)),
        (0, says(CHAMPION, "5", 1)),
        (600, says(WITHDRAWN, "5", 600, "b")),
    )
    outs = play(items)
    assert versions(outs, "a")[-1] == "5"
    assert versions(outs, "b")[-1] == "1"


def test_a_plant_that_is_registered_later_has_the_shadow_too() -> None:
    late = [hourly("late"), *(item for _, item in days(40, ("late",), 10))]
    outs = play([says(CHAMPION, "1", 0), says(SHADOW, "5", 1), *late])
    assert entries(outs, "5", "late").keys() == entries(outs, "1", "late").keys() != set()


def test_a_shadow_that_must_not_be_used_is_refused_and_the_champion_goes_on() -> None:
    scans = days(10)
    outs = play(journal(scans, (0, says(CHAMPION, "1", 0)), (300, says(SHADOW, "66", 300))))
    assert [bad.reason for out in outs for bad in out.rejected] == [Reason.BAD_RELEASE]
    assert numbers(outs) == numbers(play(journal(scans, (0, says(CHAMPION, "1", 0)))))


LIFE = (
    (0, says(CHAMPION, "1", 0)),
    (0, says(SHADOW, "5", 1)),
    (2400, says(CHAMPION, "5", 2400)),  # at 40 h: 1 is scored to its end
    (2700, says(SHADOW, "1", 2700)),  # and comes back
    (3300, says(SHADOW, "7", 3300, "a")),
    (3900, says(CHAMPION, "7", 3900, "a")),
    (4000, says(WITHDRAWN, "7", 4000)),
)


@pytest.mark.parametrize("minute", [1000, 2401, 2701, 3400, 3950])
def test_a_restored_shadow_goes_on_as_if_nothing_had_happened(minute: int) -> None:
    """From states of any moment of its life, and once more with the journal from before the states on."""
    items = journal(days(80, ("a", "b")), *LIFE)
    at = next(
        n for n, item in enumerate(items) if isinstance(item, tuple) and item[1] > T0_MS + minute * MINUTE_MS
    )
    first = engine()
    play(items[:at], first)
    for back in (0, 40):
        second = engine()
        second.serving.restore(first.serving.to_json())
        for plant_id in reversed(first.plants):
            second.restore(first.snapshot(plant_id))
        restored = play(items[at - back :], second, at - back)
        went_on = play(items, engine())
        after = min(t for _, t in numbers(restored))
        assert {k: v for k, v in numbers(went_on).items() if k[1] >= after} == numbers(restored)
        for who in "ab":
            for version in "157":
                left = entries(restored, version, who)
                theirs = entries(went_on, version, who)
                assert left == {key: theirs[key] for key in left}
                begun = min((key for key in left), default=None)
                assert len(left) == sum(begun is not None and key >= begun for key in theirs)


@pytest.mark.slow
def test_states_of_different_age_take_up_each_shadow_at_its_own_place() -> None:
    items = journal(days(80, ("a", "b")), *LIFE)
    early, late = 60, len(items) - 20
    whole, older, newer, restored = (engine() for _ in range(4))
    live = play(items, whole)
    play(items[:early], older)
    play(items[:late], newer)
    restored.serving.restore(newer.serving.to_json())
    restored.restore(newer.snapshot("a"))
    restored.restore(older.snapshot("b"))
    again = play(items[early:], restored, early)
    for who in "ab":
        made = {k: v for k, v in numbers(again).items() if k[0] == who}
        assert made == {k: numbers(live)[k] for k in made} != {}
    for version in "15":
        made_b = entries(again, version, "b")
        assert made_b == {key: entries(live, version, "b")[key] for key in made_b} != {}


def test_a_state_without_shadows_is_read_by_what_knows_of_them() -> None:
    """A column that came later begins blank."""
    machine, other = engine(), engine()
    play(journal(days(10), (0, says(CHAMPION, "1", 0))), machine)
    taken = machine.snapshot("a")
    from safetensors.numpy import load as read
    from safetensors.numpy import save

    old = {n: t for n, t in read(taken.state).items() if "cover" not in n}
    other.restore(replace(taken, state=save(old)))
    assert other.snapshot("a").layout == taken.layout
    assert not other.fleet.state["cover_seen"].any()
