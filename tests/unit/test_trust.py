"""Whether a forecast can be relied on is said with the first reason against it."""

from typing import Any

import pytest

from models.trust import doubt, span

NOW_MS = 1_700_000_100_000
ISSUED_MS = 1_700_000_000_000 - 1_700_000_000_000 % 900_000
HOUR_MS = 3_600_000


def forecast(**changes: Any) -> dict[str, Any]:
    """A forecast that is fine at `NOW_MS`, with changes."""
    good = {
        "issued_at": ISSUED_MS,
        "valid_at": [ISSUED_MS + step * HOUR_MS for step in range(1, 4)],
        "rung": [0, 0, 0],
        "stale": False,
        "telemetry_quality": 0.99,
        "weather_quality": None,
    }
    return {**good, **changes}


def test_a_forecast_of_now_from_both_feeds_is_trusted() -> None:
    assert doubt(forecast(), 900, NOW_MS) is None


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"valid_at": [ISSUED_MS - HOUR_MS] * 3}, "wholly in the past"),
        ({"issued_at": ISSUED_MS - 10 * HOUR_MS}, "10 h old, one is due every 15 min"),
        ({"issued_at": NOW_MS + 30 * HOUR_MS}, "issued for 30 h from now: check the clock"),
        ({"stale": True}, "issued late"),
        ({"rung": [1, 0, 0]}, "no usable telemetry"),
        ({"rung": [2, 2, 2]}, "no usable weather"),
        ({"rung": [3, 3, 3]}, "climatology"),
        ({"telemetry_quality": 0.5}, "quality of its telemetry is 0.50"),
        ({"weather_quality": 0.1}, "quality of its weather is 0.10"),
    ],
)
def test_the_reason_against_it_is_said(changes: dict[str, Any], why: str) -> None:
    assert why in (doubt(forecast(**changes), 900, NOW_MS) or "")


def test_only_the_rung_of_what_lies_ahead_counts() -> None:
    past = [NOW_MS - HOUR_MS, NOW_MS + HOUR_MS, NOW_MS + 2 * HOUR_MS]
    assert doubt(forecast(valid_at=past, rung=[3, 0, 0]), 900, NOW_MS) is None


def test_a_plant_without_forecast_is_said() -> None:
    assert doubt(None, 900, NOW_MS) == "it has no forecast yet"


def test_durations_are_for_people() -> None:
    assert [span(90), span(900), span(3 * 3600), span(200_000)] == ["90 s", "15 min", "3 h", "2 d"]
