"""When to train again, and which champion does worse live than it should."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

from models.live_losses import LiveDay, against_promise, compared
from models.retraining import AGAIN_MS, Outcome, Reason, Run, cron_reason, decide

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
NOW_MS = round(datetime(2026, 3, 4, 12, tzinfo=UTC).timestamp() * 1000)
DRIFT = Reason("drift", "drift:a:1", "drift of a")
NEW = Reason("new_plant", "new_plant:b", "b is new", ("b",))


def run(outcome: Outcome, hours_ago: float, *keys: str) -> Run:
    ended_ms = NOW_MS - round(hours_ago * HOUR_MS)
    return Run(ended_ms - HOUR_MS, ended_ms, outcome, keys)


def test_a_reason_that_nobody_has_tried_counts_at_once() -> None:
    found = decide([DRIFT, NEW], [], NOW_MS, 86_400)
    assert found.reasons == (DRIFT, NEW)
    assert found.plants == (), "drift is a reason to train for all plants"
    assert decide([NEW], [], NOW_MS, 86_400).plants == ("b",)
    assert decide([], [], NOW_MS, 86_400).reasons == ()


@pytest.mark.parametrize("outcome", [Outcome.FAILED, Outcome.TOO_EARLY, Outcome.PROMOTED])
def test_after_any_training_there_is_a_pause(outcome: Outcome) -> None:
    resting = decide([DRIFT], [run(outcome, 2, "cron:1")], NOW_MS, 86_400)
    assert resting.reasons == ()
    assert "resting for 22.0 h" in resting.waiting[0]
    assert decide([DRIFT], [run(outcome, 25, "cron:1")], NOW_MS, 86_400).reasons == (DRIFT,)


def test_a_rollback_is_no_training_and_delays_none() -> None:
    assert decide([DRIFT], [run(Outcome.ROLLED_BACK, 0.1)], NOW_MS, 86_400).reasons == (DRIFT,)


def test_what_was_judged_for_a_reason_is_not_tried_for_it_again_at_once() -> None:
    tried = [run(Outcome.NOT_PROMOTED, 48, DRIFT.key)]
    assert decide([DRIFT], tried, NOW_MS, 86_400).reasons == ()
    other = Reason("drift", "drift:a:2", "a new drift of a")
    assert decide([DRIFT, other], tried, NOW_MS, 86_400).reasons == (other,)
    assert decide([DRIFT], tried, NOW_MS - 2 * DAY_MS + AGAIN_MS, 86_400).reasons == (DRIFT,)
    early = [run(Outcome.TOO_EARLY, 48, DRIFT.key)]
    assert decide([DRIFT], early, NOW_MS, 86_400).reasons == (DRIFT,), "nothing was judged yet"


def test_cron_is_due_once_for_each_of_its_times() -> None:
    monday_ms = round(datetime(2026, 3, 2, 3, tzinfo=UTC).timestamp() * 1000)
    reason = cron_reason("0 3 * * 1", NOW_MS - 7 * DAY_MS, NOW_MS)
    assert reason is not None
    assert reason.key == f"cron:{monday_ms}"
    assert cron_reason("0 3 * * 1", monday_ms, NOW_MS) is None
    assert cron_reason("0 3 * * 1", NOW_MS - DAY_MS, NOW_MS) is None
    on_time = cron_reason("0 3 * * 1", monday_ms - 1, monday_ms)
    assert on_time is not None, "due at the time itself"


def live_days(
    first: float, second: float, days: int, lead: str = "6h", noise: float = 0.002
) -> list[LiveDay]:
    rng = np.random.default_rng(2)
    rows = []
    for day in range(days):
        weather = 0.01 * rng.random()  # a bad day is bad for both
        a, b = (loss + weather + noise * rng.normal() for loss in (first, second))
        rows.append(LiveDay("a", 20_000 + day, lead, 24, a, b))
    return rows


def test_a_champion_that_loses_more_every_day_is_worse_after_the_least_number_of_days() -> None:
    assert compared(live_days(0.06, 0.05, 10)).worse(7)
    assert not compared(live_days(0.05, 0.06, 10)).worse(7)
    assert not compared(live_days(0.06, 0.05, 6)).worse(7)
    assert not compared(live_days(0.05, 0.05, 30)).worse(7)
    assert not compared([]).worse(7)


def test_plants_and_lead_times_count_the_same_however_many_pairs_they_have() -> None:
    rows = [
        LiveDay("a", 1, "1h", 96, 0.1, 0.0),
        LiveDay("a", 1, "6h", 4, 0.3, 0.0),
        LiveDay("b", 1, "1h", 1, 0.6, 0.0),
    ]
    found = compared(rows)
    assert found.first == pytest.approx((0.2 + 0.6) / 2)
    assert (found.days, found.plants, found.test) == (1, 2, None)


def test_what_was_promised_is_measured_by_persistence_so_that_a_stormy_month_is_no_fault() -> None:
    promise = {"a": {"6h": {"nmae": 5.0, "nmae_persistence": 10.0}}}
    stormy = live_days(0.10, 0.20, 14)
    assert not against_promise(stormy, promise, 1.15).worse(7), "half of persistence, as promised"
    fallen = live_days(0.15, 0.20, 14)
    assert against_promise(fallen, promise, 1.15).worse(7)
    assert not against_promise(fallen, promise, 2.0).worse(7)
    assert against_promise(fallen, {}, 1.15).days == 0, "nothing was promised"
    assert against_promise(live_days(0.15, 0.2, 14, "1h"), promise, 1.15).days == 0
