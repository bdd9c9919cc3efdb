"""What `plants add` and `set` say beside taking a plant as it was typed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from producers.registry import doubts
from schemas.records import PlantKind, PlantVersion

PARK = PlantVersion("park", 0, 0, PlantKind.SOLAR, 500.0, 900, 39.7, -105.2, timezone="America/Denver")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"longitude": 105.2}, "longitude"),
        ({"latitude": None, "longitude": None}, "no live weather"),
        ({"latitude": 0.0, "longitude": 0.0, "timezone": None}, "sea"),
        ({"hub_height_m": 80.0}, "hub height"),
        ({"kind": PlantKind.WIND, "tilt_deg": 30.0}, "tilt"),
    ],
)
def test_what_is_most_likely_not_meant_is_said(changes: dict[str, object], said: str) -> None:
    (doubt,) = doubts(replace(PARK, **changes))  # type: ignore[arg-type]  # the test names fields
    assert said in doubt


@pytest.mark.parametrize(
    ("zone", "longitude"),
    [
        ("America/Denver", -105.2),
        ("Europe/Madrid", -8.9),
        ("Asia/Shanghai", 75.0),
        ("Pacific/Kiritimati", -157.4),
    ],
)
def test_a_plant_on_its_own_clock_is_not_doubted(zone: str, longitude: float) -> None:
    assert list(doubts(replace(PARK, timezone=zone, longitude=longitude))) == []
