"""Local time becomes UTC where the rows tell how, and is refused by its row where they do not."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from producers.clock_changes import ZONES
from producers.convert.stamps import to_texts
from producers.convert.unexplained import doubled_hours
from producers.convert.zone import to_utc

PARIS = ZoneInfo("Europe/Paris")
STEPS_MIN = (5, 10, 15, 30, 60)


def stamps(start: str, count: int, step_min: int) -> pd.DatetimeIndex:
    return pd.date_range(start, periods=count, freq=f"{step_min}min", tz="UTC")


def wall_of(moments: pd.DatetimeIndex, zone: str) -> np.ndarray:
    return ms(moments.tz_convert(zone).tz_localize(None))


def ms(moments: pd.DatetimeIndex) -> np.ndarray:
    return np.asarray(moments.as_unit("ms").astype("int64"))


def walls(*texts: str) -> np.ndarray:
    return ms(pd.DatetimeIndex([f"2024-10-27 {text}" for text in texts]))


def convert(
    wall_ms: np.ndarray, zone: ZoneInfo = PARIS, series: np.ndarray | None = None
) -> tuple[np.ndarray, dict[int, str]]:
    known = np.ones(wall_ms.size, np.bool_)
    return to_utc(wall_ms, known, np.zeros(wall_ms.size, np.int32) if series is None else series, zone)


@settings(max_examples=80, deadline=None)
@given(
    zone=st.sampled_from(ZONES),
    year=st.integers(2000, 2036),
    day=st.integers(1, 365),
    step_min=st.sampled_from(STEPS_MIN),
    newest_first=st.booleans(),
)
def test_local_time_there_and_back_is_the_same_time(
    zone: str, year: int, day: int, step_min: int, newest_first: bool
) -> None:
    """Weeks of rows in any zone, over whatever its clock does in them, either end of the file first."""
    start = pd.Timestamp(year, 1, 1) + pd.Timedelta(days=day)
    moments = stamps(str(start), 45 * 1440 // step_min, step_min)
    if newest_first:
        moments = moments[::-1]
    wall = wall_of(moments, zone)
    utc, faults = convert(wall, ZoneInfo(zone))
    known = np.ones(wall.size, np.bool_)
    if faults:
        # Where a change lies at the edge of the rows its hour stands there once: nothing could tell.
        first, last = sorted((moments[0], moments[-1]))
        near = pd.Timedelta("2h")
        at = [moments[i] for i in faults]
        assert all(moment - first <= near or last - moment <= near for moment in at)
    else:
        assert (utc == ms(moments)).all()
        assert doubled_hours(wall, known, np.zeros(wall.size, np.int32), ZoneInfo(zone)) == {}


def test_units_that_stand_row_by_row_beside_each_other_are_told_apart() -> None:
    moments = stamps("2024-10-26T22:00Z", 40, 10)
    wall = np.repeat(wall_of(moments, "Europe/Paris"), 3)
    series = np.tile(np.arange(3), 40).astype(np.int32)
    utc, faults = convert(wall, series=series)
    assert (faults, (utc == np.repeat(ms(moments), 3)).all()) == ({}, True)


@pytest.mark.parametrize("newest_first", [False, True])
def test_half_an_hour_that_comes_twice_among_hours_is_told_by_its_neighbours(newest_first: bool) -> None:
    moments = stamps("2019-04-05T12:00Z", 48, 60)[:: -1 if newest_first else 1]
    utc, faults = convert(wall_of(moments, "Australia/Lord_Howe"), ZoneInfo("Australia/Lord_Howe"))
    assert (faults, (utc == ms(moments)).all()) == ({}, True)


def test_an_hour_that_the_clock_skips_is_refused() -> None:
    wall = ms(pd.DatetimeIndex(["2024-03-31 01:50", "2024-03-31 02:00", "2024-03-31 03:00"]))
    _, faults = convert(wall)
    assert list(faults) == [1]
    assert "2024-03-31 02:00 did not exist in Europe/Paris" in faults[1]


@pytest.mark.parametrize(
    ("rows", "place", "what"),
    [
        (["01:30", "02:00", "02:30", "03:00"], 1, "stands there once"),
        (["01:30", "02:00", "02:30", "02:00", "02:30", "02:00", "03:00"], 5, "order of the rows"),
        (["01:30", "02:00", "02:00", "02:30", "02:30", "03:00"], 4, "order of the rows"),
        (["02:00", "02:30", "03:00", "02:00", "02:30"], 3, "order of the rows"),
        # A row that came late: the step from the first to the second pass would be 50 minutes long.
        (["01:50", "02:00", "02:10", "02:30", "02:20", "02:40", "02:50", "03:00"], 4, "order of the rows"),
    ],
    ids=["one pass", "three passes", "sorted by the clock", "parted", "a late row"],
)
def test_a_doubled_hour_that_the_rows_do_not_tell_apart_is_refused(
    rows: list[str], place: int, what: str
) -> None:
    _, faults = convert(walls(*rows))
    assert list(faults) == [place]
    assert "came twice in Europe/Paris" in faults[place]
    assert what in faults[place]


@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Africa/Algiers"])
@pytest.mark.parametrize("step_min", STEPS_MIN)
def test_a_zone_whose_clock_did_not_go_back_where_the_rows_did_is_refused(zone: str, step_min: int) -> None:
    moments = stamps("2024-10-20T00:00Z", 10 * 1440 // step_min, step_min)
    wall = wall_of(moments, "Europe/Paris")
    faults = doubled_hours(wall, np.ones(wall.size, np.bool_), np.zeros(wall.size, np.int32), ZoneInfo(zone))
    (place,) = faults
    assert moments[place] == pd.Timestamp("2024-10-27T01:00Z")
    assert f"that of {zone} did not" in faults[place]


def test_a_stamp_beyond_all_years_is_refused() -> None:
    _, faults = convert(np.array([0, 10**16]))
    assert faults == {1: "lies outside of the years 1900 to 2100: check the clock"}


def test_a_million_stamps_are_written_at_once() -> None:
    known = np.ones(1_200_000, np.bool_)
    cells = to_texts(np.arange(1_200_000) * 60_000, known)
    assert isinstance(cells, pa.Array)
    assert cells[-1].as_py() == "1972-04-13T07:59:00Z"
    assert to_texts(np.array([1500, 0]), np.array([True, False])).to_pylist() == [
        "1970-01-01T00:00:01.500Z",
        "",
    ]
