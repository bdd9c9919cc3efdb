"""Files of questions: checked, queued, worked off by a real runner, told of; each sees his own."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pydantic import SecretStr
from standardwebhooks.webhooks import Webhook

from consumers.api.keys import Role
from consumers.api.routes import bulk
from consumers.jobs.names import FORECASTS
from consumers.jobs.runner import Runner
from consumers.predictions.bulk import Bulk
from infra.settings import Settings
from producers.weather.on_request import WeatherOnRequest
from tests.integration.alert_help import SECRET, HttpReceiver
from tests.integration.api.world import World, new_key, running
from tests.integration.sink_help import CODEC, ask, wait_until

HEAD = "plant_id,latitude,longitude,kind,capacity_kw,hours\n"
FILE = HEAD + ",48.45,5.6,wind,8200,24\na,,,,,6\nnobody,,,,,\n,48.45,5.6,wind,1,300\n"
JOBS = "/v1/predict/jobs"


@contextmanager
def working(settings: Settings, weather: str) -> Iterator[None]:
    """The jobs of these settings are run."""
    found = settings.model_copy(update={"open_meteo_url": weather, "api_weather_s": 2.0})
    source = WeatherOnRequest(found, 2)
    runner = Runner(found, {FORECASTS: Bulk(found, CODEC, source)})
    runner.start()
    try:
        yield
    finally:
        runner.close()
        source.close()


def sent(client: httpx.Client, content: bytes | str, media: str = "text/csv", **more: Any) -> httpx.Response:
    headers = {"Content-Type": media, **more.pop("headers", {})}
    return client.post(JOBS, content=content, headers=headers, **more)


def over(client: httpx.Client, job: str) -> dict[str, Any]:
    wait_until(
        lambda: client.get(job).json()["state"] in ("done", "failed", "cancelled"), "the job is over", 30
    )
    return dict(client.get(job).json())


def test_a_file_is_worked_off_and_its_answers_are_those_of_single_questions(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    with world.client() as client, working(world.settings, world.app.state.weather.url):
        taken = sent(client, FILE)
        assert taken.status_code == 202, taken.text
        where = taken.headers["location"]
        told = over(client, where)
        assert (told["state"], told["progress"]) == ("done", 1.0)
        assert told["result"] == {"rows": 4, "answered": 2, "refused": 2}
        rows = client.get(f"{where}/result").json()
        problems = {one["row"]: one["problem"] for one in rows}
        assert (problems[1], problems[2], problems[3]) == (None, None, "there is no plant nobody")
        assert "hours ahead" in rows[-1]["problem"]
        assert {one["rung"] for one in rows if one["row"] == 1} == {"physical start"}
        stored = client.get("/v1/plants/a/forecasts?limit=1").json()["data"][0]["issued_at"]
        assert {one["issued_at"] for one in rows if one["row"] == 2} == {stored}, "what the sink wrote"
        lines = list(
            csv.DictReader(io.StringIO(client.get(f"{where}/result", headers={"Accept": "text/csv"}).text))
        )
        assert [one["prediction_kw"] for one in lines] == [
            "" if one["prediction_kw"] is None else str(one["prediction_kw"]) for one in rows
        ]
        table = client.get(f"{where}/result", headers={"Accept": "application/vnd.apache.parquet"})
        assert pq.read_table(pa.BufferReader(table.content)).to_pylist() == rows
        again = client.get(f"{where}/result", headers={"If-None-Match": table.headers["etag"]})
        assert again.status_code == 200, "another format is another thing"
        known = {"If-None-Match": table.headers["etag"], "Accept": "application/vnd.apache.parquet"}
        assert client.get(f"{where}/result", headers=known).status_code == 304
        monkeypatch.setattr(bulk, "_as", lambda *_: pytest.fail("who has it costs no conversion"))
        known = {"If-None-Match": again.headers["etag"]}
        assert client.get(f"{where}/result", headers=known).status_code == 304


def test_a_wrong_file_queues_nothing_and_says_where(world: World) -> None:
    before = ask(world.settings, "select count(*) from jobs")
    with world.client() as client:
        wrong = sent(client, HEAD + ",48.45,5.6,wind,0,24\n,91,5.6,wind,1,24\n")
        assert wrong.status_code == 422
        assert [one["where"] for one in wrong.json()["errors"]] == ["row 2, capacity_kw", "row 3, latitude"]
        assert sent(client, "what; drop table jobs").status_code == 422
        assert sent(client, FILE, "application/json").status_code == 415
        assert sent(client, b"PAR1" * 9, "application/vnd.apache.parquet").status_code == 422
        assert sent(client, HEAD + "x" * (2 << 20)).status_code == 413
        faults = client.post("/v1/predict", json=dict.fromkeys(map(str, range(5000))) | {"plant_id": "a"})
        assert faults.status_code == 422 and len(faults.json()["errors"]) == 50
        for url in (
            "http://127.0.0.1/",
            "http://169.254.169.254/latest",
            "http://user:pw@hooks.example/",
            "http://[::1]/",
        ):
            refused = sent(client, FILE, params={"callback": url})
            assert refused.status_code == 409, (url, refused.text)
        assert sent(client, FILE, params={"callback": "file:///etc/passwd"}).status_code == 422
    assert ask(world.settings, "select count(*) from jobs") == before


def test_the_same_upload_twice_is_one_job_and_a_stranger_does_not_see_it(world: World) -> None:
    stranger = {"Authorization": f"Bearer {new_key(world.settings, Role.READER)}"}
    with world.client() as client:
        first, second = (sent(client, FILE, headers={"Idempotency-Key": "monday"}) for _ in range(2))
        assert first.json()["job_id"] == second.json()["job_id"]
        assert sent(client, HEAD + "a,,,,,\n", headers={"Idempotency-Key": "monday"}).status_code == 409
        where = first.headers["location"]
        for path in (where, f"{where}/result"):
            assert httpx.get(world.url + path, headers=stranger).status_code == 404
        assert httpx.post(f"{world.url}{where}/cancel", headers=stranger).status_code == 404
        assert world.get(where, Role.OPERATOR).status_code == 200
        assert client.get(f"{where}/result").status_code == 409, "it waits"
        assert client.post(f"{where}/cancel").json()["state"] == "cancelled"
        assert client.post(f"{where}/cancel").status_code == 409
        assert client.get(f"{JOBS}/99999").status_code == 404


@pytest.mark.parametrize("answers", [(), (503, 204), (404,)])
def test_who_wants_to_be_told_is_told_with_a_signature(world: World, answers: tuple[int, ...]) -> None:
    more = {"api_callback_hosts": ("127.0.0.1",), "alerts_webhook_secret": SecretStr(SECRET)}
    found = world.settings.model_copy(update=more)
    headers = {"Authorization": f"Bearer {world.keys[Role.READER]}"}
    with (
        HttpReceiver(answers) as receiver,
        running(found) as (app, url),
        working(found, app.state.weather.url),
        httpx.Client(base_url=url, headers=headers, timeout=30) as client,
    ):
        taken = sent(client, HEAD + "a,,,,,6\n", params={"callback": f"{receiver.url}/done"})
        assert taken.status_code == 202, taken.text
        told = over(client, taken.headers["location"])
    requests, job_id = receiver.requests, told["job_id"]
    if answers == (404,):
        assert told["result"]["callback"].startswith("given up: answered 404") and len(requests) == 1
        return
    assert told["result"]["callback"] == "delivered"
    assert {one.identity for one in requests} == {f"job-{job_id}"} and len(requests) == max(len(answers), 1)
    event = Webhook(SECRET).verify(requests[-1].body, requests[-1].headers)
    assert json.loads(requests[-1].body) == event
    assert (event["type"], event["data"]["job_id"]) == ("gridcast.job.done.v1", job_id)
