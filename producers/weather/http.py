"""One JSON document by HTTP, within a deadline that holds for the whole answer, tried again where that helps.

Time-outs of a socket alone let a server that sends a byte a second hold a collection for hours; so the whole
exchange runs under one deadline, and ends at once when the process is told to stop.
"""

from __future__ import annotations

import asyncio
import json
import logging
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Any, Final, NoReturn, TypeVar

import httpx
from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_attempt

from infra import metrics
from producers.weather.answers import Call
from schemas.errors import AnswerRefused, GridcastError, RequestRefused, ServiceUnavailable

_log = logging.getLogger(__name__)
_T = TypeVar("_T")

_LOOK_S: Final = 0.2
_LET_GO_S: Final = 2.0
_LARGEST_BYTES: Final = 32 << 20
_SHOWN: Final = 120
_BUSY: Final = (429, 503)
#: Not an answer but a moment: another try may go well.
_PASSING: Final = frozenset({408, 421, 425, 429, 500, 502, 503, 504, 507, 509, 520, 521, 522, 523, 524, 529})


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


@dataclass(frozen=True)
class Answer:
    """A JSON document and when it had come, in epoch milliseconds."""

    document: Any
    fetched_at_ms: int


@dataclass(frozen=True)
class Patience:
    """How long to wait for what. Seconds; `attempts` counts the first one."""

    connect_s: float = 5.0
    read_s: float = 10.0
    deadline_s: float = 30.0
    attempts: int = 4
    first_wait_s: float = 1.0
    longest_wait_s: float = 60.0
    largest_bytes: int = _LARGEST_BYTES


@dataclass
class Http:
    """Asks, and asks again. `sleep` waits between tries; `now_s` is the wall clock; `stopped` ends both."""

    patience: Patience = field(default_factory=Patience)
    stopped: Callable[[], bool] = lambda: False
    sleep: Callable[[float], object] = time.sleep
    now_s: Callable[[], float] = time.time
    random: random.Random = field(default_factory=random.Random)

    def __post_init__(self) -> None:
        told = httpx.Timeout(self.patience.read_s, connect=self.patience.connect_s)
        self._runner = asyncio.Runner()
        self._client = httpx.AsyncClient(timeout=told, headers={"Accept": "application/json"})

    def close(self) -> None:
        """Let go of connections."""
        self._runner.run(self._client.aclose())
        self._runner.close()

    def once(self, call: Call) -> Answer:
        """One request.

        Raises:
            ServiceUnavailable: no whole answer in time, or one that says to come again (`Busy`).
            AnswerRefused: no JSON, or more of it than can be meant.
            RequestRefused: the service refuses this request for good.
        """
        what = _named(call)
        response, body = self._runner.run(self._in_time(call, what))
        if response.status_code != httpx.codes.OK:
            _refuse(what, response, body, self.now_s())
        return Answer(_parsed(what, body), int(self.now_s() * 1000))

    def patiently(self, act: Callable[[], _T], between: Callable[[], None] = lambda: None) -> _T:
        """Do something until it goes well, as often and as slowly as `patience` and the service say.

        `between` may raise to end it early. What is raised last comes through.
        """
        retrying = Retrying(
            retry=retry_if_exception(self._worth_it),
            wait=self._wait,
            stop=stop_after_attempt(self.patience.attempts),
            sleep=self._sleep,
            before_sleep=lambda _state: between(),
            reraise=True,
        )
        return retrying(act)

    def _sleep(self, seconds: float) -> None:
        self.sleep(seconds)

    def _worth_it(self, error: BaseException) -> bool:
        if isinstance(error, Stopped) or self.stopped():
            return False
        if isinstance(error, Busy) and (error.wait_s or 0.0) > self.patience.longest_wait_s:
            return False
        return isinstance(error, GridcastError) and error.retriable

    def _wait(self, state: RetryCallState) -> float:
        """Jittered and doubling, but never before the time that the service has named."""
        error = state.outcome.exception() if state.outcome is not None else None
        grown_s = self.patience.first_wait_s * 2.0 ** (state.attempt_number - 1)
        own_s: float = min(grown_s, self.patience.longest_wait_s) * self.random.uniform(0.5, 1.0)
        named_s = error.wait_s if isinstance(error, Busy) and error.wait_s is not None else 0.0
        return named_s + own_s if named_s else own_s

    async def _in_time(self, call: Call, what: str) -> tuple[httpx.Response, bytes]:
        deadline_s = time.monotonic() + self.patience.deadline_s
        exchange = asyncio.ensure_future(self._exchange(call, what))
        try:
            while not exchange.done():
                left_s = deadline_s - time.monotonic()
                if left_s <= 0:
                    raise ServiceUnavailable(f"{what} had no whole answer in {self.patience.deadline_s:g} s")
                if self.stopped():
                    raise Stopped(f"{what} was not waited for: told to stop")
                await asyncio.wait({exchange}, timeout=min(left_s, _LOOK_S))
            return exchange.result()
        except httpx.HTTPError as error:
            raise ServiceUnavailable(f"{what} does not answer ({_why(error)})") from error
        finally:
            exchange.cancel()
            await asyncio.wait({exchange}, timeout=_LET_GO_S)

    async def _exchange(self, call: Call, what: str) -> tuple[httpx.Response, bytes]:
        body = bytearray()
        params = {**call.params, **call.secret}
        async with self._client.stream("GET", call.url, params=params) as response:
            async for part in response.aiter_bytes():
                body += part
                if len(body) > self.patience.largest_bytes:
                    raise AnswerRefused(f"{what} sends more than {self.patience.largest_bytes >> 20} MB")
        return response, bytes(body)


def _named(call: Call) -> str:
    """What a line may say of a request: host and path. Parameters may hold a key."""
    url = httpx.URL(call.url)
    return f"{url.netloc.decode()}{url.path}"


def _why(error: httpx.HTTPError) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


def _refuse(what: str, response: httpx.Response, body: bytes, now_s: float) -> NoReturn:
    status = response.status_code
    line = f"{what} answers {status}{_reason(body)}"
    if status in _BUSY:
        raise Busy(line, _wait_asked(response.headers.get("retry-after"), now_s))
    if status in _PASSING or status >= 500:
        raise ServiceUnavailable(line)
    if status in (401, 402, 403):
        raise KeyRefused(f"{line}: check the key, and what it may be used for")
    raise PlacesRefused(line) if status in (400, 413, 414, 422) else RequestRefused(line)


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


def _parsed(what: str, body: bytes) -> Any:
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


def count(source: str, outcome: str, seconds: float) -> None:
    """Count one call."""
    metrics.WEATHER_CALLS.labels(source, outcome).inc()
    metrics.WEATHER_CALL_SECONDS.labels(source).observe(seconds)
