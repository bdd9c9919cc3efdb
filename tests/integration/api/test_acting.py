"""What is done through the API is done once, by the functions of the command line, and is in the trail."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from typing import Any

import httpx
import pytest
from fastapi.testclient import TestClient

from cli.acting import ReleaseHands
from cli.main import run
from cli.releasing import Releases
from consumers.alerts import rows
from consumers.alerts.rules import Rules
from consumers.api import acts
from consumers.api.app import create_app
from consumers.api.keys import Role
from consumers.releases import champion, manifest_of, release_records
from infra.postgres import transaction
from models.release import cold_start
from schemas.records import ReleaseRole
from tests import output_records as made
from tests.integration.api.world import World, alert, new_key, running
from tests.integration.sink_help import CODEC, ask, send, sink_all
from tests.integration.workers import ROOT

JSON = dict[str, Any]


def act(
    world: World, method: str, path: str, body: Any = None, role: Role = Role.ADMIN, **headers: str
) -> httpx.Response:
    with world.client(role, **headers) as client:
        return client.request(method, path, json=body)


def trail(world: World, count: int) -> list[tuple[str, str, str]]:
    """The newest rows, oldest first: action, subject, outcome up to a colon."""
    found = world.get(f"/v1/logs/actions?limit={count}", Role.OPERATOR).json()["data"]
    return [(one["action"], one["subject"], one["outcome"].split(":")[0]) for one in reversed(found)]


def test_a_release_is_promoted_once_refused_where_it_is_worse_and_withdrawn_once(
    service: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    releases = Releases(service.settings)
    worse = {"verdict": {"promoted": False, "reason": "not better than the champion"}, "job": 7}
    for version, role, manifest in (("1", ReleaseRole.CHAMPION, {}), ("2", ReleaseRole.SHADOW, worse)):
        releases.publish(replace(cold_start(), name="demo", version=version, manifest=manifest), role)

    refused = act(service, "POST", "/v1/releases/demo/2/promote")
    assert refused.status_code == 409 and "not better than the champion" in refused.json()["detail"]
    assert trail(service, 2) == [
        ("release.promote", "demo 2", "asked"), ("release.promote", "demo 2", "refused"),
    ]  # fmt: skip
    promoted = act(service, "POST", "/v1/releases/demo/2/promote", {"force": True}).json()
    assert (promoted["serves"], promoted["changed"], promoted["shadows"]) == ("demo 2", True, ["demo 1"])
    before = release_records(service.settings, CODEC)
    again = act(service, "POST", "/v1/releases/demo/2/promote", {"force": True}).json()
    assert (again["serves"], again["changed"]) == ("demo 2", False)
    assert release_records(service.settings, CODEC) == before, "nothing was sent"
    serving = act(service, "POST", "/v1/releases/demo/2/shadow")
    assert serving.status_code == 409 and "serves" in serving.json()["detail"]

    gone = act(service, "POST", "/v1/releases/demo/2/rollback", {"because": "a trial"}).json()
    assert (gone["release"], gone["role"], gone["serves"]) == ("demo 2", "withdrawn", "demo 1")
    twice = act(service, "POST", "/v1/releases/demo/2/rollback")
    assert twice.status_code == 409 and "demo 1 does" in twice.json()["detail"], "it goes back once"
    records = release_records(service.settings, CODEC)
    serves = champion(records)
    assert serves is not None and serves.version == "1"
    withdrawn = [one for one in records if one.role is ReleaseRole.WITHDRAWN]
    assert [manifest_of(one)["withdrawn"]["reason"] for one in withdrawn] == ["a trial"]
    beside = act(service, "POST", "/v1/releases/demo/2/shadow").json()
    assert (beside["release"], beside["role"], beside["serves"]) == ("demo 2", "shadow", "demo 1")

    assert act(service, "POST", "/v1/releases/demo/9/promote").status_code == 404
    unknown = act(service, "POST", "/v1/releases/demo/1/promote", {"plants": ["a"], "plant": "a"})
    assert unknown.status_code == 422, "what nobody knows is not passed over"

    # A training that was killed after it had published: its job has a release, and it makes no second one.
    told = trained_again(service, 7)
    assert (told["name"], told["version"], told["outcome"]) == ("demo", "2", "shadow")
    assert told == trained_again(service, 7)
    assert ask(service.settings, "select version, job_id from trainings") == [("2", 7)]
    assert {one.version for one in release_records(service.settings, CODEC)} == {"1", "2"}

    # The command line does the same, and it stands in the same trail.
    monkeypatch.setenv("GRIDCAST_KAFKA", service.settings.kafka)
    monkeypatch.setenv("GRIDCAST_POSTGRES", service.settings.postgres.get_secret_value())
    monkeypatch.setenv("GRIDCAST_HOME", str(service.settings.home))
    assert run(["models", "promote", "2", "--json"]) == 1
    assert run(["models", "promote", "2", "--force", "--json"]) == 0
    assert run(["models", "rollback", "--because", "a trial", "--json"]) == 0
    assert trail(service, 6) == [
        ("release.promote", "demo 2", "asked"), ("release.promote", "demo 2", "refused"),
        ("release.promote", "demo 2", "asked"), ("release.promote", "demo 2", "done"),
        ("release.rollback", "demo 2", "asked"), ("release.rollback", "demo 2", "done"),
    ]  # fmt: skip


def trained_again(world: World, job_id: int, held: int | None = subprocess.PIPE) -> JSON:
    environment = {
        **os.environ, "GRIDCAST_KAFKA": world.settings.kafka, "GRIDCAST_HOME": str(world.settings.home),
        "GRIDCAST_POSTGRES": world.settings.postgres.get_secret_value(), "PYTHONPATH": str(ROOT),
    }  # fmt: skip
    command = [sys.executable, "-m", "cli", "train", "--json", f"--job={job_id}"]
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, stdin=held, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        said = process.stdout.read()
        assert process.wait(60) == 0
    found: JSON = json.loads(said.splitlines()[-1])
    return found


def test_a_training_ends_with_the_process_that_began_it(service: World) -> None:
    """Its standard input is held by that process alone, and ends with it, however it ends."""
    command = [
        sys.executable,
        "-c",
        "from cli.train_once import end_with_parent as e; e(); import time; time.sleep(60)",
    ]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE) as child:
        assert child.stdin is not None and child.poll() is None
        child.stdin.close()
        assert child.wait(30) == 70


def test_jobs_are_asked_for_once_looked_at_and_cancelled(service: World) -> None:
    send(service.settings, ("Release", [made.release("demo")]))
    sink_all(service.settings)
    order = {"plants": [], "hold_back_days": 20}
    first = act(service, "POST", "/v1/trainings", order, Role.OPERATOR, **{"Idempotency-Key": "k1"})
    assert first.status_code == 202
    job = first.json()
    assert (job["state"], job["kind"], job["arguments"]["hold_back_days"]) == ("waiting", "train", 20)
    assert first.headers["location"] == f"/v1/jobs/{job['job_id']}"
    again = act(service, "POST", "/v1/trainings", order, Role.OPERATOR, **{"Idempotency-Key": "k1"})
    assert again.json()["job_id"] == job["job_id"]
    other = act(service, "POST", "/v1/trainings", {"fast": True}, Role.OPERATOR, **{"Idempotency-Key": "k1"})
    assert other.status_code == 409
    another = act(service, "POST", "/api/admin/retrain", order, **{"Idempotency-Key": "k1"})
    assert another.json()["job_id"] != job["job_id"], "of another key"
    for path in ("/train/multi_step", "/train/demo"):
        assert act(service, "POST", path).status_code == 202, path
    assert act(service, "POST", "/train/nobody").status_code == 404
    assert act(service, "POST", "/v1/trainings", {"plants": ["nobody"]}).status_code == 404

    told = world_jobs(service, "/v1/jobs?state=waiting&kind=train")
    assert [one["job_id"] for one in told] == sorted((one["job_id"] for one in told), reverse=True)
    assert len(told) == 4 and world_jobs(service, "/api/admin/jobs") == told
    with transaction(service.settings) as cursor:
        cursor.execute("insert into job_lines (job_id, text) values (%s, 'halfway')", (job["job_id"],))
    document = service.get(f"/v1/jobs/{job['job_id']}", Role.OPERATOR).json()
    assert [one["text"] for one in document["log"]] == ["halfway"]
    assert service.get("/v1/jobs/999999", Role.OPERATOR).status_code == 404

    gone = act(service, "POST", f"/v1/jobs/{job['job_id']}/cancel", role=Role.OPERATOR)
    assert (gone.status_code, gone.json()["state"]) == (200, "cancelled")
    over = act(service, "POST", f"/v1/jobs/{job['job_id']}/cancel", role=Role.OPERATOR)
    assert over.status_code == 409 and "cancelled" in over.json()["detail"]
    assert [one[::2] for one in trail(service, 2)] == [("job.cancel", "done"), ("job.cancel", "refused")]


def test_what_publishes_whatever_the_verdict_is_needs_an_admin(service: World) -> None:
    forced, plain = {"force": True, "shadow": True}, {"name": "nightly", "cron": "0 3 * * *"}
    for path in ("/v1/trainings", "/api/admin/retrain", "/train/multi_step"):
        refused = act(service, "POST", path, forced, Role.OPERATOR)
        assert refused.status_code == 403 and "force" in refused.json()["detail"], path
        assert trail(service, 1)[0][::2] == ("train.ask", "refused")
    for method, path in (("POST", "/v1/schedules"), ("POST", "/api/admin/schedule")):
        answer = act(service, method, path, {**plain, "train": forced}, Role.OPERATOR)
        assert answer.status_code == 403, path
    assert not [one for one in world_jobs(service, "/v1/jobs") if one["arguments"]["force"]]
    made = act(service, "POST", "/v1/trainings", forced)
    assert made.status_code == 202
    assert act(service, "POST", f"/v1/jobs/{made.json()['job_id']}/cancel").status_code == 200


def test_the_same_training_by_a_model_s_name_is_the_same_after_a_promotion(service: World) -> None:
    def serves(name: str) -> None:
        release = replace(cold_start(), name=name, version="1", manifest={})
        Releases(service.settings).publish(release, ReleaseRole.CHAMPION)
        sink_all(service.settings)

    jobs = []
    for name in ("one", "other"):
        serves(name)
        answer = act(service, "POST", "/train/multi_step", {"fast": True}, **{"Idempotency-Key": "by-name"})
        assert answer.status_code == 202, answer.text
        jobs.append(answer.json()["job_id"])
    assert jobs[0] == jobs[1]
    assert act(service, "POST", f"/v1/jobs/{jobs[0]}/cancel").status_code == 200


def test_a_key_has_so_many_jobs_at_most_and_trainings_go_first(service: World) -> None:
    few = service.settings.model_copy(update={"api_key_jobs": 5})
    key = {"X-API-Key": new_key(service.settings, Role.OPERATOR)}
    with running(few) as (_, url), httpx.Client(base_url=url, headers=key) as client:

        def asked(path: str, name: str) -> httpx.Response:
            headers = {"Idempotency-Key": name, "Content-Type": "text/csv"}
            body = {"json": {}} if path == "/v1/trainings" else {"content": "plant_id\na\n"}
            return client.post(path, headers={**headers, **_TYPES[path]}, **body)

        taken = [asked("/v1/predict/jobs", f"n{number}") for number in range(4)]
        taken.append(asked("/v1/trainings", "n4"))
        assert {one.status_code for one in taken} == {202}, taken[-1].text
        for path in ("/v1/predict/jobs", "/v1/trainings"):
            full = asked(path, "one-more")
            assert full.status_code == 429 and full.headers["retry-after"], full.text
        assert asked("/v1/predict/jobs", "n3").json()["job_id"] == taken[3].json()["job_id"], "asked before"
        other = act(service, "POST", "/v1/trainings", {"fast": True})
        assert other.status_code == 202, "another key has room of its own"
        queued = "select task_name from procrastinate_jobs where status = 'todo' order by priority desc, id"
        names = [name for (name,) in ask(service.settings, queued)]
        assert names == sorted(names, reverse=True) and set(names) == {"forecasts", "train"}
        mine = [one.json()["job_id"] for one in taken]
        for job_id in mine:
            assert client.post(f"/v1/jobs/{job_id}/cancel").status_code == 200
        assert asked("/v1/predict/jobs", "one-more").status_code == 202
        assert act(service, "POST", f"/v1/jobs/{other.json()['job_id']}/cancel").status_code == 200


_TYPES = {"/v1/trainings": {"Content-Type": "application/json"}, "/v1/predict/jobs": {}}


def test_one_change_of_releases_at_a_time_and_each_has_its_end_in_the_trail(
    service: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    with transaction(service.settings) as cursor:
        cursor.execute("select pg_advisory_xact_lock(%s)", (acts._CHANGES_LOCK,))
        busy = act(service, "POST", "/v1/releases/demo/1/promote")
    assert busy.status_code == 409 and "another change" in busy.json()["detail"]
    assert trail(service, 2)[1] == ("release.promote", "demo 1", "refused")

    def ended(*_: object) -> None:
        ask(service.settings, _END_OF_SESSIONS)

    monkeypatch.setattr(ReleaseHands, "promote", ended)
    lost = act(service, "POST", "/v1/releases/demo/1/promote")
    assert lost.status_code == 503, lost.text
    assert trail(service, 2) == [
        ("release.promote", "demo 1", "asked"), ("release.promote", "demo 1", "failed"),
    ]  # fmt: skip


_END_OF_SESSIONS = (
    "select pg_terminate_backend(pid) from pg_stat_activity"
    " where datname = current_database() and state = 'idle in transaction' and pid <> pg_backend_pid()"
)


def world_jobs(world: World, path: str) -> list[JSON]:
    found: list[JSON] = world.get(path, Role.OPERATOR).json()["data"]
    return found


def test_schedules_are_made_changed_paused_and_taken_away(service: World) -> None:
    new = act(service, "POST", "/v1/schedules", {"name": "nightly", "cron": "0 3 * * mon-fri"})
    assert (new.status_code, new.headers["location"]) == (201, "/v1/schedules/nightly")
    assert (
        act(service, "POST", "/api/admin/schedule", {"name": "nightly", "cron": "0 3 * * *"}).status_code
        == 409
    )
    for wrong in ("0 3 * *", "0 3 * * 8", "@daily", "R 3 * * *", "0 0 31 2 *"):
        answer = act(service, "POST", "/v1/schedules", {"name": "wrong", "cron": wrong})
        assert answer.status_code == 422, wrong
    paused = act(service, "PATCH", "/v1/schedules/nightly", {"paused": True, "train": {"fast": True}}).json()
    assert (paused["paused"], paused["arguments"]["fast"], paused["cron"]) == (True, True, "0 3 * * mon-fri")
    listed = service.get("/v1/schedules", Role.OPERATOR).json()["data"]
    assert listed == service.get("/api/admin/schedule", Role.OPERATOR).json()["data"] == [paused]
    assert service.get("/v1/schedules/nightly/runs", Role.OPERATOR).json()["data"] == []
    assert act(service, "DELETE", "/v1/schedules/nightly").status_code == 204
    for method, path in (("DELETE", ""), ("PATCH", ""), ("GET", ""), ("GET", "/runs")):
        body = {} if method == "PATCH" else None
        assert act(service, method, f"/v1/schedules/nightly{path}", body).status_code == 404, (method, path)
    assert trail(service, 3)[0] == ("schedule.remove", "nightly", "done")


def test_triggers_are_set_over_the_settings_and_let_go(service: World) -> None:
    def values(answer: httpx.Response) -> dict[str, Any]:
        return {one["name"]: one["value"] for one in answer.json()["data"]}

    before = values(service.get("/v1/triggers", Role.OPERATOR))
    changed = values(
        act(service, "PATCH", "/v1/triggers", {"live_days": 9, "drift": False, "cron": "0 5 * * *"})
    )
    assert changed == {**before, "live_days": 9, "drift": False, "cron": "0 5 * * *"}
    for wrong in ({"live_days": 4}, {"cron": "x"}, {"nobody": 1}, {"drift": "maybe"}):
        assert act(service, "PATCH", "/v1/triggers", wrong).status_code == 422, wrong
    none = dict.fromkeys(("live_days", "drift", "cron"))
    assert values(act(service, "PATCH", "/v1/triggers", none)) == before


def test_an_alert_is_taken_up_once(service: World) -> None:
    with transaction(service.settings) as cursor:
        rows.save(cursor, [alert("1", "outage", "a"), alert("3", "outage", "a", "cleared")], [], Rules())
    taken = act(
        service, "POST", "/v1/alerts/1/acknowledge", {"note": "a crew is on site"}, Role.OPERATOR
    ).json()
    assert taken["acknowledged_by"] == "test operator"
    again = act(service, "POST", "/v1/alerts/1/acknowledge", role=Role.ADMIN).json()
    assert again == taken, "who was first has it"
    assert act(service, "POST", "/v1/alerts/3/acknowledge").status_code == 409
    assert act(service, "POST", "/v1/alerts/nobody/acknowledge").status_code == 404
    assert [one[::2] for one in trail(service, 4)] == [
        ("alert.acknowledge", "done"), ("alert.acknowledge", "done"),
        ("alert.acknowledge", "refused"), ("alert.acknowledge", "refused"),
    ]  # fmt: skip


def test_an_allowed_origin_may_act_and_no_other(service: World) -> None:
    app = create_app(service.settings.model_copy(update={"api_origins": ("https://page.example",)}))
    client = TestClient(app)  # not started: a browser's question beforehand asks no server
    for method in ("GET", "POST", "PATCH", "DELETE"):
        asked = {"Access-Control-Request-Method": method, "Access-Control-Request-Headers": "Idempotency-Key"}
        mine = client.options("/v1/schedules", headers={"Origin": "https://page.example", **asked})
        assert mine.status_code == 200 and method in mine.headers["access-control-allow-methods"], method
        evil = client.options("/v1/schedules", headers={"Origin": "https://evil.example", **asked})
        assert evil.status_code == 400 and "access-control-allow-origin" not in evil.headers, method
    put = {"Origin": "https://page.example", "Access-Control-Request-Method": "PUT"}
    assert client.options("/v1/schedules", headers=put).status_code == 400
