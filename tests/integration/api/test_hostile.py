"""Whatever is put where a name belongs, the answer is a plain one: never a fault, never another's rows."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from consumers.api.keys import Role
from tests.integration.api.world import PLANTS, World
from tests.integration.sink_help import ask

BAD = (
    "'", "a'; drop table plants;--", '"', "\\", "%s", "%(plant_id)s", "\x00", "a\x00b",
    "a\r\nSet-Cookie: x=1", "../../etc/passwd", "a" * 199, "a" * 5000, "\u65e5\u672c\u202e\U0001f600", "NaN",
    "-1", "1e999", "W10", "W251bGxd",
)  # fmt: skip
FINE = {200, 201, 202, 204, 304, 401, 403, 404, 405, 406, 409, 413, 414, 422, 431}
GOOD = {"plant_id": "a", "issued_at": "2014-05-14", "valid_at": "2014-05-14", "first": "1", "second": "2"}


@dataclass(frozen=True)
class Place:
    """Where something may be sent: a parameter, or a text of a JSON body that is otherwise right."""

    method: str
    path: str
    parameters: tuple[dict[str, Any], ...]
    body: dict[str, Any] | None
    hurt: str
    in_body: bool


def places(described: dict[str, Any]) -> Iterator[Place]:
    for path, methods in described["paths"].items():
        for method, told in methods.items():
            parameters, body = tuple(told.get("parameters", [])), example(told)
            for one in parameters:
                if one["in"] != "header":
                    yield Place(method, path, parameters, body, one["name"], False)
            for name in texts(described, told):
                yield Place(method, path, parameters, body or {}, name, True)


def content(told: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = told.get("requestBody", {}).get("content", {}).get("application/json", {})
    return found


def example(told: dict[str, Any]) -> dict[str, Any] | None:
    if not content(told):
        return None
    shown = next(iter(content(told).get("examples", {}).values()), {"value": {}})
    value: dict[str, Any] = shown["value"]
    return value


def texts(described: dict[str, Any], told: dict[str, Any]) -> Iterator[str]:
    """Names in a body where a text may stand."""
    schema = content(told).get("schema", {})
    for one in (schema, *schema.get("anyOf", ())):
        if "$ref" in one:
            one = described["components"]["schemas"][one["$ref"].rpartition("/")[2]]
        for name, kind in one.get("properties", {}).items():
            if '"string"' in json.dumps(kind) or "$ref" in json.dumps(kind):
                yield name


@pytest.mark.parametrize("bad", BAD, ids=[ascii(one)[:30] for one in BAD])
def test_no_parameter_is_more_than_a_value(world: World, bad: str) -> None:
    described = world.get("/openapi.json", None).json()
    found = list(places(described))
    assert {one.method for one in found} == {"get", "post", "patch", "delete"}
    with world.client(Role.ADMIN) as client:
        for place in found:
            values = {
                one["name"]: GOOD.get(one["name"], "a") for one in place.parameters if one.get("required")
            }
            body = place.body
            if place.in_body:
                body = {**(place.body or {}), place.hurt: bad}
            else:
                values[place.hurt] = bad
            where = place.path
            for one in place.parameters:
                if one["in"] == "path":
                    where = where.replace(f"{{{one['name']}}}", quote(values.pop(one["name"]), safe=""))
            answer = client.request(place.method, where, params=values, json=body)
            assert answer.status_code in FINE, (place, answer.status_code, answer.text[:300])
            assert "psycopg2" not in answer.text and "Traceback" not in answer.text
            assert "set-cookie" not in answer.headers


def test_a_name_with_quotes_is_a_name(world: World) -> None:
    odd = quote(PLANTS[1], safe="")
    assert world.get(f"/v1/plants/{odd}").json()["plant_id"] == PLANTS[1]
    assert world.get(f"/v1/plants/{odd}/forecasts/latest").json()["plant_id"] == PLANTS[1]
    scans = world.get(f"/v1/plants/{odd}/actuals?limit=3").json()["data"]
    assert {one["plant_id"] for one in scans} == {PLANTS[1]}
    assert ask(world.settings, "select count(distinct plant_id) from plants") == [(2,)], "the table stands"


def test_headers_methods_and_bodies(world: World) -> None:
    with world.client(Role.ADMIN) as client:
        for method in ("POST", "PUT", "PATCH", "DELETE", "TRACE"):
            answer = client.request(method, "/v1/plants")
            assert (answer.status_code, answer.headers["allow"]) == (405, "GET"), method
        for path, taken in world.get("/openapi.json", None).json()["paths"].items():
            answer = client.request("TRACE", path)
            allowed = ", ".join(sorted(method.upper() for method in taken))
            assert (answer.status_code, answer.headers["allow"]) == (405, allowed), path
        assert client.post("/v1/plants", content=b"x" * (2 << 20)).status_code == 413
        assert client.post("/v1/plants", content=(b"x" * 9999 for _ in range(300))).status_code in (405, 413)
        given = client.get("/version", headers={"X-Request-ID": "mine-1"})
        assert given.headers["x-request-id"] == "mine-1"
        forged = client.get("/version", headers={"X-Request-ID": "a b<script>"})
        assert len(forged.headers["x-request-id"]) == 32
        for name, value in (
            ("Accept", "text/csv;q=x, */*;q=0"),
            ("If-None-Match", '"' * 99),
            ("Range", "bytes=0-1"),
        ):
            assert client.get("/v1/plants", headers={name: value}).status_code in (200, 406)
        for name in ("x-content-type-options", "content-security-policy", "referrer-policy", "cache-control"):
            assert name in client.get("/v1/plants").headers
        assert "server" not in client.get("/version").headers


def test_a_browser_elsewhere_may_not_ask(world: World) -> None:
    asked = {"Origin": "https://evil.example", "Access-Control-Request-Method": "GET"}
    answers = [world.get("/v1/plants", **asked), httpx.options(f"{world.url}/v1/plants", headers=asked)]
    assert [name for one in answers for name in one.headers if name.startswith("access-control")] == []


def test_a_fault_of_ours_says_nothing_of_itself(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def fault(*_: object) -> None:
        raise RuntimeError("the password is hunter2")

    monkeypatch.setattr(type(world.app.state.parts.latest), "get", fault)
    answer = world.get("/v1/plants/a/forecasts/latest")
    assert answer.status_code == 500 and answer.headers["content-type"] == "application/problem+json"
    assert "hunter2" not in answer.text and answer.json()["request_id"] == answer.headers["x-request-id"]
