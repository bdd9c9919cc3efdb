"""Who may ask: no door is open but the four that are meant to be, and each role opens what is its own."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import httpx
import pytest

from cli.main import run
from consumers.api.app import paths
from consumers.api.keys import Role
from infra.postgres import transaction
from tests.integration.api.world import World, new_key, running
from tests.integration.sink_help import ask

PUBLIC = {"/health", "/ready", "/version", "/api/health", "/openapi.json"}
OPERATORS = {"/v1/logs/requests", "/v1/logs/actions", "/logs", "/v1/jobs", "/v1/schedules", "/v1/triggers"}
OPERATORS |= {"/api/admin/jobs", "/api/admin/schedule", "/api/admin/metrics"}
#: Who may act: the least role, by method and path.
ACTS = {
    ("POST", "/v1/trainings"): Role.OPERATOR,
    ("POST", "/train/{model}"): Role.OPERATOR,
    ("POST", "/api/admin/retrain"): Role.OPERATOR,
    ("POST", "/v1/jobs/{job_id}/cancel"): Role.OPERATOR,
    ("POST", "/v1/alerts/{alert_id}/acknowledge"): Role.OPERATOR,
    ("POST", "/v1/releases/{name}/{version}/promote"): Role.ADMIN,
    ("POST", "/v1/releases/{name}/{version}/shadow"): Role.ADMIN,
    ("POST", "/v1/releases/{name}/{version}/rollback"): Role.ADMIN,
    ("POST", "/v1/schedules"): Role.ADMIN,
    ("POST", "/api/admin/schedule"): Role.ADMIN,
    ("PATCH", "/v1/schedules/{name}"): Role.ADMIN,
    ("DELETE", "/v1/schedules/{name}"): Role.ADMIN,
    ("PATCH", "/v1/triggers"): Role.ADMIN,
}
#: What a reader may send: questions with a body, and jobs of his own that change nothing but themselves.
OF_READERS = {
    ("POST", path)
    for path in (
        "/v1/predict", "/v1/predict/batch", "/v1/predict/jobs", "/v1/predict/jobs/{job_id}/cancel",
        "/v1/plants/{plant_id}/what-if", "/predict/{model}",
    )
}  # fmt: skip


def doors(world: World) -> list[tuple[str, str]]:
    """Every (method, path) that OpenAPI tells of, with something in its parameters."""
    described = world.get("/openapi.json", None).json()["paths"]
    return [
        (method.upper(), path.replace("{", "").replace("}", ""))
        for path in described
        for method in described[path]
    ]


def test_every_door_but_the_public_ones_is_shut_without_a_key(world: World) -> None:
    shut = [(method, path) for method, path in doors(world) if path not in PUBLIC]
    assert len(shut) > 25
    wrong: tuple[dict[str, str], ...] = (
        {},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer gridcast_0123456789ab_"},
        {"Authorization": "Basic YWRtaW46YWRtaW4="},
        {"Authorization": f"Bearer {world.keys[Role.ADMIN][:-1]}"},
        {"Authorization": f"Bearer {world.keys[Role.ADMIN]}x"},
        {"X-API-Key": "' or '1'='1"},
        {"X-API-Key": "gridcast_" + "a" * 190},
        {"Cookie": f"key={world.keys[Role.ADMIN]}"},
    )
    with httpx.Client(base_url=world.url) as client:
        for method, path in shut:
            for headers in wrong:
                answer = client.request(method, path, headers=headers)
                assert answer.status_code == 401, (method, path, headers, answer.text)
                assert answer.headers["www-authenticate"].startswith("Bearer")
                assert answer.headers["content-type"] == "application/problem+json"
        for path in PUBLIC:
            assert client.get(path).status_code == 200, path
        query = client.get(f"/v1/plants?X-API-Key={world.keys[Role.ADMIN]}&key={world.keys[Role.ADMIN]}")
        assert query.status_code == 401, "a key in an address ends up in logs"


def test_the_doors_of_openapi_are_all_there_are(world: World) -> None:
    """The walk above is over what is documented: nothing may answer that is not."""
    documented = set(world.get("/openapi.json", None).json()["paths"])
    page = {"/", "/page/{name:path}"}  # files that hold no data
    assert set(paths(world.app.routes)) == documented | {"/openapi.json"} | page
    for path in (
        "/docs",
        "/redoc",
        "/page/",
        "/page/%2e%2e/serving.py",
        "/v1",
        "/v1/plants/",
        "/admin",
        "/static/x",
    ):
        assert world.get(path, None).status_code == 404, path


def test_without_a_key_nothing_that_was_sent_is_read(world: World) -> None:
    """A body that is no JSON is a 401, and a wrong key beside it counts as one."""
    sent = {"content": b"{" * 1000, "headers": {"Content-Type": "application/json"}}
    guess = {"X-API-Key": "gridcast_abc_wrong", "Content-Type": "application/json"}
    for method, path in doors(world):
        if method in ("POST", "PATCH"):
            assert httpx.request(method, world.url + path, **sent).status_code == 401, (method, path)
    few = world.settings.model_copy(update={"api_failures_per_minute": 3})
    with running(few) as (_, url):
        answers = [httpx.post(f"{url}/v1/predict", content=b"{", headers=guess) for _ in range(4)]
        assert [one.status_code for one in answers] == [401] * 3 + [429]


def test_a_batch_counts_as_many_requests(world: World) -> None:
    key = {"X-API-Key": new_key(world.settings, Role.READER, per_minute=20)}
    item = {"plant_id": "a", "hours": 1}

    def batch(items: int) -> httpx.Response:
        return httpx.post(f"{world.url}/v1/predict/batch", json={"items": [item] * items}, headers=key)

    assert [batch(12).status_code, batch(12).status_code] == [200, 429]
    assert [batch(3).status_code, batch(3).status_code, batch(3).status_code] == [200, 200, 429]
    whole = {"X-API-Key": new_key(world.settings, Role.READER, per_minute=20)}
    key.update(whole)
    assert [batch(50).status_code, batch(1).status_code] == [200, 429], "it takes a whole minute"


@pytest.mark.parametrize("shown", ["Authorization", "X-API-Key"])
def test_a_role_opens_what_is_its_own(world: World, shown: str) -> None:
    for path in sorted(OPERATORS):
        for role, status in ((Role.READER, 403), (Role.OPERATOR, 200), (Role.ADMIN, 200)):
            token = world.keys[role]
            value = f"Bearer {token}" if shown == "Authorization" else token
            assert httpx.get(world.url + path, headers={shown: value}).status_code == status, (path, role)
    for role in Role:
        assert world.get("/v1/plants", role).status_code == 200


def test_a_role_does_what_is_its_own(world: World) -> None:
    described = world.get("/openapi.json", None).json()["paths"]
    for (method, path), least in ACTS.items():
        assert method.lower() in described[path], "the list is of what there is"
        where = path.replace("{job_id}", "999999").replace("{", "no-").replace("}", "")
        body = {"train": None, "name": 7} if method != "DELETE" and "{" not in path else {}
        for role in Role:
            with world.client(role) as client:
                answer = client.request(method, where, json=body)
            if role.includes(least):
                assert answer.status_code in (200, 404, 422), (method, path, role, answer.text)
            else:
                assert answer.status_code == 403, (method, path, role, answer.text)


def test_every_door_that_takes_something_is_in_a_list_of_roles(world: World) -> None:
    described = world.get("/openapi.json", None).json()["paths"]
    acting = {(method.upper(), path) for path in described for method in described[path] if method != "get"}
    assert acting == set(ACTS) | OF_READERS


def test_a_key_lives_from_the_command_line(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GRIDCAST_POSTGRES", world.settings.postgres.get_secret_value())
    monkeypatch.setenv("GRIDCAST_HOME", str(world.settings.home))

    def keys(*arguments: str) -> Any:
        assert run(["keys", *arguments, "--json"]) == 0
        return json.loads(capsys.readouterr().out)

    made = keys("add", "dashboard", "--role", "operator", "--expires", "30d", "--per-minute", "77")
    assert (made["role"], made["state"], made["per_minute"]) == ("operator", "good", 77)
    assert status(world, made["key"]) == 200
    stored = ask(world.settings, "select * from api_keys where key_id = %s", made["key_id"])
    assert made["key"].split("_", 2)[2] not in repr(stored), "the secret itself is nowhere"

    newer = keys("rotate", made["key_id"], "--overlap", "1h")
    assert (newer["role"], newer["per_minute"], newer["key"] != made["key"]) == ("operator", 77, True)
    assert (status(world, made["key"]), status(world, newer["key"])) == (200, 200), "both, for the overlap"
    with transaction(world.settings) as cursor:
        cursor.execute("update api_keys set expires_at = now() where key_id = %s", (made["key_id"],))
    keys("revoke", newer["key_id"])
    world.app.state.parts.doorkeeper._known.clear()  # else it is remembered for some seconds
    assert (status(world, made["key"]), status(world, newer["key"])) == (401, 401)

    listed = {one["key_id"]: one for one in keys("list")}
    assert listed[made["key_id"]]["state"] == "expired"
    assert listed[newer["key_id"]]["state"] == "revoked"
    world.app.state.parts.doorkeeper.note_uses(at_once=True)
    assert {one["key_id"]: one for one in keys("list")}[made["key_id"]]["last_used"] is not None

    done = world.get("/v1/logs/actions?limit=3", Role.OPERATOR).json()["data"]
    assert [(one["action"], one["subject"]) for one in done] == [
        ("key.revoke", newer["key_id"]), ("key.rotate", newer["key_id"]), ("key.add", made["key_id"]),
    ]  # fmt: skip
    assert "on the command line" in done[0]["who"]
    for arguments in (["revoke", "nobody"], ["rotate", newer["key_id"]], ["add", " "], ["add", "a\nb"]):
        assert run(["keys", *arguments]) == 1
        assert capsys.readouterr().err.startswith("error: ")


def status(world: World, token: str) -> int:
    return httpx.get(f"{world.url}/v1/plants", headers={"Authorization": f"Bearer {token}"}).status_code


def test_who_asks_too_often_waits_by_key_by_address_and_by_wrong_keys(world: World) -> None:
    few = {"api_key_per_minute": 5, "api_address_per_minute": 40, "api_failures_per_minute": 3}
    with running(world.settings.model_copy(update=few)) as (_, url):
        one, other = (new_key(world.settings, Role.READER, **more) for more in ({}, {"per_minute": 8}))

        def asked(token: str, times: int) -> list[int]:
            answers = [httpx.get(f"{url}/version"), *(
                httpx.get(f"{url}/v1/plants", headers={"X-API-Key": token}) for _ in range(times)
            )][1:]  # fmt: skip
            for answer in answers:
                if answer.status_code == 429:
                    assert 1 <= int(answer.headers["retry-after"]) <= 60
                    assert answer.headers["content-type"] == "application/problem+json"
            return [answer.status_code for answer in answers]

        assert asked(one, 7) == [200] * 5 + [429] * 2
        known = new_key(world.settings, Role.READER)
        assert asked(known, 1) == [200]
        assert asked(other, 10) == [200] * 8 + [429] * 2, "a key's own limit, whatever others did"
        assert asked("gridcast_abc_wrong", 4) == [401] * 3 + [429]
        new = new_key(world.settings, Role.READER)
        assert asked(new, 1) == [429], "no more keys are looked at, good ones neither"
        assert asked(known, 1) == [200], "but one that was known before goes on"
        assert 429 in {httpx.get(f"{url}/version").status_code for _ in range(30)}, "the address"
        assert httpx.get(f"{url}/health").status_code == 200, "probes are always answered"


def test_an_expired_key_and_one_without_a_database_behind(world: World) -> None:
    gone = new_key(world.settings, Role.ADMIN, timedelta(microseconds=1))
    assert status(world, gone) == 401
    parts = world.app.state.parts
    broken = world.settings.model_copy(
        update={"postgres": type(world.settings.postgres)("postgresql://u@127.0.0.1:1/d")}
    )
    assert status(world, world.keys[Role.READER]) == 200
    parts.database.close()
    object.__setattr__(parts.database, "_settings", broken)
    try:
        answer = world.get("/v1/plants")
        assert answer.status_code == 503 and answer.headers["retry-after"]
        assert "127.0.0.1" not in answer.text, "nothing of what stands behind"
        assert world.get("/v1/plants/a/forecasts/latest").status_code == 200, "this one is in memory"
        assert world.get("/ready", None).status_code == 503
        assert world.get("/health", None).status_code == 200
        assert status(world, "gridcast_unknown_key") == 503
    finally:
        object.__setattr__(parts.database, "_settings", world.settings)
    assert world.get("/v1/plants").status_code == 200
