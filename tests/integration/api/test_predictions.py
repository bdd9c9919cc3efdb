"""Predictions over HTTP: of a place, of a registered plant; what cannot be is refused in one plain line."""

from __future__ import annotations

import csv
import io
import time
from typing import Any

import httpx
import pytest

from consumers.api.keys import Role
from tests.integration.api.world import World
from tests.weather_faults import always, hang, status

PLACE = {"latitude": 48.45, "longitude": 5.6, "kind": "wind", "capacity_kw": 8200.0, "hours": 24}


def asked(world: World, body: Any, role: Role | None = Role.READER, **headers: str) -> httpx.Response:
    with world.client(role, **headers) as client:
        return client.post("/v1/predict", json=body)


def test_a_place_in_every_format(world: World) -> None:
    told = asked(world, {**PLACE, "levels": [0.1, 0.5, 0.9]}).json()
    assert told["metadata"]["rungs"] == ["physical start"]
    assert told["metadata"]["levels"] == [0.1, 0.5, 0.9]
    lines = list(csv.DictReader(io.StringIO(asked(world, PLACE, Accept="text/csv").text)))
    assert [one["valid_at"] for one in lines] == [one["valid_at"] for one in told["predictions"]]
    assert (
        float(lines[0]["0.5"]) == told["predictions"][0]["prediction_kw"] == float(lines[0]["prediction_kw"])
    )
    assert asked(world, PLACE, Accept="application/vnd.apache.parquet").content[:4] == b"PAR1"
    assert asked(world, PLACE, Accept="image/png").status_code == 406


def test_a_registered_plant_is_told_what_its_worker_said_newest_and_that_it_is_old(world: World) -> None:
    told = asked(world, {"plant_id": "a", "hours": 6}).json()
    published = world.get("/v1/plants/a/forecasts/latest").json()
    steps = [one for one in published["steps"] if one["valid_at"] <= told["predictions"][-1]["valid_at"]]
    assert [one["prediction_kw"] for one in told["predictions"]] == [one["power_kw"]["0.5"] for one in steps]
    assert [one["power_kw"] for one in told["confidence_intervals"]] == [one["power_kw"] for one in steps]
    about = told["metadata"]
    assert (about["model"], about["version"], about["issued_at"]) == tuple(
        published[name] for name in ("model", "version", "issued_at")
    )
    assert about["source"] == "newest forecast of the worker"
    assert about["trusted"] is False and "past" in about["why_not"], "2014 is long ago"


@pytest.mark.parametrize(
    ("body", "code", "said"),
    [
        ({**PLACE, "capacity_kw": 0}, 422, "capacity_kw"),
        ({**PLACE, "latitude": 91}, 422, "latitude"),
        ({**PLACE, "hours": 300}, 404, "hours ahead"),
        ({**PLACE, "levels": [0.33]}, 404, "0.33 is not published"),
        ({"plant_id": "nobody"}, 404, "there is no plant nobody"),
        ({"plant_id": "a'; drop table plants;--"}, 404, "there is no plant"),
        ({"plant_id": "a", "levels": [0.33]}, 404, "0.33 is not published"),
        ({"plant_id": "a\x00"}, 422, "plant_id"),
        ([], 422, "body"),
        (None, 422, "body"),
    ],
)
def test_what_cannot_be_is_a_problem_in_one_line(world: World, body: Any, code: int, said: str) -> None:
    answer = asked(world, body)
    assert (answer.status_code, answer.headers["content-type"]) == (code, "application/problem+json"), (
        answer.text
    )
    assert said in answer.json()["detail"] and "\n" not in answer.json()["detail"]


def test_weather_that_does_not_come_is_503_or_504_and_the_rest_goes_on(world: World) -> None:
    weather = world.app.state.weather
    elsewhere = {**PLACE, "latitude": -33.0}
    try:
        weather.faults = always(hang)
        began = time.monotonic()
        late = asked(world, elsewhere)
        assert late.status_code == 504 and time.monotonic() - began < 8
        assert world.get("/v1/plants/a/forecasts/latest").status_code == 200
        weather.faults = always(status(502))
        away = asked(world, elsewhere)
        assert away.status_code == 503 and away.headers["retry-after"]
        for answer in (late, away):
            assert "127.0.0.1" not in answer.text, "nothing of what stands behind"
    finally:
        weather.faults = lambda _path: None
    newest = world.get("/v1/logs/predictions?limit=2", Role.OPERATOR).json()["data"]
    assert [(one["status"], one["about"]) for one in newest] == [
        (503, "wind -33.00,5.60"),
        (504, "wind -33.00,5.60"),
    ]


def test_who_may(world: World) -> None:
    for body in (PLACE, {"plant_id": "a"}, {}, b"{", "x" * 1000):
        answer = httpx.post(f"{world.url}/v1/predict", json=body if not isinstance(body, bytes) else None)
        assert answer.status_code == 401, body
    assert world.get("/v1/logs/predictions", Role.READER).status_code == 403
    with world.client() as client:
        assert client.post("/v1/predict", content=b"[" * (2 << 20)).status_code == 413
        deep = client.post(
            "/v1/predict", content=b"[" * 100_000, headers={"Content-Type": "application/json"}
        )
        assert deep.status_code == 400, deep.text[:200]


def test_a_batch_answers_or_refuses_each_item_by_itself(world: World) -> None:
    items = [PLACE, {"plant_id": "a", "hours": 6}, {"plant_id": "nobody"}, {**PLACE, "hours": 380}]
    items.append({"plant_id": "nobody", "what_if": {"capacity_kw": 5.0}})
    with world.client() as client:
        told = client.post("/v1/predict/batch", json={"items": items}).json()
        statuses = [one["status"] for one in told["results"]]
        assert (statuses, told["answered"], told["refused"]) == ([200, 200, 404, 404, 404], 2, 3)
        for one in told["results"]:
            assert (one["answer"] is None) == (one["problem"] is not None)
        alone = client.post("/v1/predict", json=items[1]).json()
        assert told["results"][1]["answer"] == alone
        for wrong in ([], [PLACE] * 51, [{**PLACE, "kind": "hydro"}]):
            assert client.post("/v1/predict/batch", json={"items": wrong}).status_code == 422


def test_the_common_paths_are_the_same_answers(world: World) -> None:
    with world.client() as client:
        whole = client.post("/v1/predict", json={"plant_id": "a"}).json()
        for model in ("multi_step", "multi_model_residual", whole["metadata"]["model"]):
            assert client.post(f"/predict/{model}", json={"plant_id": "a"}).json() == whole
        single = client.post("/predict/single_step", json={"plant_id": "a"}).json()
        assert single["predictions"] == whole["predictions"][:1]
        assert single["metadata"]["energy_kwh"] < whole["metadata"]["energy_kwh"]
        assert client.post("/predict/none_such", json={"plant_id": "a"}).status_code == 409
        assert client.post("/predict/none_such", json=PLACE).status_code == 409
        for kind in ("wind", "solar"):
            path = f"/api/v1/predict/{kind}?location_lat=39.74&location_lng=-105.18&hours=24"
            told = client.get(path).json()
            assert set(told) == {"predictions", "confidence_intervals", "metadata"}
            assert (told["metadata"]["kind"], told["metadata"]["capacity_kw"]) == (kind, 1000.0)
        assert client.get("/api/v1/predict/hydro?location_lat=1&location_lng=1").status_code == 422
        assert client.get("/api/v1/predict/wind?location_lat=91&location_lng=1").status_code == 422
