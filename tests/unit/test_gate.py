"""A candidate serves when it is better on days that nobody has seen, and worse for no plant."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields, replace
from functools import cache

import numpy as np
import pytest

from models.diebold_mariano import compare
from models.forecast.base import CorrectionInput, Floats
from models.release import Release, cold_start
from models.training import fitness, gate, select
from models.training.gate import Verdict, judge, too_early, worse_plants
from models.training.hold_back import Split, split
from models.training.train import train
from tests.forecast_world import SOLAR, WIND, history, small_config, small_release

DAY_MS = 86_400_000
DAYS = 60
HISTORIES = (history(WIND, DAYS), history(SOLAR, DAYS))


@dataclass(frozen=True)
class Bent(Release):
    """A release that says too much for one plant, in shares of capacity; NaN breaks it."""

    plant_id: str = ""
    by: float = 0.0

    def correct(self, x: CorrectionInput) -> Floats:
        there = np.array([plant_id == self.plant_id for plant_id in x.plant_ids])
        return super().correct(x) + np.where(there, self.by, 0.0)[:, None, None]


def bent(release: Release, plant_id: str, by: float) -> Bent:
    kept = {field.name: getattr(release, field.name) for field in fields(Release)}
    return Bent(**kept, plant_id=plant_id, by=by)


@cache
def candidate() -> Release:
    """Trained on all but the newest 14 days."""
    return train(split(HISTORIES, 14, {}).seen, small_config(version="2"), lambda _said, _part: None)


def seen_until(release: Release, days_before_end: float, version: str = "1") -> Release:
    """The same models, said to have been trained until then."""
    about = {
        h.plant.plant_id: {"to": gate._iso(int(h.end_ms[-1] - days_before_end * DAY_MS))} for h in HISTORIES
    }
    return replace(release, version=version, manifest={**release.manifest, "plants": about})


def against(champion: Release, days: int = 14) -> Split:
    return split(HISTORIES, days, dict.fromkeys(("wind-1", "solar-1"), champion))


def judged(new: Release, old: Release, days: int = 14) -> Verdict:
    return judge(new, dict.fromkeys(("wind-1", "solar-1"), old), cold_start(), against(old, days))


def test_a_trained_release_beats_the_cold_start_by_day_and_by_test() -> None:
    assert too_early(split(HISTORIES, 14, {})) is None
    verdict = judge(candidate(), {}, cold_start(), split(HISTORIES, 14, {}))
    assert verdict.better, verdict.reason
    assert set(verdict.plants) == {"wind-1", "solar-1"}
    assert verdict.plants["wind-1"].days == 14
    assert verdict.plants["wind-1"].against == "cold-start 0"
    assert verdict.overall is not None
    assert verdict.overall.p_better < 0.05
    assert verdict.candidate["wind-1"]["1h"].nmae < verdict.candidate["wind-1"]["1h"].nmae_persistence
    assert json.loads(json.dumps(verdict.to_json()))["plants"]["solar-1"]["test"]["days"] == 14
    worse = judged(seen_until(cold_start(), 20), seen_until(candidate(), 20))
    assert not worse.better


def test_a_champion_that_has_seen_the_days_cannot_be_challenged_on_them() -> None:
    early = too_early(against(seen_until(candidate(), 0)))
    assert early is not None
    assert not early.better
    assert "too few days" in early.reason
    assert early.not_judged["wind-1"].startswith("0 days")
    assert too_early(against(seen_until(candidate(), 13))) is not None
    assert too_early(against(seen_until(candidate(), 14))) is None


def test_held_back_days_begin_after_what_the_champion_has_seen() -> None:
    held = against(seen_until(candidate(), 16), days=20).ranges["wind-1"]
    assert held.days == 16
    assert held.to_ms - held.from_ms == 16 * DAY_MS
    assert held.cut_ms == held.to_ms - 20 * DAY_MS


def test_a_third_of_a_short_history_is_held_back_at_most() -> None:
    short = history(WIND, 12)
    held = split([short], 14, {}).ranges["wind-1"]
    assert held.days == 4
    assert held.enough, "nothing that was trained serves it"


def test_better_on_the_whole_and_worse_for_one_plant_is_not_promoted() -> None:
    champion = seen_until(bent(candidate(), "wind-1", 0.2), 20)
    harmful = bent(candidate(), "solar-1", 0.02)
    verdict = judged(harmful, champion)
    assert verdict.plants["wind-1"].candidate < verdict.plants["wind-1"].champion
    assert not verdict.better
    assert "worse for solar-1" in verdict.reason
    harmless = judged(candidate(), champion)
    assert harmless.better, harmless.reason


def test_a_release_whose_numbers_are_not_finite_is_never_better() -> None:
    broken = bent(candidate(), "solar-1", float("nan"))
    verdict = judge(broken, {}, cold_start(), split(HISTORIES, 14, {}))
    assert not verdict.better
    assert "not finite" in verdict.reason


def test_a_plant_is_where_its_training_has_found_it() -> None:
    """Told a place on the other side of the world, the release stays dark by day and errs."""
    from_ms = int(HISTORIES[1].end_ms[-1]) - 7 * DAY_MS
    nowhere = replace(HISTORIES[1], plant=replace(SOLAR, latitude=None, longitude=None))
    placed, lost = (
        replace(
            candidate(),
            manifest={**candidate().manifest, "sites": {"solar-1": {"latitude": 47.0, "longitude": degrees}}},
        )
        for degrees in (8.0, -172.0)
    )
    here, there = (select.trial(release, nowhere, from_ms).scores["6h"].nmae for release in (placed, lost))
    assert here < 0.5 * there


def test_what_is_scored_stays_inside_of_the_limits() -> None:
    above = bent(candidate(), "wind-1", 5.0)
    trial = select.trial(above, HISTORIES[0], int(HISTORIES[0].end_ms[-1]) - 7 * DAY_MS)
    assert trial.flawed == 0
    assert trial.scores["1h"].nmae < 1.0, "published at capacity, not at five times of it"


def test_equal_candidates_are_seldom_refused_however_many_plants_there_are() -> None:
    rng = np.random.default_rng(11)
    refused = {"each at 5 %": 0, "all at 5 %": 0}
    for _ in range(150):
        tests = {str(p): compare(rng.normal(0, 1, 28), np.zeros(28)) for p in range(20)}
        refused["all at 5 %"] += bool(worse_plants(tests))
        refused["each at 5 %"] += any(t is not None and t.worse() for t in tests.values())
    assert refused["all at 5 %"] < 0.15 * 150
    assert refused["each at 5 %"] > 0.5 * 150


def test_speed_is_measured_with_the_clock_that_is_given() -> None:
    ticks = iter(np.arange(100.0).tolist())
    slow = fitness.measure(small_release(), HISTORIES, lambda: next(ticks))
    assert slow.forecast_us == pytest.approx(1e6 / fitness.BATCH)
    assert slow.trouble is not None
    assert "one forecast takes" in slow.trouble
    quick = fitness.measure(small_release(), HISTORIES, lambda: 0.0)
    assert quick.trouble is None
    assert fitness.measure(small_release(), [], lambda: 0.0).run_ms is None
