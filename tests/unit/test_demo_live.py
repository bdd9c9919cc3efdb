"""The samples stand in another year with the values that were measured, their stamps on their grid."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from cli.demo.live import SOLAR, WIND, casts
from cli.demo.moved import moved, same_season
from producers.folder import read_folder

HOUR = datetime(2026, 8, 20, 15, tzinfo=UTC)


def test_a_moved_plant_has_every_value_it_had_at_the_same_time_of_day(tmp_path: Path) -> None:
    (wind, _) = casts(HOUR)
    folder = read_folder(moved(wind, HOUR, tmp_path), _ms(HOUR + timedelta(days=366)))
    before = read_folder(moved(wind, wind.then, tmp_path / "unmoved"), _ms(HOUR))
    shift_ms = _ms(HOUR) - _ms(wind.then)
    assert shift_ms % 3_600_000 == 0
    assert np.array_equal(folder.telemetry.event_time_ms, before.telemetry.event_time_ms + shift_ms)
    powers = (one.telemetry.column("power_kw") for one in (folder, before))
    assert np.array_equal(*powers, equal_nan=True)


@pytest.mark.parametrize(
    ("now", "then"),
    [
        (HOUR, datetime(2016, 8, 20, 15, tzinfo=UTC)),
        (datetime(2026, 7, 4, tzinfo=UTC), None),  # no two weeks before it
        (datetime(2026, 11, 22, tzinfo=UTC), None),
        (datetime(2028, 2, 29, tzinfo=UTC), None),
    ],
)
def test_a_solar_array_stands_only_where_the_sun_stands_as_it_stood(
    now: datetime, then: datetime | None
) -> None:
    assert same_season(SOLAR, now) == then
    assert [cast.plant_id for cast in casts(now)] == [WIND.plant_id, *([SOLAR.plant_id] if then else [])]


def _ms(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)
