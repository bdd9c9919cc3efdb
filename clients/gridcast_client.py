"""A typed client of gridcast's HTTP API, sync and async. One file that needs httpx alone: copy it.

    with Client("http://127.0.0.1:8080", key) as gridcast:
        forecast = gridcast.latest("la-haute-borne", levels=(0.1, 0.5, 0.9), horizons=("1h", "6h"))

Lists are iterated page after page. `AsyncClient` has the same methods, to be awaited or for `async for`. A
busy server is asked again when it said so; any other refusal is a `ProblemError`.
"""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self, TypedDict, cast
from urllib.parse import quote

import httpx

_AGAIN = (429, 503)
_LONGEST_WAIT_S = 60.0
_QUIET_S = 45.0  # a stream says something every 15 s
_JOBS = "/v1/predict/jobs"
Time = datetime | str
Query = Mapping[str, Any]


class Step(TypedDict):
    """One interval of a forecast: its end, its length [s], and power [kW] by quantile level ("0.5")."""

    valid_at: str
    interval_s: int
    rung: str
    power_kw: dict[str, float]
    available_kw: float | None


class Forecast(TypedDict):
    """A forecast with its steps; times are ISO 8601 in UTC."""

    plant_id: str
    issued_at: str
    known_at: str
    model: str
    version: str
    capacity_kw: float
    stale: bool
    telemetry_at: str | None
    telemetry_age_s: float | None
    telemetry_quality: float | None
    weather_source: str | None
    weather_published_at: str | None
    weather_age_s: float | None
    weather_quality: float | None
    steps: list[Step]


class Plant(TypedDict):
    """A plant of the registry."""

    plant_id: str
    kind: str
    capacity_kw: float
    latitude: float | None
    longitude: float | None
    resolution_s: int
    issue_every_s: int
    min_kw: float | None
    hub_height_m: float | None
    tilt_deg: float | None
    azimuth_deg: float | None
    timezone: str | None
    valid_from: str


class Actual(TypedDict):
    """A scan: mean power [kW] of the interval that ends at `event_time`."""

    plant_id: str
    event_time: str
    power_kw: float | None
    first_kw: float | None
    known_at: str
    corrected_at: str | None


class Event(TypedDict):
    """An anomaly event as its newest record tells it."""

    event_id: str
    plant_id: str
    unit_id: str
    detector: str
    started_at: str
    sequence: int
    phase: str
    event_time: str
    severity: str
    expected_kw: float | None
    actual_kw: float | None
    energy_kwh: float
    evidence: dict[str, Any]
    message: str


class Prediction(TypedDict):
    """A prediction on request: one element for each interval in both lists, in the same order."""

    predictions: list[dict[str, Any]]
    confidence_intervals: list[dict[str, Any]]
    metadata: dict[str, Any]


class WhatIf(TypedDict):
    """What is beside what would be."""

    baseline: Prediction
    what_if: Prediction
    difference: dict[str, Any]
    assumed: list[str]
    baseline_is_published: bool


class Job(TypedDict):
    """What was asked of the queue, and what came of it."""

    job_id: int
    kind: str
    state: str
    progress: float
    stage: str
    result: dict[str, Any] | None
    error: str | None


@dataclass(frozen=True)
class Live:
    """One event of the stream: `forecast`, `alert`, `drift` or `gap`. `id`: where to go on from."""

    kind: str
    data: dict[str, Any]
    id: str


class ProblemError(Exception):
    """The API refuses. `request_id` is what to name when asking for help."""

    def __init__(self, status: int, detail: str, request_id: str) -> None:
        super().__init__(f"{status}: {detail} (request {request_id})")
        self.status = status
        self.detail = detail
        self.request_id = request_id


class Client:
    """Sync. `attempts`: how often a question is asked where the server is busy or away."""

    def __init__(self, url: str, key: str, timeout_s: float = 30.0, attempts: int = 4) -> None:
        self._http = httpx.Client(base_url=url, headers=_headers(key), timeout=timeout_s)
        self._attempts = attempts

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the connections."""
        self._http.close()

    def get(self, path: str, **query: Any) -> Any:
        """Any path of the API, as the JSON document that it answers with. Raises `ProblemError`."""
        return _document(self._asked("GET", path, params=_query(query)))

    def post(self, path: str, body: Any = None) -> Any:
        """The same with something sent along. It may be sent again where the server was busy or away."""
        return _document(self._asked("POST", path, json=body))

    def _asked(self, method: str, path: str, **sent: Any) -> httpx.Response:
        for attempt in range(1, self._attempts + 1):
            try:
                answer = self._http.request(method, path, **sent)
            except httpx.TransportError:
                if attempt == self._attempts:
                    raise
                time.sleep(_wait_s(None, attempt))
                continue
            if answer.status_code not in _AGAIN or attempt == self._attempts:
                return answer
            time.sleep(_wait_s(answer, attempt))
        raise AssertionError("attempts must be at least 1")

    def predict(
        self, latitude: float, longitude: float, kind: str, capacity_kw: float, hours: int = 24, **more: Any
    ) -> Prediction:
        """A plant that nobody registered, of a place. `more`: levels, hub_height_m, tilt_deg, azimuth_deg."""
        asked = _place(latitude, longitude, kind, capacity_kw, hours, more)
        return cast("Prediction", self.post("/v1/predict", asked))

    def predict_plant(
        self, plant_id: str, hours: int | None = None, levels: Iterable[float] = ()
    ) -> Prediction:
        """A registered plant: what its worker said newest, and whether to rely on it."""
        return cast("Prediction", self.post("/v1/predict", _plant(plant_id, hours, levels)))

    def what_if(self, plant_id: str, **changes: Any) -> WhatIf:
        """The newest forecast beside what it would be. `changes`: capacity_kw, units_out, weather, hours."""
        return cast("WhatIf", self.post(f"{_of(plant_id)}/what-if", changes))

    def predict_many(self, items: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Up to 50 questions in one; each with `status` and `answer` or `problem`."""
        return list(self.post("/v1/predict/batch", {"items": list(items)})["results"])

    def upload(self, content: bytes, media: str = "text/csv", callback: str | None = None) -> Job:
        """Ask for the predictions of a file; sent again where the server was away, it is still one job."""
        return cast("Job", _document(self._asked("POST", _JOBS, **_upload(content, media, callback))))

    def job(self, job_id: int) -> Job:
        """How far a file is, and what came of it."""
        return cast("Job", self.get(f"{_JOBS}/{job_id}"))

    def result(self, job_id: int, media: str = "text/csv") -> bytes:
        """What came of a file, as it comes. Raises `ProblemError` while there is nothing."""
        return _content(self._asked("GET", f"{_JOBS}/{job_id}/result", headers={"Accept": media}))

    def rows(self, path: str, **query: Any) -> Iterator[dict[str, Any]]:
        """The rows of any list, page after page."""
        cursor: str | None = None
        while True:
            page = self.get(path, **query, cursor=cursor)
            yield from page["data"]
            cursor = page["next"]
            if cursor is None:
                return

    def plants(self) -> Iterator[Plant]:
        """Every plant."""
        return cast("Iterator[Plant]", self.rows("/v1/plants"))

    def latest(self, plant_id: str, levels: Iterable[float] = (), horizons: Iterable[str] = ()) -> Forecast:
        """The newest forecast, whole or with chosen levels and lead times ("15min", "6h")."""
        return cast("Forecast", self.get(_latest(plant_id), **_chosen(levels, horizons)))

    def forecast(self, plant_id: str, issued_at: Time) -> Forecast:
        """A past forecast."""
        return cast("Forecast", self.get(f"{_of(plant_id)}/forecasts/{_time(issued_at)}"))

    def actuals(
        self, plant_id: str, since: Time | None = None, until: Time | None = None
    ) -> Iterator[Actual]:
        """What was measured in [since, until)."""
        found = self.rows(f"{_of(plant_id)}/actuals", **_range(since, until))
        return cast("Iterator[Actual]", found)

    def events(self, plant_id: str | None = None, open: bool | None = None) -> Iterator[Event]:
        """Anomaly events, newest first."""
        return cast("Iterator[Event]", self.rows("/v1/events", plant_id=plant_id, open=open))

    def live(self, last_id: str | None = None, **query: Any) -> Iterator[Live]:
        """What happens from now on, or from an event on. Comes back by itself where it is cut off.

        `query`: kinds, plant_id, levels, first, as the API has them.
        """
        reader = _Reader(last_id)
        while True:
            try:
                timeout = httpx.Timeout(30.0, read=_QUIET_S)
                with self._http.stream(
                    "GET", "/v1/live", params=_query(query), headers=reader.headers(), timeout=timeout
                ) as answer:
                    if answer.status_code != 200:
                        answer.read()
                        reader.refuse(answer)
                    for line in answer.iter_lines():
                        yield from reader.take(line)
            except httpx.TransportError:
                pass
            query.pop("first", None)
            time.sleep(reader.wait_s)


class AsyncClient:
    """The same, to be awaited."""

    def __init__(self, url: str, key: str, timeout_s: float = 30.0, attempts: int = 4) -> None:
        self._http = httpx.AsyncClient(base_url=url, headers=_headers(key), timeout=timeout_s)
        self._attempts = attempts

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Let go of the connections."""
        await self._http.aclose()

    async def get(self, path: str, **query: Any) -> Any:
        """Any path of the API, as the JSON document that it answers with. Raises `ProblemError`."""
        return _document(await self._asked("GET", path, params=_query(query)))

    async def post(self, path: str, body: Any = None) -> Any:
        """The same with something sent along. It may be sent again where the server was busy or away."""
        return _document(await self._asked("POST", path, json=body))

    async def _asked(self, method: str, path: str, **sent: Any) -> httpx.Response:
        for attempt in range(1, self._attempts + 1):
            try:
                answer = await self._http.request(method, path, **sent)
            except httpx.TransportError:
                if attempt == self._attempts:
                    raise
                await asyncio.sleep(_wait_s(None, attempt))
                continue
            if answer.status_code not in _AGAIN or attempt == self._attempts:
                return answer
            await asyncio.sleep(_wait_s(answer, attempt))
        raise AssertionError("attempts must be at least 1")

    async def predict(
        self, latitude: float, longitude: float, kind: str, capacity_kw: float, hours: int = 24, **more: Any
    ) -> Prediction:
        """A plant that nobody registered, of a place. `more`: levels, hub_height_m, tilt_deg, azimuth_deg."""
        asked = _place(latitude, longitude, kind, capacity_kw, hours, more)
        return cast("Prediction", await self.post("/v1/predict", asked))

    async def predict_plant(
        self, plant_id: str, hours: int | None = None, levels: Iterable[float] = ()
    ) -> Prediction:
        """A registered plant: what its worker said newest, and whether to rely on it."""
        return cast("Prediction", await self.post("/v1/predict", _plant(plant_id, hours, levels)))

    async def what_if(self, plant_id: str, **changes: Any) -> WhatIf:
        """The newest forecast beside what it would be. `changes`: capacity_kw, units_out, weather, hours."""
        return cast("WhatIf", await self.post(f"{_of(plant_id)}/what-if", changes))

    async def predict_many(self, items: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Up to 50 questions in one; each with `status` and `answer` or `problem`."""
        told = await self.post("/v1/predict/batch", {"items": list(items)})
        return list(told["results"])

    async def upload(self, content: bytes, media: str = "text/csv", callback: str | None = None) -> Job:
        """Ask for the predictions of a file; sent again where the server was away, it is still one job."""
        return cast("Job", _document(await self._asked("POST", _JOBS, **_upload(content, media, callback))))

    async def job(self, job_id: int) -> Job:
        """How far a file is, and what came of it."""
        return cast("Job", await self.get(f"{_JOBS}/{job_id}"))

    async def result(self, job_id: int, media: str = "text/csv") -> bytes:
        """What came of a file, as it comes. Raises `ProblemError` while there is nothing."""
        return _content(await self._asked("GET", f"{_JOBS}/{job_id}/result", headers={"Accept": media}))

    async def rows(self, path: str, **query: Any) -> AsyncIterator[dict[str, Any]]:
        """The rows of any list, page after page."""
        cursor: str | None = None
        while True:
            page = await self.get(path, **query, cursor=cursor)
            for row in page["data"]:
                yield row
            cursor = page["next"]
            if cursor is None:
                return

    def plants(self) -> AsyncIterator[Plant]:
        """Every plant."""
        return cast("AsyncIterator[Plant]", self.rows("/v1/plants"))

    async def latest(
        self, plant_id: str, levels: Iterable[float] = (), horizons: Iterable[str] = ()
    ) -> Forecast:
        """The newest forecast, whole or with chosen levels and lead times ("15min", "6h")."""
        return cast("Forecast", await self.get(_latest(plant_id), **_chosen(levels, horizons)))

    async def forecast(self, plant_id: str, issued_at: Time) -> Forecast:
        """A past forecast."""
        return cast("Forecast", await self.get(f"{_of(plant_id)}/forecasts/{_time(issued_at)}"))

    def actuals(
        self, plant_id: str, since: Time | None = None, until: Time | None = None
    ) -> AsyncIterator[Actual]:
        """What was measured in [since, until)."""
        found = self.rows(f"{_of(plant_id)}/actuals", **_range(since, until))
        return cast("AsyncIterator[Actual]", found)

    def events(self, plant_id: str | None = None, open: bool | None = None) -> AsyncIterator[Event]:
        """Anomaly events, newest first."""
        return cast("AsyncIterator[Event]", self.rows("/v1/events", plant_id=plant_id, open=open))

    async def live(self, last_id: str | None = None, **query: Any) -> AsyncIterator[Live]:
        """What happens from now on, or from an event on. Comes back by itself where it is cut off."""
        reader = _Reader(last_id)
        while True:
            try:
                timeout = httpx.Timeout(30.0, read=_QUIET_S)
                async with self._http.stream(
                    "GET", "/v1/live", params=_query(query), headers=reader.headers(), timeout=timeout
                ) as answer:
                    if answer.status_code != 200:
                        await answer.aread()
                        reader.refuse(answer)
                    async for line in answer.aiter_lines():
                        for event in reader.take(line):
                            yield event
            except httpx.TransportError:
                pass
            query.pop("first", None)
            await asyncio.sleep(reader.wait_s)


class _Reader:
    """Lines of a stream as events, and where to go on."""

    def __init__(self, last_id: str | None) -> None:
        self._id = self._next_id = last_id or ""
        self._kind, self._data = "", ""
        self.wait_s = 2.0

    def headers(self) -> dict[str, str]:
        self._kind, self._data, self._next_id = "", "", self._id
        return {"Accept": "text/event-stream", **({"Last-Event-ID": self._id} if self._id else {})}

    def refuse(self, answer: httpx.Response) -> None:
        """Raise, or come back later where that may help."""
        if answer.status_code not in _AGAIN:
            _document(answer)
        self.wait_s = _wait_s(answer, 1)

    def take(self, line: str) -> Iterator[Live]:
        name, _, value = line.partition(": ")
        if name == "id":
            self._next_id = value
        elif name == "event":
            self._kind = value
        elif name == "data":
            self._data = value
        elif name == "retry":
            self.wait_s = int(value) / 1000
        elif not line:
            self._id = self._next_id  # only now: what was cut off in the middle has to come again
            kind, data = self._kind, self._data
            self._kind, self._data = "", ""
            if data:
                yield Live(kind, json.loads(data), self._id)


def _headers(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}", "Accept": "application/json"}


def _query(query: Query) -> dict[str, Any]:
    return {name: value for name, value in query.items() if value is not None}


def _chosen(levels: Iterable[float], horizons: Iterable[str]) -> dict[str, str | None]:
    return {
        "levels": ",".join(f"{one:g}" for one in levels) or None,
        "horizons": ",".join(horizons) or None,
    }


def _range(since: Time | None, until: Time | None) -> dict[str, str | None]:
    bounds = {"from": since, "to": until}
    return {name: None if at is None else _time(at) for name, at in bounds.items()}


def _of(plant_id: str) -> str:
    return f"/v1/plants/{quote(plant_id, safe='')}"


def _latest(plant_id: str) -> str:
    return f"{_of(plant_id)}/forecasts/latest"


def _place(
    latitude: float, longitude: float, kind: str, capacity_kw: float, hours: int, more: Mapping[str, Any]
) -> dict[str, Any]:
    place = {"latitude": latitude, "longitude": longitude, "kind": kind, "capacity_kw": capacity_kw}
    return {**place, "hours": hours, **more}


def _plant(plant_id: str, hours: int | None, levels: Iterable[float]) -> dict[str, Any]:
    return {"plant_id": plant_id, "hours": hours, "levels": list(levels) or None}


def _upload(content: bytes, media: str, callback: str | None) -> dict[str, Any]:
    headers = {"Content-Type": media, "Idempotency-Key": uuid.uuid4().hex}
    return {"content": content, "headers": headers, "params": _query({"callback": callback})}


def _time(at: Time) -> str:
    """Raises `ValueError` for a time without an offset: it could be anybody's."""
    if isinstance(at, str):
        return at
    if at.tzinfo is None:
        raise ValueError("give times with an offset, as datetime.now(UTC)")
    return at.isoformat()


def _wait_s(answer: httpx.Response | None, attempt: int) -> float:
    said = answer.headers.get("Retry-After", "") if answer is not None else ""
    return min(float(said), _LONGEST_WAIT_S) if said.isdecimal() else 0.5 * 2.0**attempt


def _document(answer: httpx.Response) -> Any:
    _expect_success(answer)
    return answer.json()


def _content(answer: httpx.Response) -> bytes:
    _expect_success(answer)
    return answer.content


def _expect_success(answer: httpx.Response) -> None:
    if answer.is_success:
        return
    try:
        told = answer.json()
    except ValueError:
        told = {}
    detail = told.get("detail", answer.reason_phrase)
    raise ProblemError(answer.status_code, str(detail), str(told.get("request_id", "-")))
