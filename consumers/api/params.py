"""Parameters that many routes take, checked once. Text that reaches a statement does so as a value only."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated, Any, Final, Literal

from fastapi import Path, Query
from pydantic import BeforeValidator, WithJsonSchema

_FIRST, _LAST = datetime(1900, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
_TIME: Final = re.compile(
    r"\d{4}-\d\d-\d\d([Tt ]\d\d:\d\d(:\d\d(\.\d{1,9})?)?([Zz]|[+-]\d\d:\d\d)?)?", re.ASCII
)
#: No control characters: PostgreSQL has no NUL in text, and nobody's name has a line break.
TEXT: Final = r"^[^\x00-\x1f\x7f]+$"
_UNITS_S: Final = {"s": 1, "min": 60, "h": 3600, "d": 86_400}


def moment(value: Any) -> datetime:
    """ISO 8601; without an offset it is UTC. Beyond 1900 and 2100 there is nothing: it counts as that end."""
    if not isinstance(value, str) or not _TIME.fullmatch(value):
        raise ValueError("it is no time: write ISO 8601, as 2024-06-01 or 2024-06-01T12:00:00Z")
    text = value.upper()
    leap = re.sub(r":60(\.\d+)?", ":59", text)  # RFC 3339 has leap seconds, datetime has not
    try:
        found = datetime.fromisoformat(leap)
        aware = found if found.tzinfo else found.replace(tzinfo=UTC)
        return min(max(aware, _FIRST), _LAST).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise ValueError("there is no such time") from error


_MOMENT: Final = {"type": "string", "format": "date-time"}
Moment = Annotated[datetime, BeforeValidator(moment), WithJsonSchema(_MOMENT)]

PlantId = Annotated[
    str, Path(min_length=1, max_length=200, pattern=TEXT, examples=["la-haute-borne"], description="A plant.")
]
OfPlant = Annotated[
    str | None, Query(min_length=1, max_length=200, pattern=TEXT, description="Of this plant alone.")
]
Name = Annotated[str | None, Query(min_length=1, max_length=200, pattern=TEXT)]
From = Annotated[Moment | None, Query(alias="from", description="At this time or later, ISO 8601.")]
To = Annotated[Moment | None, Query(description="Before this time, ISO 8601.")]
Limit = Annotated[int, Query(ge=1, le=5000, description="Rows of a page.")]
Cursor = Annotated[
    str | None,
    Query(min_length=1, max_length=2000, pattern=TEXT, description="`next` of the page before."),
]
Levels = Annotated[
    str | None,
    Query(
        pattern=r"^0\.[0-9]{1,4}(,0\.[0-9]{1,4}){0,50}$", max_length=400, examples=["0.1,0.5,0.9"],
        description="Quantile levels, all that are published where left out.",
    ),
]  # fmt: skip
Horizons = Annotated[
    str | None,
    Query(
        pattern=r"^[0-9]{1,6}(s|min|h|d)(,[0-9]{1,6}(s|min|h|d)){0,100}$", max_length=1000,
        examples=["15min,1h,6h"], description="Lead times, every step where left out.",
    ),
]  # fmt: skip
_Leads = Literal["15min", "1h", "2h", "3h", "6h", "12h", "24h", "48h"]
Lead = Annotated[_Leads | None, Query(description="Lead time, all where left out.")]
OneLead = Annotated[_Leads, Query(description="Lead time.")]


def levels_of(text: str | None) -> list[float] | None:
    """Quantile levels out of a list with commas."""
    return None if text is None else [float(one) for one in text.split(",")]


def seconds_of(text: str | None) -> list[int] | None:
    """Lead times [s] out of a list with commas."""
    return None if text is None else [_seconds(one) for one in text.split(",")]


def lead_of(text: str) -> int:
    """One lead time [s]."""
    return _seconds(text)


def _seconds(text: str) -> int:
    number, unit = re.fullmatch(r"([0-9]+)([a-z]+)", text).groups()  # type: ignore[union-attr]
    return int(number) * _UNITS_S[unit]


def epoch_ms(at: datetime) -> int:
    """Epoch milliseconds, exactly."""
    return (at - datetime(1970, 1, 1, tzinfo=UTC)) // _MS


_MS: Final = datetime(1970, 1, 1, 0, 0, 0, 1000) - datetime(1970, 1, 1)
