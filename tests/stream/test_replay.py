"""A replay of any range is the live run of that range, to the last bit."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.records import ReleaseRecord
from streams.replay_states import issued_ms
from tests.journals import MINUTE_MS, T0_MS
from tests.stream.live_run import CODEC, DAY_MIN, LiveRun, days_of, range_of, release

DAYS = 3


@pytest.fixture(scope="module")
def live() -> LiveRun:
    """Many states a day, of which compaction has kept one."""
    return LiveRun.of(days_of(DAYS, seed=3), batch=37, round_every=3)


@settings(max_examples=6, deadline=None)
@given(st.floats(0, DAYS * DAY_MIN), st.integers(30, 1500), st.integers(1, 300))
def test_a_replay_issues_what_was_issued_live(live: LiveRun, start: float, length: int, batch: int) -> None:
    part = range_of(start, start + length)
    forecasts, events, _ = live.again(part, batch)
    assert forecasts == live.issued(part)
    assert events == live.events(part)


def test_a_plant_of_another_era_is_replayed_in_its_own_years(live: LiveRun) -> None:
    back = -400 * DAY_MIN
    part = range_of(back + 1.2 * DAY_MIN, back + 2.5 * DAY_MIN)
    forecasts, events, _ = live.again(part, 50)
    assert {name.split("|")[0] for name in forecasts} == {"old"}
    assert forecasts == live.issued(part)
    assert events == live.events(part)


def test_a_replay_reads_from_the_nearest_states_to_the_end_of_the_range_and_no_more(live: LiveRun) -> None:
    part = range_of(2.2 * DAY_MIN, 2.4 * DAY_MIN, ["a"])
    forecasts, events, read = live.again(part, 20)
    assert forecasts == live.issued(part) != {}
    assert events == live.events(part)
    assert read < len(live.journal) / 2


def test_some_plants_alone_are_as_in_the_whole(live: LiveRun) -> None:
    part = range_of(2.1 * DAY_MIN, 3 * DAY_MIN, ["late"])
    forecasts, _, _ = live.again(part, 64)
    assert {name.split("|")[0] for name in forecasts} == {"late"}
    assert forecasts == live.issued(part)


def test_without_any_state_the_journal_is_read_from_its_beginning() -> None:
    live = LiveRun.of(days_of(1, seed=5), batch=40, round_every=10_000)
    part = range_of(0.4 * DAY_MIN, 0.8 * DAY_MIN)
    assert live.states == {}
    assert live.again(part, 33)[0] == live.issued(part) != {}


def test_where_the_log_no_longer_reaches_the_earliest_possible_start_is_known_and_right(
    live: LiveRun,
) -> None:
    first = len(live.journal) * 6 // 10
    asked = range_of(1.0 * DAY_MIN, 1.1 * DAY_MIN, ["a"])
    lacking = live.states_for(asked, first).out_of_reach()
    assert set(lacking) == {"a"}
    earliest = lacking["a"]
    assert earliest is not None
    assert earliest > asked.from_ms
    possible = range_of((earliest - T0_MS) / MINUTE_MS, DAYS * DAY_MIN, ["a"])
    assert live.states_for(possible, first).out_of_reach() == {}
    assert live.again(possible, 45, first)[0] == live.issued(possible) != {}
    sooner = range_of((earliest - T0_MS) / MINUTE_MS - 15, DAYS * DAY_MIN, ["a"])
    assert "a" in live.states_for(sooner, first).out_of_reach()


def test_a_plant_that_was_registered_after_the_logs_first_record_is_in_reach(live: LiveRun) -> None:
    registered = next(i for i, (key, _) in enumerate(live.journal) if key == b"late")
    part = range_of(11 * DAYS * 60, 11 * DAYS * 60 + 300, ["late"])
    first = registered - 5
    assert live.states_for(part, first).out_of_reach() == {}
    assert live.again(part, 45, first)[0] == live.issued(part) != {}


def test_a_log_without_any_state_and_without_its_beginning_cannot_be_replayed() -> None:
    live = LiveRun.of(days_of(1, seed=5), batch=40, round_every=10_000)
    assert live.states_for(range_of(60, 90), first=10).out_of_reach() == {"": None}


def test_states_of_another_layout_are_not_begun_with(live: LiveRun) -> None:
    part = range_of(2 * DAY_MIN, 2.2 * DAY_MIN)
    other = LiveRun(live.journal, live.forecasts, live.anomalies)
    for key, (name, record) in live.states.items():
        other.states[key] = (name, record | {"layout": "another"} if name == "Checkpoint" else record)
    assert other.states_for(part).start().states == []
    assert other.states_for(part).start().offset == 0
    assert other.again(part, 70)[0] == live.issued(part)


def test_another_release_serves_every_plant_from_the_start(live: LiveRun) -> None:
    part = range_of(2 * DAY_MIN, 3 * DAY_MIN)
    other: ReleaseRecord = release("7", 0)
    forecasts, _, _ = live.again(part, 80, served=other)
    records = [CODEC.decode(value)[1] for value in forecasts.values()]
    assert {record["version"] for record in records} == {"7"}
    lived = [CODEC.decode(value)[1] for value in live.issued(part).values()]
    assert {(r["plant_id"], r["issued_at"]) for r in records} == {
        (r["plant_id"], r["issued_at"]) for r in lived
    }


def test_a_state_that_has_issued_at_the_start_already_is_not_begun_with(live: LiveRun) -> None:
    states = [record for name, record in live.states.values() if name == "Checkpoint"]
    assert len(states) > 2 * DAYS
    for minute in range(0, DAYS * DAY_MIN, 610):
        part = range_of(minute, minute + 60)
        for state in live.states_for(part).start().states:
            assert issued_ms(state) < part.from_ms
