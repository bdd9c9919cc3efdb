"""The Python client, sync and async, says what the API says, and comes back where it was cut off."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from itertools import islice
from typing import Any

import httpx
import pytest

from clients.gridcast_client import AsyncClient, Client, ProblemError
from consumers.api.keys import Role
from tests import output_records as made
from tests.integration.api.world import DAY, PLANTS, World

T0 = datetime.fromtimestamp(made.T0_MS / 1000, UTC)


def test_it_reads_what_the_api_tells(world: World) -> None:
    with Client(world.url, world.keys[Role.READER]) as gridcast:
        assert [one["plant_id"] for one in gridcast.plants()] == list(PLANTS)
        part = gridcast.latest(PLANTS[1], levels=(0.1, 0.9), horizons=("15min", "1h"))
        assert [one["power_kw"] for one in part["steps"]] == [{"0.1": 90.0, "0.9": 110.0}] * 2
        assert gridcast.forecast("a", T0)["issued_at"] == "2014-05-13T17:00:00Z"
        assert len(list(gridcast.actuals("a"))) == 2 * DAY
        assert [one["power_kw"] for one in gridcast.actuals("a", T0, T0.replace(hour=18))] == [
            90.0,
            91.0,
            92.0,
            93.0,
        ]
        assert {one["unit_id"] for one in gridcast.events("a", open=True)} == {"T1"}
        assert len(list(gridcast.rows("/v1/plants/a/actuals", limit=50))) == 2 * DAY, "page after page"
        with pytest.raises(ProblemError, match="404: there is no forecast of nobody") as refused:
            gridcast.latest("nobody")
        assert refused.value.status == 404 and refused.value.request_id
        told = gridcast.predict(48.45, 5.6, "wind", 8200.0, hours=6, levels=[0.5])
        assert len(told["predictions"]) == 24 and told["metadata"]["levels"] == [0.5]
        assert gridcast.predict_plant("a", hours=6)["metadata"]["plant_id"] == "a"
        assert [one["status"] for one in gridcast.predict_many([{"plant_id": "a"}, {"plant_id": "x"}])] == [
            200,
            404,
        ]
        with pytest.raises(ProblemError, match="404: there is no plant nobody"):
            gridcast.what_if("nobody", capacity_kw=1.0)
        job = gridcast.upload(b"plant_id,hours\na,6\n")
        assert gridcast.job(job["job_id"])["state"] == "waiting"
        with pytest.raises(ProblemError, match="has no result"):
            gridcast.result(job["job_id"])
        with pytest.raises(ValueError, match="offset"):
            gridcast.forecast("a", datetime(2014, 5, 13))


def test_the_async_one_says_the_same(world: World) -> None:
    async def ask() -> tuple[Any, ...]:
        async with AsyncClient(world.url, world.keys[Role.READER]) as gridcast:
            scans = [one async for one in gridcast.actuals("a")]
            plants = [one async for one in gridcast.plants()]
            events = [one async for one in gridcast.events()]
            with pytest.raises(ProblemError):
                await gridcast.get("/v1/logs/actions")
            told = await gridcast.predict_plant("a", hours=6)
            job = await gridcast.upload(b"plant_id,hours\na,6\n")
            assert (await gridcast.job(job["job_id"]))["job_id"] == job["job_id"]
            with pytest.raises(ProblemError):
                await gridcast.result(job["job_id"])
            assert (await gridcast.predict_many([{"plant_id": "a", "hours": 6}]))[0]["answer"] == told
            return scans, plants, events, await gridcast.latest("a"), await gridcast.forecast("a", T0)

    with Client(world.url, world.keys[Role.READER]) as gridcast:
        same = list(gridcast.actuals("a")), list(gridcast.plants()), list(gridcast.events())
        assert asyncio.run(ask()) == (*same, gridcast.latest("a"), gridcast.forecast("a", T0))


def busy(answers: list[httpx.Response]) -> httpx.MockTransport:
    return httpx.MockTransport(lambda _: answers.pop(0))


def test_it_waits_for_a_busy_server_and_gives_up_in_the_end() -> None:
    def answers(*statuses: int) -> list[httpx.Response]:
        return [
            httpx.Response(one, json={"detail": "no", "data": [], "next": None}, headers={"Retry-After": "0"})
            for one in statuses
        ]

    with Client("http://x", "k") as gridcast:
        gridcast._http = httpx.Client(base_url="http://x", transport=busy(answers(503, 429, 200)))
        assert list(gridcast.plants()) == []
        gridcast._http = httpx.Client(base_url="http://x", transport=busy(answers(503, 503, 503, 503)))
        with pytest.raises(ProblemError, match="503"):
            list(gridcast.plants())
        gridcast._http = httpx.Client(base_url="http://x", transport=busy(answers(422)))
        with pytest.raises(ProblemError, match="422"):
            list(gridcast.plants())


def test_a_stream_goes_on_where_it_was_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str | None] = []
    parts = [
        "id: f0.1\nretry: 1\n\nid: f0.2\nevent: forecast\ndata: {\"n\": 1}\n\n"
        "id: f0.3\nevent: forecast\ndata: {\"cut",
        "id: f0.3\nevent: alert\ndata: {\"n\": 2}\n\n",
    ]  # fmt: skip

    def stream(request: httpx.Request) -> httpx.Response:
        asked.append(request.headers.get("last-event-id"))
        return httpx.Response(200, text=parts.pop(0))

    with Client("http://x", "k") as gridcast:
        gridcast._http = httpx.Client(base_url="http://x", transport=httpx.MockTransport(stream))
        heard = list(islice(gridcast.live(), 2))
    assert [(one.kind, one.data, one.id) for one in heard] == [
        ("forecast", {"n": 1}, "f0.2"), ("alert", {"n": 2}, "f0.3"),
    ]  # fmt: skip
    assert asked == [None, "f0.2"], "what was cut off in the middle comes again"
