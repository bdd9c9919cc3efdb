"""One cell of a file, as a number or a time; what cannot be one is said in a line."""

from __future__ import annotations

from datetime import datetime
from math import isfinite
from typing import Final

#: Years 2 to 9998: with any offset still a time that can be written down.
FIRST_MS: Final = -62_104_060_800_000
LAST_MS: Final = 253_370_764_800_000
_SHOWN: Final = 60


def number_of(text: str) -> float:
    """A finite number; raises `ValueError` with what to write instead."""
    try:
        value = float(text) if "_" not in text else None
    except ValueError:
        value = None
    if value is None:
        hint = (
            "decimals are written with a point" if "," in text else "leave the cell empty where there is none"
        )
        raise ValueError(f"{_shown(text)} is not a number: {hint}")
    if not isfinite(value):
        raise ValueError(f"{_shown(text)} is not a finite number: leave the cell empty where there is none")
    return value


def time_of(text: str) -> int:
    """Epoch milliseconds of a time that says its zone; raises `ValueError` with what to write instead."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(
            f"{_shown(text)} is no time: write ISO 8601 in UTC, as 2024-06-01T12:00:00Z"
        ) from None
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} does not say its time zone: end it with Z for UTC, or with its offset")
    time_ms = round(moment.timestamp() * 1000)
    if not FIRST_MS <= time_ms <= LAST_MS:
        raise ValueError(f"{text!r} lies outside of the years that can be written: check the clock")
    return time_ms


def _shown(text: str) -> str:
    """A cell as it is quoted in a message, which is one line."""
    return repr(text if len(text) <= _SHOWN else f"{text[:_SHOWN]}...")
