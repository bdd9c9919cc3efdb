"""What views work out by themselves: ticks, sums, what is next, small numbers; in the browser's engine."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import Page

NOW = datetime(2026, 10, 12, 20, 4, tzinfo=UTC)


def _told(page: Page, module: str, expression: str, *given: Any) -> Any:
    """The value of an expression over what a module exports, `m`, and what is given, `g`."""
    if page.url == "about:blank":
        page.clock.set_fixed_time(NOW)
        page.goto("/")
    code = f"async (g) => {{ const m = await import('/page/{module}'); return {expression}; }}"
    return page.evaluate(code, list(given))


def _ms(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp() * 1000)


@pytest.mark.parametrize(
    ("zone", "from_", "texts", "strong"),
    [
        ("Asia/Kolkata", "2026-10-12T15:00Z", ["21:00", "13 Oct", "03:00", "06:00"], ["13 Oct"]),
        # The clocks of Cairo go from 24:00 to 01:00.
        ("Africa/Cairo", "2026-04-23T18:00Z", ["21:00", "24 Apr", "03:00", "06:00"], ["24 Apr"]),
        ("Europe/Paris", "2026-10-12T18:30Z", ["21:00", "13 Oct", "03:00", "06:00"], ["13 Oct"]),
    ],
)
def test_ticks_stand_at_whole_hours_of_the_zone(
    page: Page, zone: str, from_: str, texts: list[str], strong: list[str]
) -> None:
    first = _ms(from_)
    found = _told(
        page, "charts/scale.js", "m.timeTicks(g[0], g[1], 4, { timezone: g[2] })",
        first, first + 10 * 3_600_000 + 1, zone,
    )  # fmt: skip
    assert [one["text"] for one in found] == texts
    assert [one["text"] for one in found if one["strong"]] == strong


def test_ticks_of_many_days_are_days_and_each_is_named_once(page: Page) -> None:
    found = _told(
        page, "charts/scale.js", "m.timeTicks(g[0], g[1], 10, { timezone: 'America/Havana' })",
        _ms("2026-10-28T12:00Z"), _ms("2026-11-04T12:00Z"),
    )  # fmt: skip
    days = [f"{day} Oct" for day in (29, 30, 31)] + [f"{day} Nov" for day in (1, 2, 3, 4)]
    assert [one["text"] for one in found] == days


def _outlook(issued: datetime) -> dict[str, Any]:
    leads = (15, 30, 45, 60, 120, 180, 240, 360, 540, 720, 900, 1080, 1440)
    return {
        "issued_at": issued.isoformat(),
        "steps": [
            {"valid_at": (issued + timedelta(minutes=one)).isoformat(), "interval_s": 900, "p50_kw": one}
            for one in leads
        ],
    }


@pytest.mark.parametrize(
    ("age_min", "next_", "later"), [(4, 15, 360), (34, 45, 360), (200, 240, 540), (3000, None, None)]
)
def test_next_is_counted_from_now_and_not_from_the_issue(
    page: Page, age_min: int, next_: int | None, later: int | None
) -> None:
    outlook = _outlook(NOW - timedelta(minutes=age_min))
    told = "[m.nextStep(g[0])?.p50_kw ?? null, m.stepIn(g[0], 6)?.p50_kw ?? null]"
    assert _told(page, "views/fleet_rows.js", told, outlook) == [next_, later]


def test_an_older_forecast_does_not_take_the_place_of_a_newer_one(page: Page) -> None:
    told = "g.map((at) => m.isNews({ issued_at: at }, { issued_at: '2026-10-12T20:00:00Z' }))"
    times = ("2026-10-12T19:45:00Z", "2026-10-12T20:00:00+00:00", "2026-10-12T20:15:00Z")
    assert _told(page, "views/fleet_rows.js", told, *times) == [False, True, True]


def test_the_sum_of_a_fleet_names_whom_it_leaves_out(page: Page) -> None:
    def row(age_min: int, capacity_kw: float) -> dict[str, Any]:
        return {
            "plant": {"capacity_kw": capacity_kw}, "outlook": _outlook(NOW - timedelta(minutes=age_min)),
            "quality": {"trusted": True, "telemetry_quality": 1}, "events": [],
        }  # fmt: skip

    rows = [row(4, 100), row(3000, 900)]
    said = _told(page, "views/fleet_summary.js", "m.summary(g).children[1].textContent", *rows)
    assert "15 kW" in said and "1 of 2 plants" in said and "15 % of their capacity" in said


@pytest.mark.parametrize(
    ("kw", "capacity_kw", "said"),
    [(-0.01, 5.2, "0.00 kW"), (-0.01, 1, "-0.01 kW"), (-0.3, 5.2, "-0.30 kW"), (None, 5.2, "–")],
)
def test_what_a_plant_draws_at_rest_is_said_as_nothing(
    page: Page, kw: float | None, capacity_kw: float, said: str
) -> None:
    assert _told(page, "lib/units.js", "m.power(g[0], g[1])", kw, capacity_kw) == said
