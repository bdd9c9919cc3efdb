"""Live losses by day out of PostgreSQL: side by side, and beside persistence as it was at the issue."""

from __future__ import annotations

from typing import Any

import pytest

from consumers.live_losses import beside_persistence, side_by_side
from infra.postgres import transaction
from infra.settings import Settings
from schemas.records import ReleaseRecord, ReleaseRole
from tests import output_records as made
from tests.integration.sink_help import send, sink_all

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
STARTS_MS = {"old": 16_000 * DAY_MS, "new": 20_000 * DAY_MS}  # plants of different years


def release(version: str) -> ReleaseRecord:
    return ReleaseRecord("gridcast", version, 0, 0, ReleaseRole.CHAMPION, "", 0)


def actual_kw(hour: int) -> float:
    return 100.0 + 7.0 * (hour % 11)


def score(plant_id: str, hour: int, quarter: int = 0) -> dict[str, Any]:
    """Version 1 at 6 h and 12 h, with version 2 beside it at 6 h on every second hour."""
    valid_ms = STARTS_MS[plant_id] + hour * HOUR_MS + quarter * 900_000
    both = hour % 2 == 0
    leads = [21_600, 43_200] + [21_600] * both
    size = len(leads)
    return made.score(
        plant_id,
        valid_at=valid_ms,
        known_at=valid_ms,
        capacity_kw=1000.0,
        lead_s=leads,
        issued_at=[valid_ms - lead * 1000 for lead in leads],
        model=["gridcast"] * size,
        version=["1", "1"] + ["2"] * both,
        rung=[0] * size,
        actual_kw=[actual_kw(hour)] * size,
        median_kw=[actual_kw(hour) + 20.0] * size,
        pinball_kw=[10.0, 14.0] + [8.0] * both,
        low_kw=[0.0] * size,
        high_kw=[900.0] * size,
        inside=[True] * size,
    )


@pytest.fixture
def scored(settings: Settings) -> Settings:
    hours = range(48)
    records = [score(plant_id, hour) for plant_id in STARTS_MS for hour in hours]
    quarters = [score("new", hour, 1) for hour in hours]  # say the same once more, and do not count
    plants = [made.plant(plant_id, known_at=1) for plant_id in STARTS_MS]
    send(settings, ("PlantVersion", plants), ("Score", records + quarters))
    sink_all(settings)
    return settings


def test_losses_are_paired_by_interval_and_errors_stand_beside_persistence(scored: Settings) -> None:
    with transaction(scored) as cursor:
        paired = side_by_side(cursor, release("1"), release("2"))
        alone = beside_persistence(cursor, release("1"), ["old"])
        nothing = side_by_side(cursor, release("1"), release("3"))
    assert nothing == []
    assert {(one.plant_id, one.lead) for one in paired} == {("old", "6h"), ("new", "6h")}
    assert sum(one.n for one in paired) == 48
    assert all((one.first, one.second) == pytest.approx((0.01, 0.008)) for one in paired)
    assert {one.day for one in paired if one.plant_id == "old"} == {16_000, 16_001}

    assert {one.plant_id for one in alone} == {"old"}
    assert all(one.first == pytest.approx(0.02) for one in alone)
    (second_day,) = [one for one in alone if (one.day, one.lead) == (16_001, "12h")]
    hours = range(24, 48)
    last_kw = [abs(actual_kw(hour) - actual_kw(hour - 12)) for hour in hours]
    assert second_day.n == 24
    assert second_day.second == pytest.approx(sum(last_kw) / 24 / 1000.0)
    (first_day,) = [one for one in alone if (one.day, one.lead) == (16_000, "12h")]
    assert first_day.n == 12, "without a last value there is nothing to compare with"
