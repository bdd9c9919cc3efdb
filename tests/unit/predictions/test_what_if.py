"""What would be if: both sides by what the worker issues with, and no answer where the state has none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from models.engine import Engine
from models.outputs import Outputs
from models.snapshot import Snapshot
from models.steps import EngineSettings
from models.what_if import Change, Compared, compare
from schemas.errors import InputError
from schemas.forecasts import ForecastBlock
from schemas.journal import TelemetryColumns, UnitColumns
from schemas.records import WeatherRun
from tests.journals import T0_MS, Item, batches, plant, run, scan
from tests.stream.live_run import load, release

HOURS = 30
RATINGS = {"T1": 250.0, "T2": 250.0, "T3": 250.0, "T4": 250.0}


def lived(
    trained: bool = False, units: dict[str, float] | None = None, still: Sequence[str] = ()
) -> tuple[Engine, ForecastBlock]:
    """A plant after a day of quarter-hours with wind that comes and goes, taken out of its state, and what
    was said of it last.
    """
    state, said = _lived(trained, tuple((units or {}).items()), tuple(still))
    engine = Engine(EngineSettings(), load)
    engine.restore(state)
    return engine, said


@cache
def _lived(
    trained: bool, units: tuple[tuple[str, float], ...], still: tuple[str, ...]
) -> tuple[Snapshot, ForecastBlock]:
    engine = Engine(EngineSettings(), load)
    items: list[Item] = [
        plant("a", min_kw=-10.0, hub_height_m=100.0),
        *([release("1", 0)] if trained else []),
    ]
    items += [run("a", 0, hours=80)]
    items += [scan("a", 15.0 * n, 300.0 + 200.0 * np.sin(n / 9)) for n in range(1, 4 * HOURS + 1)]
    said: list[Outputs] = []
    for one in batches(items, [len(items)]):
        if units:
            readings = _readings(one.telemetry, dict(units), still, T0_MS + 60_000 * 15 * (4 * HOURS - 8))
            one = replace(one, telemetry=replace(one.telemetry, units=readings))
        said.append(engine.apply(one))
    return engine.snapshot("a"), [block for out in said for block in out.forecasts][-1]


def _readings(
    rows_of: TelemetryColumns, units: dict[str, float], still: Sequence[str], from_ms: int
) -> UnitColumns:
    names, rows, power_kw = list(units), len(rows_of), rows_of.power_kw
    part = np.array([units[name] for name in names]) / sum(units.values())
    kw = power_kw[:, None] * part
    late = rows_of.event_time_ms >= from_ms
    for name in still:
        kw[late, names.index(name)] = 0.0
    return UnitColumns(
        np.repeat(np.arange(rows), len(names)).astype(np.int32),
        np.tile(np.arange(len(names)), rows).astype(np.int32),
        names,
        kw.ravel(),
        np.full(kw.size, np.nan),
    )


def asked(engine: Engine, **change: object) -> Compared:
    return compare(engine.fleet, "a", Change(**change))  # type: ignore[arg-type]


@pytest.mark.parametrize("trained", [False, True])
def test_nothing_otherwise_is_what_was_published_to_the_bit(trained: bool) -> None:
    engine, published = lived(trained)
    both = asked(engine)
    for side in (both.baseline, both.what_if):
        assert side.power_kw.tobytes() == published.power_kw.tobytes()
        assert side.rung.tobytes() == published.rung.tobytes()
        assert (side.model, side.issued_at_ms.tolist()) == (published.model, published.issued_at_ms.tolist())
    assert (published.model[0] == "test") == trained


@pytest.mark.parametrize("trained", [False, True])
def test_twice_the_plant_gives_twice_the_power(trained: bool) -> None:
    engine, published = lived(trained)
    both = asked(engine, capacity_kw=2000.0)
    np.testing.assert_allclose(both.what_if.power_kw, 2 * published.power_kw, rtol=0, atol=1e-9)
    assert both.what_if.capacity_kw.tolist() == [2000.0] and both.baseline.capacity_kw.tolist() == [1000.0]
    assert both.baseline.power_kw.tobytes() == published.power_kw.tobytes()
    assert both.assumed


def test_without_a_unit_its_part_of_the_power_is_missing() -> None:
    engine, published = lived(units=RATINGS)
    both = asked(engine, units_out=["T2"])
    np.testing.assert_allclose(both.what_if.power_kw, 0.75 * published.power_kw, rtol=0, atol=0.1)
    engine, _ = lived(units=RATINGS)
    np.testing.assert_array_equal(asked(engine, units_out=1).what_if.power_kw, both.what_if.power_kw)
    unlike = {**RATINGS, "T1": 1000.0}
    engine, published = lived(units=unlike)
    both = asked(engine, units_out=["T1"])
    left = 750.0 / 1750.0
    np.testing.assert_allclose(both.what_if.power_kw, left * published.power_kw, rtol=0, atol=0.1)


@pytest.mark.parametrize(
    ("units", "still", "out", "why"),
    [
        (None, [], ["T1"], "no unit of this plant has ever said anything"),
        (RATINGS, [], ["T9"], "there is no unit T9; there are T1, T2"),
        (RATINGS, [], list(RATINGS), "without all of its units"),
        (RATINGS, [], 5, "the plant has 4 units"),
        (RATINGS, [], 4, "without all of its units"),
        ({**RATINGS, "T1": 1000.0}, [], 1, "differ by more than a third"),
        (RATINGS, ["T3"], ["T3"], "unit T3 stands still"),
        (RATINGS, ["T3"], 1, "unit T3 stands still"),
        ({**RATINGS, "T4": 0.0}, [], ["T1"], "unit T4 was never seen to run"),
    ],
)
def test_what_the_state_cannot_tell_of_units_is_refused(
    units: dict[str, float] | None, still: list[str], out: list[str] | int, why: str
) -> None:
    engine, _ = lived(units=units, still=still)
    with pytest.raises(InputError, match=why):
        asked(engine, units_out=out)


def windy(speed_ms: float, hours: int = 60, source: str = "own") -> WeatherRun:
    return replace(run("a", 60.0 * HOURS, hours, speed_ms), source=source)


@pytest.mark.parametrize("trained", [False, True])
def test_another_run_is_the_weather_from_the_issue_on(trained: bool) -> None:
    engine, published = lived(trained)
    both = asked(engine, run=windy(3.0))
    assert both.baseline.power_kw.tobytes() == published.power_kw.tobytes()
    assert both.what_if.power_kw[0, -20:, 5].max() < published.power_kw[0, -20:, 5].min()
    assert both.what_if.run_source == ["own"] and both.baseline.run_source == ["test"]
    engine, _ = lived(trained)
    same = asked(engine, run=windy(8.0))
    np.testing.assert_allclose(same.what_if.power_kw, published.power_kw, rtol=0, atol=1e-9)


@pytest.mark.parametrize(
    ("sent", "hours", "why"),
    [
        (windy(5.0, hours=20), 48, "it lacks 28 of 48"),
        (replace(windy(5.0), columns={"cloud_cover_pct": np.full(60, 50.0)}), 48, "it lacks 48 of 48"),
        (replace(windy(5.0), valid_at_ms=windy(5.0).valid_at_ms[::-1].copy()), 48, "valid times do not rise"),
    ],
)
def test_a_run_that_leaves_hours_open_is_refused(sent: WeatherRun, hours: int, why: str) -> None:
    engine, _ = lived()
    with pytest.raises(InputError, match=why):
        asked(engine, run=sent, hours=hours)


def test_a_short_run_will_do_for_a_short_question() -> None:
    engine, published = lived()
    both = asked(engine, run=windy(3.0, hours=20), hours=20)
    near = published.valid_at_ms[0] <= T0_MS + (HOURS + 20) * 3_600_000
    assert (both.what_if.power_kw[0, near, 5] <= published.power_kw[0, near, 5]).all()


def test_a_plant_without_a_forecast_has_nothing_to_compare_with() -> None:
    engine = Engine(EngineSettings(), load)
    for one in batches([plant("a")], [1]):
        engine.apply(one)
    for name in ("a", "b"):
        with pytest.raises(InputError, match=f"{name} has no forecast yet"):
            compare(engine.fleet, name, Change(capacity_kw=1.0))
    engine, _ = lived()
    with pytest.raises(InputError, match="capacity_kw is"):
        asked(engine, capacity_kw=1e12)
