"""The time that a source writes into its messages, as milliseconds in UTC; what is ambiguous is refused."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final
from zoneinfo import ZoneInfo

from schemas.errors import Reason, RecordRefused

_PER_UNIT_MS: Final = {"unix_s": 1000.0, "unix_ms": 1.0}
#: The year 9999; what is between that and sense, the worker judges.
_FAR_MS: Final = 253_402_300_800_000


def stamp_ms(value: object, form: str, zone: ZoneInfo | None) -> int:
    """The time `value` [ms since 1970, UTC]. `form`: iso, unix_s, unix_ms or a pattern of strptime.

    Raises:
        RecordRefused: it is no time of that form, or says no zone and none is given, or stands twice or not
            at all in the zone's clock.
    """
    if form in _PER_UNIT_MS:
        if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= _FAR_MS:
            raise _no_time(f"time {value!r:.40} is no number of a clock, and time_format is {form}")
        return _told(round(value * _PER_UNIT_MS[form]), value)
    if not isinstance(value, str):
        raise _no_time(f"time {value!r:.40} is no text, and time_format is {form!r}")
    try:
        found = datetime.fromisoformat(value) if form == "iso" else datetime.strptime(value, form)
    except ValueError as error:
        raise _no_time(f"time {value!r:.40} is not of the form {form!r}") from error
    return _to_ms(found if found.tzinfo is not None else _in_zone(found, zone))


def _told(time_ms: int, value: object) -> int:
    if abs(time_ms) > _FAR_MS:
        raise _no_time(f"time {value!r:.40} is no time that a clock can show")
    return time_ms


def _in_zone(found: datetime, zone: ZoneInfo | None) -> datetime:
    if zone is None:
        raise _no_time(f"time {found} says no zone: let the source write UTC, or give timezone")
    first, second = (found.replace(tzinfo=zone, fold=fold) for fold in (0, 1))
    if first.utcoffset() == second.utcoffset():
        return first
    times = "does not exist" if _skipped(first) else "stands twice"
    raise _no_time(f"time {found} {times} in {zone}, where the clock is changed: let the source write UTC")


def _skipped(local: datetime) -> bool:
    back = local.astimezone(UTC).astimezone(local.tzinfo)
    return back.replace(tzinfo=None) != local.replace(tzinfo=None)


def _to_ms(found: datetime) -> int:
    try:
        return round(found.timestamp() * 1000)
    except (OverflowError, ValueError) as error:
        raise _no_time(f"time {found} cannot be told in UTC") from error


def _no_time(detail: str) -> RecordRefused:
    return RecordRefused(Reason.NO_TIME, detail)
