"""What `gridcast score` says is what the engine saw, and what a person would work out."""

from typing import Any

import numpy as np
import pytest

from consumers.actuals import Actuals, Measured
from consumers.lead_steps import Gathered
from consumers.skill import LeadSteps, by_horizon, compare, numbers, over_plants, skill
from models.engine import Engine
from models.release import cold_start
from models.steps import LEADS_S, EngineSettings
from schemas.codec import Codec
from schemas.forecasts import encode_forecasts
from schemas.records import PlantKind
from schemas.scores import records_of
from tests.journals import MINUTE_MS, T0_MS, Item, batches, plant, scan

HOUR_MS = 3_600_000


def measured(power_kw: list[float], minutes: int = 60) -> Measured:
    stamps = T0_MS + np.arange(len(power_kw)) * minutes * MINUTE_MS
    return Measured(stamps, np.array(power_kw), minutes * 60)


def steps(median: list[float], lead_s: int = 3600, width_kw: float = 10.0) -> LeadSteps:
    """Hourly issues from T0 on, of a plant of 1000 kW."""
    count = len(median)
    middle = np.array(median)[:, None]
    return LeadSteps(
        issued_ms=T0_MS + np.arange(count) * HOUR_MS,
        lead_s=np.full(count, lead_s),
        interval_s=np.full(count, 3600),
        rung=np.zeros(count, np.int64),
        capacity_kw=np.full(count, 1000.0),
        quantiles=np.concatenate([middle - width_kw, middle, middle + width_kw], axis=1),
        levels=np.array([0.1, 0.5, 0.9]),
    )


def test_numbers_that_can_be_worked_out_by_hand() -> None:
    power = [100.0, 200.0, 400.0, 300.0]
    made = skill("a", steps([250.0, 400.0, 320.0]), measured(power))
    assert [one.horizon for one in made] == ["1h"]
    one = made[0]
    assert one.n == 3
    assert one.nmae == pytest.approx((5.0 + 0.0 + 2.0) / 3)
    assert one.nmae_persistence == pytest.approx((10.0 + 20.0 + 10.0) / 3)
    assert one.skill == pytest.approx(1 - 7 / 40)
    assert np.isnan(one.skill_yesterday)
    # 200 lies under 240, 400 lies inside, 300 under 310; nothing lies above
    assert one.coverage80 == pytest.approx(1 / 3)
    assert one.width80 == pytest.approx(2.0)
    assert numbers(one)["skill_yesterday"] is None


def test_mape_and_r2_by_hand() -> None:
    one = skill("a", steps([250.0, 400.0, 320.0]), measured([100.0, 200.0, 400.0, 300.0]))[0]
    assert one.mape == pytest.approx(100 * (50 + 0 + 20) / 900)
    assert one.r2 == pytest.approx(1 - (50**2 + 20**2) / 20_000)
    assert np.isnan(one.nmae_smart)


def test_a_solar_plant_is_judged_by_day_and_against_its_kept_clear_sky_index() -> None:
    hours = np.arange(20 * 24)
    sun_kw = np.clip(np.sin((hours % 24 - 6) / 12 * np.pi), 0, None) * 800
    dull = np.where(hours < 16 * 24, 1.0, 0.5) * sun_kw
    own = Measured.of(T0_MS + hours * HOUR_MS, dull, plant("a", kind=PlantKind.SOLAR, resolution_s=3600))
    said = np.where(dull > 0, dull, 30.0)
    made = skill("a", steps(said[1:].tolist()), own)[0]
    assert made.mape == pytest.approx(0.0, abs=1e-6)
    assert made.r2 == pytest.approx(1.0)
    assert made.nmae > 0
    late = steps(said[1:].tolist()).take(hours[17 * 24 : 19 * 24])
    kept = skill("a", late, own)[0]
    assert kept.nmae_smart < 0.1 * kept.nmae_persistence
    wind = Measured.of(T0_MS + hours * HOUR_MS, dull, plant("a", resolution_s=3600))
    assert np.isnan(skill("a", late, wind)[0].skill_smart)


def test_persistence_has_no_skill_over_itself_and_hindsight_has_all() -> None:
    power = np.random.default_rng(1).uniform(0, 1000, 200).tolist()
    own = measured(power)
    assert skill("a", steps(power[:-1]), own)[0].skill == pytest.approx(0.0, abs=1e-9)
    assert skill("a", steps(power[1:]), own)[0].skill == pytest.approx(1.0)
    day = skill("a", steps(power[1:-1]), own)[0]
    assert day.skill_yesterday == pytest.approx(1.0)


def test_an_actual_that_is_missing_is_left_out() -> None:
    power = [100.0, float("nan"), 400.0]
    made = skill("a", steps([0.0, 0.0]), measured(power))[0]
    assert made.n == 1
    assert made.nmae == pytest.approx(40.0)
    assert np.isnan(made.nmae_persistence)


def test_two_sets_are_compared_over_what_both_have() -> None:
    power = [0.0, 100.0, 200.0, 300.0, 400.0]
    left, right = steps([100.0, 200.0, 300.0]), steps([0.0, 0.0, 0.0, 0.0])
    made = compare("a", left.take(np.array([1, 2])), right, measured(power))
    assert [(one.n, one.nmae, one.nmae_against) for one in made] == [(2, 0.0, pytest.approx(25.0))]
    assert made[0].skill_against == 1.0
    assert compare("a", left.take(np.array([], np.int64)), right, measured(power)) == []


def test_a_plant_counts_as_much_as_any_other() -> None:
    own = measured([0.0] * 50)
    many, few = skill("a", steps([100.0] * 40), own), skill("b", steps([300.0] * 4), own)
    mean = over_plants([*many, *few])[0]
    assert (mean.plant_id, mean.n, mean.nmae) == ("all", 44, pytest.approx(20.0))
    assert by_horizon(few)["b"]["1h"]["n"] == 4


def test_topics_give_the_scores_that_the_engine_gave() -> None:
    rng, late_ms = np.random.default_rng(7), T0_MS + 700 * MINUTE_MS
    items: list[Item] = [plant("a"), plant("b", resolution_s=600)]
    items += [scan(who, m, float(rng.uniform(0, 900))) for m in range(0, 2000, 5) for who in "ab"]
    items += [scan("a", 1990, 5000.0), scan("a", 700, 10.0, 1991), scan("a", 1995, 500.0)]
    engine = Engine(EngineSettings(), lambda _: cold_start())
    gathered, actuals, scored = Gathered(), Actuals(frozenset("ab")), dict[tuple[str, int, int], Any]()
    for batch in batches(items, [97]):
        out = engine.apply(batch)
        actuals.add(batch)
        for block in out.forecasts:
            for payload in encode_forecasts(Codec(), block):
                gathered.add(Codec().decode(payload)[1])
        for record in records_of(out.scores):
            for i, lead_s in enumerate(record["lead_s"]):
                scored[record["plant_id"], record["valid_at"], lead_s] = record, i
    found = gathered.steps()
    assert set(found) == {"a", "b"}
    own = actuals.measured()
    seen = 0
    for plant_id, had in found.items():
        actual = own[plant_id].at(had.valid_ms, had.interval_s)
        for row in range(len(had)):
            name = plant_id, int(had.valid_ms[row]), int(had.lead_s[row])
            corrected_later = plant_id == "a" and 0 <= name[1] - late_ms < had.interval_s[row] * 1000
            if name in scored and not corrected_later:
                record, i = scored[name]
                assert actual[row] == record["actual_kw"][i]
                assert had.at(0.5)[row] == pytest.approx(record["median_kw"][i], rel=1e-12)
                seen += 1
    assert seen > 300
    assert {lead for *_, lead in scored} < set(LEADS_S)
