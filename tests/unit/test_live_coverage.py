"""Live coverage: what is counted, of which days, and that it says what scores say."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from infra import metrics
from models import coverage
from models.engine import Engine
from models.outputs import Outputs
from models.score import VISIBLE_SHARE
from models.score import coverage as as_scored
from models.steps import LEADS_S, EngineSettings
from schemas.records import ReleaseRole
from schemas.scores import records_of
from streams import meter
from tests.journals import Item, batches, plant, run, scan
from tests.stream.live_run import load, release

DAY_MIN = 1440


def story(days: int) -> tuple[Engine, list[Outputs]]:
    """A farm that is measured once an hour and gives now more, now less than its band."""
    rng = np.random.default_rng(2)
    hourly = plant("a", resolution_s=3600, issue_every_s=3600)
    items: list[Item] = [hourly, release("1", 0)]
    for hour in range(24 * days):
        if hour % 24 == 0:
            speed_ms = float(rng.uniform(4, 14))
            items.append(run("a", hour * 60, speed_ms=speed_ms))
        items.append(scan("a", hour * 60, float(np.clip(55 * speed_ms + rng.normal() * 90, 0, 1000))))
    machine = Engine(EngineSettings(), load)
    return machine, [machine.apply(batch) for batch in batches(items, [50])]


def scored(outs: list[Outputs], lead_s: int, from_day: int) -> float:
    """Coverage by the scores on the topic."""
    rows = [
        (record["actual_kw"][place], record["low_kw"][place], record["high_kw"][place])
        for out in outs
        for record in records_of(out.scores)
        if record["valid_at"] // coverage.DAY_MS >= from_day
        for place, lead in enumerate(record["lead_s"])
        if lead == lead_s
    ]
    return as_scored(*np.array(rows).T, visible=1000.0 * VISIBLE_SHARE).inside


@pytest.mark.parametrize("days", [2, 5])
def test_coverage_is_what_the_scores_of_the_last_days_say(days: int) -> None:
    machine, outs = story(8)
    newest = int(machine.fleet.state["clock_ms"][0]) // coverage.DAY_MS
    counts = coverage.counts(machine.fleet, days)
    for lead, lead_s in enumerate(LEADS_S):
        if lead_s >= 3600:
            assert counts.inside[0, lead] == pytest.approx(scored(outs, lead_s, newest - days + 1))
    assert 0.3 < counts.inside[0, 1] < 0.95
    assert np.isnan(counts.inside[0, 0]), "a plant that is measured hourly has no score at 15 min"


def test_only_a_month_is_kept_and_old_days_give_way() -> None:
    machine, outs = story(40)
    newest = int(machine.fleet.state["clock_ms"][0]) // coverage.DAY_MS
    counts = coverage.counts(machine.fleet, coverage.DAYS_KEPT)
    first = newest - coverage.DAYS_KEPT + 1
    assert counts.inside[0, 1] == pytest.approx(scored(outs, 3600, first))
    assert counts.met[0, 1] <= 24 * coverage.DAYS_KEPT


def test_coverage_outlives_a_restart() -> None:
    machine, _ = story(4)
    other = Engine(EngineSettings(), load)
    other.serving.restore(machine.serving.to_json())
    other.restore(machine.snapshot("a"))
    np.testing.assert_array_equal(
        coverage.counts(machine.fleet, 9).inside, coverage.counts(other.fleet, 9).inside
    )


def test_an_edge_that_cannot_be_seen_is_not_counted() -> None:
    counts = coverage.Counts(np.array([[[0, 10], [0, 0]]]), np.array([[[0, 4], [0, 0]]]))
    np.testing.assert_allclose(counts.inside, [[1 - 0.1 - 0.4, np.nan]])
    both = coverage.Counts(np.repeat(counts.seen, 2, axis=0), np.repeat(counts.missed, 2, axis=0)).pooled()
    assert both.met.tolist() == [[20, 0]]


def test_metrics_show_it_by_lead_and_by_plant_where_asked() -> None:
    machine, _ = story(4)
    read = metrics.REGISTRY.get_sample_value
    shown = coverage.counts(machine.fleet, 3)
    meter.show_coverage(machine.fleet, 3, by_plant=False)
    assert read("gridcast_coverage80", {"lead": "1h"}) == pytest.approx(shown.inside[0, 1])
    assert read("gridcast_coverage80_forecasts", {"lead": "1h"}) == shown.met[0, 1] > 24
    assert read("gridcast_plant_coverage80", {"plant": "a", "lead": "1h"}) is None
    beside = Engine(EngineSettings(), load)
    beside.join(machine.fleet)
    beside.serving.restore(machine.serving.to_json())
    beside.restore(machine.snapshot("a"))
    meter.show_coverage(machine.fleet, 3, by_plant=True)
    assert read("gridcast_coverage80_forecasts", {"lead": "1h"}) == 2 * shown.met[0, 1]
    assert read("gridcast_plant_coverage80", {"plant": "a", "lead": "1h"}) == pytest.approx(
        shown.inside[0, 1]
    )


def test_releases_in_use_are_shown_with_their_roles() -> None:
    machine, _ = story(1)
    shadow = replace(release("2", 2000), role=ReleaseRole.SHADOW)
    machine.apply(batches([shadow], [1], 10_000)[0])
    meter.show_fleet(machine.fleet)
    read = metrics.REGISTRY.get_sample_value
    for version, role in (("1", "champion"), ("2", "shadow")):
        assert read("gridcast_release", {"name": "test", "version": version, "role": role}) == 1
