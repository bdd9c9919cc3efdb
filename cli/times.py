"""Times and durations on the command line: ISO 8601 in UTC; `15min`, `1h`, `2d`, `1mo`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import click

_UNITS_S: Final = {"s": 1, "min": 60, "h": 3600, "d": 86_400, "w": 604_800}
_FIRST, _LAST = datetime(1900, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
_MONTH_S: Final = 31 * 86_400
_LONGEST_S: Final = 100 * 366 * 86_400
_DURATION: Final = re.compile(r"(\d{1,4000})\s*(s|min|h|d|w|mo)")


class Moment(click.ParamType):
    """A point in time; becomes epoch milliseconds. Without an offset it is UTC."""

    name = "time"

    def convert(self, value: str | int, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if isinstance(value, int):
            return value
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            self.fail(
                f"{value!r} is no time: write ISO 8601, as 2024-06-01 or 2024-06-01T12:00:00Z", param, ctx
            )
        aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        if not _FIRST <= aware <= _LAST:
            self.fail(f"{value!r} lies outside of the years 1900 to 2100", param, ctx)
        return round(aware.timestamp() * 1000)


def expect_order(from_ms: int | None, to_ms: int | None) -> None:
    """Refuse a range that holds nothing, for which two topics would be found equal."""
    if from_ms is not None and to_ms is not None and from_ms >= to_ms:
        raise click.UsageError("--from must be before --to")


@dataclass(frozen=True)
class Period:
    """A duration: whole seconds, or whole calendar months."""

    seconds: int = 0
    months: int = 0

    def after(self, start_ms: int, count: int) -> int:
        """The time `count` periods after a start; a month later than the 31st is the month's last day."""
        if not self.months:
            return start_ms + count * self.seconds * 1000
        start = datetime.fromtimestamp(start_ms / 1000, UTC)
        month = start.month - 1 + count * self.months
        year, month = start.year + month // 12, month % 12 + 1
        day = min(start.day, _days_of(year, month))
        return round(start.replace(year=year, month=month, day=day).timestamp() * 1000)

    def within(self, start_ms: int, end_ms: int) -> Iterator[int]:
        """The start and every period after it, before the end."""
        count = 0
        while (moment := self.after(start_ms, count)) < end_ms:
            yield moment
            count += 1


class Duration(click.ParamType):
    """A duration; becomes seconds, or a `Period` where months are allowed."""

    name = "duration"

    def __init__(self, months: bool = False) -> None:
        self._months = months

    def convert(
        self, value: str | int | Period, param: click.Parameter | None, ctx: click.Context | None
    ) -> int | Period:
        if not isinstance(value, str):
            return value
        found = _DURATION.fullmatch(value.strip())
        if found is None or int(found[1]) == 0 or (found[2] == "mo" and not self._months):
            examples = "15min, 1h, 2d" + (", 1mo" if self._months else "")
            self.fail(f"{value!r} is no duration: write one as {examples}", param, ctx)
        number, unit = int(found[1]), found[2]
        if number * _UNITS_S.get(unit, _MONTH_S) > _LONGEST_S:
            self.fail(f"{value!r} is longer than 100 years", param, ctx)
        if not self._months:
            return number * _UNITS_S[unit]
        return Period(months=number) if unit == "mo" else Period(seconds=number * _UNITS_S[unit])


def _days_of(year: int, month: int) -> int:
    following = datetime(year + month // 12, month % 12 + 1, 1, tzinfo=UTC)
    return (following - datetime(year, month, 1, tzinfo=UTC)).days


def iso_day(time_ms: int) -> str:
    """The UTC date of a time, with the hour where it is not midnight."""
    moment = datetime.fromtimestamp(time_ms / 1000, UTC)
    return moment.strftime("%Y-%m-%d" if time_ms % 86_400_000 == 0 else "%Y-%m-%dT%H:%M:%SZ")
