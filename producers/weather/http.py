"""One JSON document by HTTP, within a deadline that holds for the whole answer, tried again where that helps.

Time-outs of a socket alone let a server that sends a byte a second hold a collection for hours; so the whole
exchange runs under one deadline, and ends at once when the process is told to stop.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

import httpx
from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_attempt

from infra import metrics
from producers.weather.answers import Call
from producers.weather.responses import Busy, Stopped, parsed, refusal
from schemas.errors import AnswerRefused, GridcastError, ServiceUnavailable, TooLate

_T = TypeVar("_T")

_LOOK_S: Final = 0.2
_LET_GO_S: Final = 2.0
_LARGEST_BYTES: Final = 32 << 20


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
            raise refusal(what, response, body, self.now_s())
        return Answer(parsed(what, body), int(self.now_s() * 1000))

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
                    raise TooLate(f"{what} had no whole answer in {self.patience.deadline_s:g} s")
                if self.stopped():
                    raise Stopped(f"{what} was not waited for: told to stop")
                await asyncio.wait({exchange}, timeout=min(left_s, _LOOK_S))
            return exchange.result()
        except httpx.HTTPError as error:
            kind = TooLate if isinstance(error, httpx.TimeoutException) else ServiceUnavailable
            raise kind(f"{what} does not answer ({_why(error)})") from error
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


def count(source: str, outcome: str, seconds: float) -> None:
    """Count one call."""
    metrics.WEATHER_CALLS.labels(source, outcome).inc()
    metrics.WEATHER_CALL_SECONDS.labels(source).observe(seconds)
