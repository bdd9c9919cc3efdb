"""A solar plant's light tells a wrong clock and a wrong place, and accuses no right one."""

from __future__ import annotations

import pytest

from producers.findings.base import Columns, Weight
from tests.unit.producers.findings.plants import found, in_local_time, kinds, park, placed, sample, shifted

PLACES = [(52.0, 10.0), (-33.0, 150.0), (37.0, -120.0), (5.0, 100.0), (60.0, 25.0), (28.0, 77.0)]


def said(columns: Columns, kind: str) -> str:
    (one,) = [one for one in found(columns) if one.kind == kind]
    return one.what


@pytest.mark.parametrize("facing_east", [0.0, 0.6, -0.6])
@pytest.mark.parametrize("step_min", [10, 15, 30, 60])
@pytest.mark.parametrize("place", PLACES)
def test_a_right_clock_and_a_right_place_are_not_accused(
    place: tuple[float, float], step_min: int, facing_east: float
) -> None:
    right = park(*place, step_min=step_min, days=200, facing_east=facing_east)
    assert not kinds(right) & {"clock", "stamp", "position"}


@pytest.mark.parametrize("facing_east", [0.0, 0.3, -0.3])
@pytest.mark.parametrize("step_min", [30, 60])
@pytest.mark.parametrize("place", PLACES)
def test_stamps_at_the_start_are_found_from_half_hours_on(
    place: tuple[float, float], step_min: int, facing_east: float
) -> None:
    early = shifted(park(*place, step_min=step_min, days=200, facing_east=facing_east), -step_min)
    assert "stamp" in kinds(early, Weight.MUCH)


@pytest.mark.parametrize(
    ("place", "zone", "named"),
    [
        ((52.0, 10.0), "Europe/Paris", "Europe/Berlin"),
        ((60.0, 25.0), "Europe/Helsinki", "Europe/Athens"),
        ((-33.0, 150.0), "Australia/Sydney", "Australia/Sydney"),
        ((37.0, -120.0), "America/Los_Angeles", "America/Los_Angeles"),
    ],
)
def test_local_time_with_clock_changes_is_found_even_where_the_doubled_hour_was_dropped(
    place: tuple[float, float], zone: str, named: str
) -> None:
    local = in_local_time(park(*place), zone)
    assert any(named in one.what for one in found(local) if one.kind == "clock" and one.weight == "much")


def test_local_time_is_found_without_a_position() -> None:
    local = in_local_time(placed(park(52.0, 10.0), None, None), "Europe/Berlin")
    assert "noon jumps by an hour" in " ".join(one.what for one in found(local))


@pytest.mark.parametrize("place", PLACES[3:4] + PLACES[5:])
def test_local_time_without_clock_changes_is_found(place: tuple[float, float]) -> None:
    hours = {100.0: 8.0, 77.0: 5.5}[place[1]]
    late = shifted(park(*place, days=200), hours * 60)
    assert f"the stamps look like local time (UTC{hours:+g})" in said(late, "position")


@pytest.mark.parametrize("place", PLACES)
def test_a_turned_sign_of_the_longitude_is_named(place: tuple[float, float]) -> None:
    latitude, longitude = place
    wrong = placed(park(latitude, longitude, step_min=15, days=200), latitude, -longitude)
    assert f"the sign of the longitude looks turned ({longitude:g} fits)" in said(wrong, "position")


@pytest.mark.parametrize("place", [p for p in PLACES if abs(p[0]) > 20])
def test_the_other_hemisphere_is_named(place: tuple[float, float]) -> None:
    latitude, longitude = place
    wrong = placed(park(latitude, longitude), -latitude, longitude)
    assert f"the other hemisphere ({latitude:g} fits)" in said(wrong, "position")


@pytest.mark.parametrize("place", [(52.0, 10.0), (60.0, 25.0), (28.0, 77.0)])
def test_a_swapped_position_is_named(place: tuple[float, float]) -> None:
    latitude, longitude = place
    wrong = placed(park(latitude, longitude, days=200), longitude, latitude)
    assert any("latitude and longitude look swapped" in one.what for one in found(wrong))


class TestARealRoof:
    """SERF East in Golden, Colorado."""

    roof = sample("serf_east")

    def test_is_not_accused(self) -> None:
        assert not kinds(self.roof) & {"clock", "stamp", "position"}

    @pytest.mark.parametrize(
        ("columns", "kind", "what"),
        [
            (shifted(roof, -15), "stamp", "look like the start of their 15 minutes"),
            (shifted(roof, -420), "position", "local time (UTC-7)"),
            (in_local_time(roof, "America/Denver"), "position", "local time (UTC-6)"),
            (placed(roof, 39.7, 105.2), "position", "sign of the longitude"),
            (placed(roof, -39.7, -105.2), "position", "other hemisphere"),
            (shifted(roof, 60), "position", "minutes later than noon"),
        ],
    )
    def test_is_accused_of_what_was_done_to_it(self, columns: Columns, kind: str, what: str) -> None:
        assert what in said(columns, kind)
