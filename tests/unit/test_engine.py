"""What the engine promises of issues, batches and state."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import safetensors.numpy
from hypothesis import given, settings
from hypothesis import strategies as st

from models import container
from models.engine import Engine
from models.forecast.base import KNOTS
from models.ingest import unit_rows
from models.outputs import Outputs
from models.release import Release, cold_start
from models.steps import EngineSettings
from schemas.errors import Reason, ReleaseRefused
from schemas.records import PlantVersion, ReleaseRecord, ReleaseRole, WeatherRun
from schemas.scores import records_of
from tests.forecast_world import Everywhere
from tests.journals import MINUTE_MS, T0_MS, Item, Numbers, batches, numbers, plant, run, scan, tick


class Windy:
    """A weather model that says what the run's wind says, by a straight line."""

    def knows(self, _run: WeatherRun) -> bool:
        return True

    def base(self, plant: PlantVersion, run: WeatherRun, hours_ms: np.ndarray) -> np.ndarray:  # noqa: ARG002  # the protocol names it
        speed = np.interp(hours_ms, run.valid_at_ms, run.columns["wind_speed_100m_ms"])
        middle = np.clip(speed / 20.0, 0, 1)[:, None]
        inside = (hours_ms >= run.valid_at_ms[0]) & (hours_ms <= run.valid_at_ms[-1])
        return np.where(inside[:, None], np.clip(middle + 0.2 * (np.array(KNOTS) - 0.5), 0, 1), np.nan)


def release(version: str, minute: float = 0, role: ReleaseRole = ReleaseRole.CHAMPION) -> ReleaseRecord:
    at = T0_MS + int(minute * MINUTE_MS)
    return ReleaseRecord("test", version, at, at, role, "00", 1)


def load(record: ReleaseRecord) -> Release:
    if record.version == "broken":
        raise ReleaseRefused("its hash is another one")
    return replace(cold_start(), name=record.name, version=record.version, weather=Everywhere(Windy()))


def engine(**known: object) -> Engine:
    return Engine(EngineSettings(**known), load)  # type: ignore[arg-type]  # the test names settings


def play(items: list[Item], sizes: list[int] | None = None, **known: object) -> list[Outputs]:
    machine = engine(**known)
    return [machine.apply(batch) for batch in batches(items, sizes or [len(items)])]


def issued(made: Numbers, plant_id: str) -> list[float]:
    """Minutes after T0 of the plant's issues."""
    return [(t - T0_MS) / MINUTE_MS for p, t in made if p == plant_id]


def test_an_issue_uses_the_record_at_its_own_time_and_not_the_one_after() -> None:
    before: list[Item] = [plant("a"), scan("a", 0, 500.0)]
    at = numbers(play([*before, scan("a", 15, 100.0)]))["a", T0_MS + 15 * MINUTE_MS]
    after = numbers(play([*before, scan("a", 16, 100.0)]))["a", T0_MS + 15 * MINUTE_MS]
    other = numbers(play([*before, scan("a", 16, 900.0)]))["a", T0_MS + 15 * MINUTE_MS]
    assert at != after
    assert after == other


def test_a_plant_that_jumps_issues_each_time_it_passed_oldest_first() -> None:
    made = numbers(play([plant("a"), scan("a", 0, 500.0), scan("a", 50, 400.0)]))
    assert issued(made, "a") == [0, 15, 30, 45]


def test_a_tick_issues_but_teaches_nothing() -> None:
    ticked = play([plant("a"), scan("a", 0, 500.0), tick("a", 15), tick("a", 30), scan("a", 45, 400.0)])
    jumped = play([plant("a"), scan("a", 0, 500.0), scan("a", 45, 400.0)])
    assert numbers(ticked) == numbers(jumped)
    newest = [int(offset) for block in ticked[0].forecasts for offset in block.telemetry_offset]
    assert newest == [1, 1, 1, 4], "what is told as the newest telemetry is no tick"


def test_a_late_scan_changes_no_issue_already_made_and_makes_none() -> None:
    made = numbers(play([plant("a"), scan("a", 0, 500.0), scan("a", 30, 400.0), scan("a", 20, 900.0, 31)]))
    assert issued(made, "a") == [0, 15, 30]


def test_a_repeat_is_dropped_and_counted_and_another_value_is_a_correction() -> None:
    first: list[Item] = [plant("a"), scan("a", 0, 500.0), scan("a", 10, 300.0)]
    plain = play([*first, scan("a", 15, 360.0)])
    repeated = play([*first, scan("a", 10, 300.0), scan("a", 15, 360.0)])
    corrected = play([*first, scan("a", 10, 700.0), scan("a", 15, 360.0)])
    as_if = play([plant("a"), scan("a", 0, 500.0), scan("a", 10, 700.0), scan("a", 15, 360.0)])
    assert numbers(plain) == numbers(repeated)
    assert repeated[0].counts["repeats"] == 1
    assert corrected[0].counts["corrections"] == 1
    at = ("a", T0_MS + 15 * MINUTE_MS)
    assert numbers(corrected)[at] == numbers(as_if)[at] != numbers(plain)[at]


def test_a_run_counts_from_the_issue_at_its_publication_on() -> None:
    items: list[Item] = [
        plant("a"),
        release("1"),
        scan("a", 0, 500.0),
        run("a", 20),
        scan("a", 15, 400.0),
        scan("a", 30, 400.0),
    ]
    made = numbers(play(items))
    rungs = {t: np.frombuffer(made["a", T0_MS + t * MINUTE_MS][1], np.int8) for t in (15, 30)}
    assert (rungs[15] == 2).all()
    assert (rungs[30][:20] == 0).all()


def test_a_run_whose_time_has_come_takes_no_later_one_along() -> None:
    def made(*runs: Item) -> Numbers:
        scans: list[Item] = [scan("a", minute, 400.0) for minute in (15, 30)]
        return numbers(play([plant("a"), release("1"), scan("a", 0, 500.0), *runs, *scans]))

    now, later = run("a", 10, speed_ms=5.0), run("a", 20, speed_ms=15.0)
    at = [("a", T0_MS + minute * MINUTE_MS) for minute in (15, 30)]
    assert made(now, later)[at[0]] == made(now)[at[0]]
    assert made(now, later)[at[1]] != made(now)[at[1]]


def test_a_second_copy_of_a_run_has_no_effect_and_is_counted() -> None:
    first: list[Item] = [plant("a"), release("1"), run("a", 0), scan("a", 0, 500.0)]
    once = play([*first, scan("a", 15, 400.0), scan("a", 30, 400.0)])
    twice = play([*first, run("a", 0), scan("a", 15, 400.0), run("a", 0), scan("a", 30, 400.0)])
    assert numbers(once) == numbers(twice)
    assert (twice[0].counts["runs"], twice[0].counts["repeats"]) == (1, 2)


def test_the_four_rungs_follow_from_what_is_silent() -> None:
    scans: list[Item] = [scan("a", m, 400.0) for m in range(0, 121, 15)]
    quiet: list[Item] = [tick("a", m) for m in range(135, 241, 15)]

    def last(items: list[Item]) -> set[int]:
        made = numbers(play(items))
        return set(np.frombuffer(made[max(made, key=lambda key: key[1])][1], np.int8)[:12].tolist())

    start: list[Item] = [plant("a"), release("1")]
    assert last([*start, run("a", 0), *scans]) == {0}
    assert last([*start, run("a", 0), *scans, *quiet]) == {1}
    assert last([*start, *scans]) == {2}
    assert last([*start, *scans, *quiet]) == {3}


def test_refused_telemetry_is_named_and_moves_nothing() -> None:
    bad = [
        scan("a", 15, 10_000.0),
        scan("a", 15, float("nan")),
        scan("a", 15 * 96, 500.0, 15),
        scan("b", 15, 1.0),
    ]
    out = play([plant("a"), scan("a", 0, 500.0), *bad])
    assert [r.reason for r in out[0].rejected] == [
        Reason.OUT_OF_RANGE,
        Reason.NOT_FINITE,
        Reason.CLOCK_AHEAD,
        Reason.UNKNOWN_PLANT,
    ]
    assert "in W?" in play([plant("a"), scan("a", 0, 500_000.0)])[0].rejected[0].detail
    assert issued(numbers(out), "a") == [0]


def test_a_release_is_taken_up_where_it_stands_and_a_second_copy_is_ignored() -> None:
    items = [
        plant("a"),
        scan("a", 0, 1.0),
        release("1"),
        scan("a", 15, 1.0),
        release("2"),
        scan("a", 30, 1.0),
        release("1"),
    ]
    machine = engine()
    outs = [machine.apply(b) for b in batches([*items, scan("a", 45, 1.0)], [3])]
    versions = [v for out in outs for block in out.forecasts for v in block.version]
    assert versions == ["0", "1", "2", "2"]


def test_a_broken_release_is_refused_and_the_old_one_stays() -> None:
    refused: list[Item] = [plant("a"), release("1"), scan("a", 0, 1.0), release("broken"), scan("a", 15, 1.0)]
    out = play([*refused, plant("b"), scan("b", 15, 1.0)])
    assert [r.reason for r in out[0].rejected] == [Reason.BAD_RELEASE]
    made = [(p, v) for block in out[0].forecasts for p, v in zip(block.plant_id, block.version, strict=True)]
    assert made == [("a", "1"), ("a", "1"), ("b", "1")], "also for a plant that comes later"


def test_blind_forecasts_hear_no_actual() -> None:
    def made(power_kw: float) -> Numbers:
        scans = [scan("a", m, power_kw) for m in range(0, 400, 15)]
        return numbers(play([plant("a"), release("1"), run("a", 0), *scans], blind=True))

    assert made(100.0) == made(900.0)


def test_a_changed_capacity_counts_from_its_own_time() -> None:
    bigger = plant("a", capacity_kw=2000.0, valid_from_ms=T0_MS + 20 * MINUTE_MS)
    out = play([plant("a"), bigger, scan("a", 0, 1.0), scan("a", 15, 1.0), scan("a", 30, 1.0)])
    assert [c for block in out[0].forecasts for c in block.capacity_kw] == [1000.0, 1000.0, 2000.0]


def test_what_is_published_rises_with_the_level_and_stays_within_limits() -> None:
    scans = [scan("a", m, 990.0 if m % 45 else -40.0) for m in range(0, 3000, 15)]
    out = play([plant("a", min_kw=-20.0), *scans])
    for block in out[0].forecasts:
        assert (np.diff(block.power_kw, axis=2) >= 0).all()
        assert block.power_kw.min() >= -20.0
        assert block.power_kw.max() <= 1000.0


def test_a_plant_may_issue_as_seldom_as_its_detectors_see_every_interval() -> None:
    scans = [scan("a", m, 500.0) for m in range(0, 2 * 1440 + 1, 15)]
    (out,) = play([plant("a", issue_every_s=21600), *scans])
    issued_at_ms = np.concatenate([block.issued_at_ms for block in out.forecasts])
    assert len(issued_at_ms) == 9
    assert (issued_at_ms % 21_600_000 == 0).all()
    assert len(out.scores), "and what came of each is scored"
    (out,) = play([plant("a", issue_every_s=43200)])
    (bad,) = out.rejected
    assert bad.detail.endswith("and at most 24 intervals of resolution_s")


@given(seed=st.integers(0, 1000), names=st.sampled_from([3, 9000]))
def test_units_are_numbered_in_the_order_of_the_journal_however_many_names_a_batch_has(
    seed: int, names: int
) -> None:
    rng = np.random.default_rng(seed)
    slot, unit = rng.integers(0, 3, 40), rng.choice(rng.permutation(names)[:3], 40).astype(np.int32)
    unit_ids = [f"unit {number}" for number in range(names)]
    machine, wanted = engine(), list[int]()
    machine.apply(batches([plant(name) for name in "abc"], [3])[0])
    found = unit_rows(machine.fleet, slot, unit, unit_ids) - machine.fleet.units.first[slot]
    heard: dict[int, list[int]] = {0: [], 1: [], 2: []}
    for s, u in zip(slot.tolist(), unit.tolist(), strict=True):
        if u not in heard[s]:
            heard[s].append(u)
        wanted.append(heard[s].index(u))
    assert found.tolist() == wanted


@st.composite
def journals(draw: st.DrawFn) -> list[Item]:
    """Two plants with gaps, repeats, late scans, corrections, refused ones, runs, ticks and releases in every
    role.
    """
    seed = draw(st.integers(0, 10_000))
    rng = np.random.default_rng(seed)
    items: list[Item] = [plant("a"), plant("b", resolution_s=600, issue_every_s=1800)]
    clock = {"a": 0.0, "b": 3.0}
    for _ in range(draw(st.integers(20, 140))):
        who = "ab"[rng.integers(2)]
        clock[who] += float(rng.choice([1, 5, 10, 15, 40]))
        what = rng.integers(12)
        at = clock[who] - (rng.integers(60) if what == 0 else 0)
        if what == 1:
            items.append(tick(who, clock[who]))
        elif what == 2:
            items.append(run(who, clock[who] + rng.integers(-30, 30), speed_ms=float(rng.uniform(0, 20))))
        elif what == 3 and rng.integers(4) == 0:
            role = list(ReleaseRole)[rng.choice(3, p=(0.5, 0.4, 0.1))]
            items.append(release(str(rng.integers(3)), clock[who], role))
        elif what == 4:
            items.append(scan(who, at, 5000.0))
        else:
            items += [scan(who, at, float(rng.uniform(-40, 1000)))] * int(1 + (what == 5))
    return items


@settings(max_examples=15, deadline=None)
@given(journals(), st.lists(st.integers(1, 40), min_size=1, max_size=8))
def test_nothing_depends_on_how_the_journal_is_cut_into_batches(items: list[Item], sizes: list[int]) -> None:
    whole, cut = play(items), play(items, sizes)
    assert numbers(whole) == numbers(cut)
    for what in ("anomalies", "scores", "drift"):
        assert _by_plant(whole, what) == _by_plant(cut, what)


@settings(max_examples=10, deadline=None)
@given(journals())
def test_a_plant_depends_on_its_own_records_alone(items: list[Item]) -> None:
    def concerns(item: Item) -> bool:
        who = item[0] if isinstance(item, tuple) else getattr(item, "plant_id", "a")
        return who == "a"

    alone = numbers(play([item for item in items if concerns(item)]))
    assert alone == {key: value for key, value in numbers(play(items)).items() if key[0] == "a"}


@settings(max_examples=15, deadline=None)
@given(journals(), st.floats(0.1, 0.9), st.integers(0, 10))
def test_a_restored_state_goes_on_as_if_nothing_had_happened(
    items: list[Item], place: float, back: int
) -> None:
    cut = max(2, int(len(items) * place))
    first, second = engine(), engine()
    first.apply(batches(items[:cut], [cut])[0])
    second.serving.restore(first.serving.to_json())
    for plant_id in first.plants:
        second.restore(first.snapshot(plant_id))
    again = max(2, cut - back)  # the restore reads the journal from before the states on
    rest = batches(items[again:], [max(len(items) - again, 1)], again)
    went_on = [first.apply(b) for b in batches(items[cut:], [7], cut)]
    restored = [second.apply(b) for b in rest]
    assert numbers(went_on) == numbers(restored)
    assert _by_plant(went_on, "scores") == _by_plant(restored, "scores")
    assert _by_plant(went_on, "anomalies") == _by_plant(restored, "anomalies")


def _by_plant(outputs: list[Outputs], what: str) -> dict[str, list[object]]:
    found: dict[str, list[object]] = {}
    for out in outputs:
        for record in records_of(out.scores) if what == "scores" else out.anomalies:
            found.setdefault(record["plant_id"], []).append(record)
    return found


def test_states_of_different_age_take_up_each_release_at_its_own_place() -> None:
    start: list[Item] = [plant("a"), plant("b"), scan("a", 0, 1.0), scan("b", 0, 1.0)]
    later: list[Item] = [
        release("1"),
        scan("b", 15, 1.0),
        release("2"),
        scan("a", 15, 1.0),
        scan("b", 30, 1.0),
    ]
    whole, older, newer = engine(), engine(), engine()
    older.apply(batches(start, [4])[0])
    newer.apply(batches([*start, *later], [9])[0])
    restored = engine()
    restored.serving.restore(older.serving.to_json())
    restored.restore(newer.snapshot("a"))
    restored.restore(older.snapshot("b"))
    outs = [whole.apply(batches([*start, *later], [9])[0])]
    again = [restored.apply(batches(later, [5], 4)[0])]
    assert {k: v for k, v in numbers(outs).items() if k[0] == "b" and k[1] > T0_MS} == numbers(again)


def test_ticks_are_due_for_live_plants_alone_and_once() -> None:
    machine = engine()
    old, live = scan("a", 0, 1.0), scan("b", 0, 1.0, 60 * 24 * 1000)
    machine.apply(batches([plant("a"), plant("b"), old, live], [4])[0])
    now_ms = T0_MS + (60 * 24 * 1000 + 20) * MINUTE_MS
    due = machine.due_ticks(now_ms)
    assert [p for p, _ in due] == ["b"]
    assert due[0][1] % 900_000 == 0
    assert machine.due_ticks(now_ms) == []


def test_settings_without_the_levels_that_scores_need_are_refused() -> None:
    with pytest.raises(ValueError, match="levels must rise"):
        EngineSettings(levels=(0.1, 0.9))


def test_a_container_is_what_safetensors_writes() -> None:
    arrays = {
        "one": np.arange(5, dtype=np.int16),
        "two": np.ones((2, 3), np.float32),
        "none": np.empty((0, 4)),
        "flags": np.array([True, False]),
    }
    assert container.pack(arrays) == safetensors.numpy.save(arrays)
