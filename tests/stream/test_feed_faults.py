"""Faults of the feed, one by one: what the engine does with each, and what it tells of it.

The rows of docs/bad-input.md name these tests. Gaps, half weather and absurd values: `test_bad_days.py`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from models.engine import Engine
from models.outputs import Outputs
from models.release import Release, cold_start
from models.steps import EngineSettings
from models.trust import doubt
from schemas.errors import Reason
from schemas.records import ReleaseRecord, ReleaseRole, WeatherRun
from tests.forecast_world import Everywhere
from tests.journals import MINUTE_MS, T0_MS, Item, batches, numbers, plant, run, scan, tick
from tests.stream.live_run import Windy

DAY_MIN = 1440
YEAR_MIN = 365 * DAY_MIN
RELEASE = ReleaseRecord("test", "1", T0_MS, T0_MS, ReleaseRole.CHAMPION, "00", 1)


def load(record: ReleaseRecord) -> Release:
    return replace(cold_start(), name=record.name, version=record.version, weather=Everywhere(Windy(1.0)))


def play(items: Sequence[Item], size: int = 40) -> list[Outputs]:
    machine = Engine(EngineSettings(), load)
    return [machine.apply(batch) for batch in batches(items, [size])]


def hours(who: str, first: float, last: float, ahead: float = 0.0) -> list[Item]:
    """A scan every five minutes; `ahead`: minutes by which the source's clock is wrong."""
    return [
        scan(who, minute + ahead, 500.0 + 300.0 * float(np.sin(minute / 90.0)))
        for minute in np.arange(first * 60, last * 60, 5.0)
    ]


def counted(outs: Sequence[Outputs]) -> Counter[str]:
    return sum((out.counts for out in outs), Counter())


def issued(outs: Sequence[Outputs], who: str = "a") -> list[float]:
    """Minutes after T0 at which a plant was issued."""
    return [(at - T0_MS) / MINUTE_MS for plant_id, at in numbers(outs) if plant_id == who]


def reasons(outs: Sequence[Outputs]) -> list[Reason]:
    return [bad.reason for out in outs for bad in out.rejected]


def events(outs: Sequence[Outputs], detector: str) -> list[str]:
    return [event["phase"] for out in outs for event in out.anomalies if event["detector"] == detector]


START: list[Item] = [plant("a"), RELEASE, run("a", -30)]


# Disorder


@settings(max_examples=6, deadline=None)
@given(st.randoms(use_true_random=False))
def test_disorder_between_two_issues_changes_no_number(random: object) -> None:
    """The records of an interval may come in any order, as long as the one at its end comes last."""
    ordered = [*START]
    mixed = [*START]
    for first in range(0, 4 * 60, 15):
        part = [scan("a", first + m, 400.0 + 7.0 * ((first + m) % 50)) for m in (3.0, 6.0, 9.0, 12.0)]
        end = scan("a", first + 15.0, 500.0)
        ordered += [*part, end]
        random.shuffle(part)  # type: ignore[attr-defined]  # hypothesis gives a random.Random
        mixed += [*part, end]
    assert numbers(play(ordered)) == numbers(play(mixed, 17))


def test_what_comes_after_newer_records_is_counted_as_late_however_the_log_is_cut() -> None:
    items = [
        *START,
        scan("a", 0, 1.0),
        scan("a", 10, 1.0),
        scan("a", 5, 1.0),
        tick("a", 15),
        scan("a", 12, 1.0),
    ]
    for size in (1, 2, 100):
        told = counted(play(items, size))
        assert (told["late"], told["ticks"]) == (1, 1), "the tick is no telemetry, so 12 is the newest"


# Clock jumps


def test_a_clock_that_jumps_ahead_of_the_producers_is_refused_and_nothing_moves() -> None:
    wild = [scan("a", 240 + ahead, 500.0, 240) for ahead in (11, 60, DAY_MIN, 20 * YEAR_MIN)]
    items = [*START, *hours("a", 0, 4), *wild, *hours("a", 4, 6)]
    outs = play(items)
    assert reasons(outs) == [Reason.CLOCK_AHEAD] * len(wild)
    assert numbers(outs) == numbers(play([one for one in items if one not in wild]))


def test_a_clock_that_is_a_little_ahead_is_believed_and_issues_early() -> None:
    outs = play([*START, *hours("a", 0, 4), scan("a", 249.0, 500.0, 240)])
    assert reasons(outs) == []
    assert issued(outs)[-1] == 240.0


def test_a_clock_that_jumps_back_makes_no_issue_until_its_time_has_come_again() -> None:
    back = hours("a", 4, 6, ahead=-60.0)
    outs = play([*START, *hours("a", 0, 4), *back])
    usual = [float(m) for m in range(0, 286, 15)]
    assert issued(outs) == usual, "each time once"
    assert counted(outs)["late"] == 11, "five minutes to the hour are the newest again"


def test_a_source_whose_whole_clock_jumps_carries_its_plant_along_and_nobody_trusts_it() -> None:
    """Its known_at is wrong, too, so nobody can tell from the journal; `gridcast status` can."""
    outs = play([*START, *hours("a", 0, 4), scan("a", 240 + 2 * DAY_MIN, 500.0), *hours("a", 4, 8)])
    made = issued(outs)
    assert made[-1] == 240 + 2 * DAY_MIN
    assert len(made) == len(set(made))
    assert counted(outs)["late"] == 48
    for out in outs:
        for block in out.forecasts:
            assert np.isfinite(block.power_kw).all()
    newest = {
        "issued_at": T0_MS + (240 + 2 * DAY_MIN) * MINUTE_MS,
        "valid_at": [T0_MS + (255 + 2 * DAY_MIN) * MINUTE_MS],
        "rung": [0],
        "stale": False,
        "telemetry_quality": None,
        "weather_quality": None,
    }
    why = doubt(newest, 900, T0_MS + 480 * MINUTE_MS)
    assert why is not None
    assert "check the clock of its source" in why


def test_a_run_of_a_clock_ahead_is_refused() -> None:
    ahead = replace(run("a", 300), known_at_ms=T0_MS + 280 * MINUTE_MS)
    outs = play([*START, *hours("a", 0, 5), ahead, *hours("a", 5, 6)])
    assert reasons(outs) == [Reason.BAD_RUN]


# Silence


def test_a_plant_that_was_silent_for_days_is_told_and_recovers_within_an_issue() -> None:
    away = 3 * DAY_MIN
    ticks = [tick("a", minute) for minute in range(240, 240 + away, 15)]
    weather = [run("a", 240 + day * DAY_MIN) for day in range(4)]
    quiet: list[Item] = sorted(
        [*ticks, *weather], key=lambda one: one[1] if isinstance(one, tuple) else one.published_at_ms
    )
    outs = play([*START, *hours("a", 0, 4), *quiet, *hours("a", 4 + away / 60, 6 + away / 60)])
    assert len(issued(outs)) == (360 + away) // 15
    silent = events(outs, "feed_silent")
    assert (silent[0], silent[-1], silent.count("open")) == ("open", "close", 1)
    rungs = {at: np.frombuffer(rung, np.int8)[0] for (_, at), (_, rung, _) in numbers(outs).items()}
    assert rungs[T0_MS + (240 + away // 2) * MINUTE_MS] == 1
    assert rungs[T0_MS + (255 + away) * MINUTE_MS] == 0


# Weather runs


def speed(item: WeatherRun, speed_ms: float, first: int = 0) -> WeatherRun:
    """The run with another wind from one of its hours on, and without those before."""
    columns = {name: values[first:] for name, values in item.columns.items()}
    columns["wind_speed_100m_ms"] = np.full(len(item.valid_at_ms) - first, speed_ms)
    return replace(item, valid_at_ms=item.valid_at_ms[first:], columns=columns)


def last(outs: Sequence[Outputs]) -> np.ndarray:
    """Median power of the steps of the last issue; the plant has 1000 kW."""
    return outs[-1].forecasts[-1].power_kw[-1, :, EngineSettings().level(0.5)]


def test_a_run_that_arrives_after_its_successor_fills_only_the_hours_that_one_leaves_open() -> None:
    older = replace(speed(run("a", 0), 18.0), known_at_ms=T0_MS + 200 * MINUTE_MS)
    newer = speed(run("a", 60), 4.0, first=12)  # says nothing of its first 12 hours
    in_turn = play([plant("a"), RELEASE, older, newer, *hours("a", 0, 4)])
    swapped = play([plant("a"), RELEASE, newer, *hours("a", 0, 3), older, *hours("a", 3, 4)])
    alone = play([plant("a"), RELEASE, newer, *hours("a", 0, 4)])
    # Bands have learned in between from forecasts without it, so numbers are alike and not the same.
    np.testing.assert_allclose(last(swapped), last(in_turn), atol=10)
    assert (last(swapped)[-20:] < 300).all(), "the successor holds where it speaks: 4 m/s and not 18"
    assert np.abs(last(in_turn) - last(alone)).max() > 200, "the late one fills what was open"


def test_two_runs_at_once_give_the_same_in_either_order() -> None:
    one, other = speed(run("a", 0), 12.0), replace(speed(run("a", 0), 6.0), source="other")
    first = play([plant("a"), RELEASE, one, other, *hours("a", 0, 4)])
    second = play([plant("a"), RELEASE, other, one, *hours("a", 0, 4)])
    assert numbers(first) == numbers(second)
    assert counted(first)["runs"] == 2


def test_a_run_that_comes_again_is_a_repeat_and_with_other_values_a_conflict_that_changes_nothing() -> None:
    first, again, other = run("a", 0), run("a", 0), speed(run("a", 0), 18.0)
    start: list[Item] = [plant("a"), RELEASE, first, *hours("a", 0, 2)]
    usual = play([*start, *hours("a", 2, 4)])
    for late in (again, other):
        told = play([*start, late, *hours("a", 2, 4)])
        assert numbers(told) == numbers(usual)
        assert counted(told)["repeats"] == (late is again)
        assert counted(told)["conflicts"] == (late is other)


# Repeats and corrections of what is no telemetry


def test_plants_and_releases_that_come_again_are_counted_and_change_nothing() -> None:
    once = [*START, *hours("a", 0, 4)]
    twice = play([*START, *START, *hours("a", 0, 4)])
    assert numbers(twice) == numbers(play(once))
    assert counted(twice)["repeats"] == 3


# Capacity


def test_a_plant_that_changes_its_capacity_is_judged_and_forecast_by_what_holds_at_each_time() -> None:
    larger = plant("a", capacity_kw=3000.0, valid_from_ms=T0_MS + 120 * MINUTE_MS, known_at_ms=T0_MS)
    high = [scan("a", minute, 2500.0) for minute in range(60, 180, 15)]
    outs = play([*START, *hours("a", 0, 1), larger, *high])
    assert reasons(outs) == [Reason.OUT_OF_RANGE] * 4, "before its time the old capacity holds"
    said = {
        int(at): (float(kw), int(since))
        for out in outs
        for block in out.forecasts
        for at, kw, since in zip(
            block.issued_at_ms, block.capacity_kw, block.plant_valid_from_ms, strict=True
        )
    }
    later = T0_MS + 120 * MINUTE_MS
    assert {value for at, value in said.items() if at < later} == {(1000.0, 0)}
    assert {value for at, value in said.items() if at >= later} == {(3000.0, later)}
    assert events(outs, "impossible_value")[0] == "open"


# Eras


def test_a_plant_of_2014_beside_a_live_one_changes_nothing_for_either() -> None:
    """Their clocks are 12 years apart in one partition, and each goes by its own."""
    ahead = 12 * YEAR_MIN
    old = [plant("old"), run("old", -30), *hours("old", 0, 8)]
    live = [
        plant("live"),
        run("live", ahead - 30),
        *[scan("live", ahead + m, 300.0 + m % 400) for m in range(0, 480, 5)],
    ]
    together = play([RELEASE, *(item for pair in zip(old, live, strict=False) for item in pair)])
    alone = {**numbers(play([RELEASE, *old])), **numbers(play([RELEASE, *live]))}
    assert len(old) == len(live)
    assert numbers(together) == alone
    told = counted(together)
    assert (told["late"], reasons(together), events(together, "feed_silent")) == (0, [], [])


def test_only_the_live_plant_of_a_mixed_partition_is_sent_ticks() -> None:
    now_ms = T0_MS + (12 * YEAR_MIN + 20) * MINUTE_MS
    machine = Engine(EngineSettings(), load)
    items = [plant("old"), plant("live"), scan("old", 0, 1.0), scan("live", 12 * YEAR_MIN, 1.0)]
    machine.apply(batches(items, [10])[0])
    assert [who for who, _ in machine.due_ticks(now_ms)] == ["live"]
