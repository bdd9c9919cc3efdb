"""What an answer by HTTP means: a document, or which error, and whether another try may help."""

from __future__ import annotations

import json
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Any, Final, NoReturn

import httpx

from schemas.errors import AnswerRefused, GridcastError, RequestRefused, ServiceUnavailable

_SHOWN: Final = 120
_BUSY: Final = (429, 503)
#: Not an answer but a moment: another try may go well.
_PASSING: Final = frozenset({408, 421, 425})


class Busy(ServiceUnavailable):
    """The service asks for patience. `wait_s`: how long, None where it does not say."""

    def __init__(self, text: str, wait_s: float | None) -> None:
        super().__init__(text)
        self.wait_s = wait_s


class KeyRefused(RequestRefused):
    """The service does not take the key, or asks for one."""


class PlacesRefused(RequestRefused):
    """The service does not take what was asked about; a smaller question may be right."""


class Stopped(ServiceUnavailable):
    """The process was told to stop in the middle of an exchange."""


def refusal(what: str, response: httpx.Response, body: bytes, now_s: float) -> GridcastError:
    """The error that an answer other than 200 is: what may go better later is retriable."""
    status = response.status_code
    line = f"{what} answers {status}{_reason(body)}"
    if status in _BUSY:
        return Busy(line, _wait_asked(response.headers.get("retry-after"), now_s))
    if status in _PASSING or status >= 500:
        return ServiceUnavailable(line)
    if status in (401, 402, 403):
        return KeyRefused(f"{line}: check the key, and what it may be used for")
    return PlacesRefused(line) if status in (400, 413, 414, 422) else RequestRefused(line)


def _reason(body: bytes) -> str:
    """What the service says itself: Open-Meteo in `reason`, OpenWeather in `message`."""
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        return ""
    found = (told.get("reason") or told.get("message")) if isinstance(told, dict) else None
    if not isinstance(found, str):
        return ""
    return f" ({' '.join(found.split())[:_SHOWN]})"


def _wait_asked(header: str | None, now_s: float) -> float | None:
    """Retry-After in seconds: a number of them, or a date. None where it is neither."""
    if header is None:
        return None
    try:
        return max(float(int(header)), 0.0)
    except ValueError:
        pass
    try:
        moment = parsedate_to_datetime(header)
    except ValueError:
        return None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(aware.timestamp() - now_s, 0.0)


def parsed(what: str, body: bytes) -> Any:
    """The JSON document of a body.

    Raises:
        AnswerRefused: it is none.
    """
    try:
        return json.loads(body, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        begins = body[:40].decode("utf-8", "replace").strip()
        shown = f"it begins {begins!r}" if begins else "it is empty"
        raise AnswerRefused(f"{what} answers what is no JSON, or not all of it: {shown}") from error


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def outcome_of(error: GridcastError | None) -> str:
    """How a call ended, for the metric of calls."""
    if error is None:
        return "ok"
    if isinstance(error, Busy):
        return "busy"
    if isinstance(error, ServiceUnavailable):
        return "unavailable"
    return "absurd" if isinstance(error, AnswerRefused) else "refused"
