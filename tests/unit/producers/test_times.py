"""Times and durations as they are written on the command line."""

from __future__ import annotations

import click
import pytest

from cli.times import Duration, Moment, Period, iso_day


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2024-06-01", "2024-06-01"),
        ("2024-06-01T00:00:00Z", "2024-06-01"),
        ("2024-06-01T02:00:00+02:00", "2024-06-01"),
        ("2024-06-01T12:30", "2024-06-01T12:30:00Z"),
    ],
)
def test_a_time_without_an_offset_is_utc(text: str, day: str) -> None:
    assert iso_day(Moment().convert(text, None, None)) == day


@pytest.mark.parametrize(("text", "seconds"), [("15min", 900), ("1h", 3600), ("2d", 172_800), ("90s", 90)])
def test_durations_are_seconds(text: str, seconds: int) -> None:
    assert Duration().convert(text, None, None) == seconds


@pytest.mark.parametrize("text", ["0h", "1", "h", "-1h", "1.5h", "1mo"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(click.BadParameter, match="no duration"):
        Duration().convert(text, None, None)


def test_months_are_calendar_months() -> None:
    start, end = (Moment().convert(text, None, None) for text in ("2024-01-31", "2024-05-01"))
    period = Duration(months=True).convert("1mo", None, None)
    assert period == Period(months=1)
    assert [iso_day(moment) for moment in Period(months=1).within(start, end)] == [
        "2024-01-31",
        "2024-02-29",
        "2024-03-31",
        "2024-04-30",
    ]
