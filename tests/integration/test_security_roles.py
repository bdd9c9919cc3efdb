"""A user in each role does its work with the real commands and is refused the rest."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import numpy as np
import psycopg2
import pytest
from psycopg2.errors import InsufficientPrivilege
from pydantic import SecretStr

from cli.main import run
from cli.training import known_histories
from consumers import trainings, trigger_values
from consumers.alerts.actions import acknowledge_alert, list_alerts, send_again
from consumers.api.audit import Actor, record
from consumers.jobs import lost, old, queue, schedules, store
from consumers.jobs.queue import Asker
from consumers.jobs.runner import Runner
from consumers.jobs.work import Work
from consumers.trainings import Outcome, Training
from infra.postgres import migrate, transaction
from infra.settings import Settings
from schemas.errors import GridcastError
from tests import output_records as made
from tests.integration.alert_help import Channels, HttpReceiver, alerter, delivered, event, events
from tests.integration.sink_help import ask, send, send_bytes, sink, sink_all, wait_until, written
from tests.integration.test_train_cli import history

As = Callable[..., Settings]
TABLES = ("plants", "telemetry", "weather_runs", "releases", "forecasts", "scores", "anomalies")
TABLES += ("drift_events", "rejects", "trainings", "sink_offsets")
VIEWS = ("actuals", "unit_telemetry", "weather_steps", "forecast_steps", "score_leads", "open_anomalies")


@pytest.fixture
def user(settings: Settings) -> Iterator[As]:
    """Settings of a new user: in a role of gridcast, or with a clause of `create role` instead."""
    names: list[str] = []

    def as_user(role: str = "", clause: str = "") -> Settings:
        name, password = f"test_{secrets.token_hex(4)}", secrets.token_hex(8)
        names.append(name)
        ask(settings, f"create role {name} login password '{password}' {clause}")
        if role:
            ask(settings, f"grant {role} to {name}")
        return settings.model_copy(update={"postgres": dsn(settings, user=name, password=password)})

    yield as_user
    for name in names:
        ask(settings, f"drop owned by {name} cascade")
        for (database,) in ask(settings, "select datname from pg_database where datdba = %s::regrole", name):
            ask_alone(settings, f"drop database {database} with (force)")
        ask(settings, f"drop role {name}")


def dsn(settings: Settings, user: str = "", password: str = "", database: str = "") -> SecretStr:
    parts = urlsplit(settings.postgres.get_secret_value())
    place = f"{user}:{password}@{parts.hostname}:{parts.port}" if user else parts.netloc
    return SecretStr(
        urlunsplit(parts._replace(netloc=place, path=f"/{database}" if database else parts.path))
    )


def refused(who: Settings, *statements: str) -> None:
    for statement in statements:
        with pytest.raises(InsufficientPrivilege):
            ask(who, statement)


def test_a_sink_writes_its_rows_corrections_and_new_months_and_nothing_else(
    settings: Settings, user: As
) -> None:
    as_sink = user("gridcast_sink")
    later = made.T0_MS + 70 * 86_400_000
    send(
        settings,
        ("PlantVersion", [made.plant()]),
        (
            "Telemetry",
            [
                made.scan(step=1),
                made.scan(step=1, power_kw=55.0),
                made.scan(event_time=later, known_at=later),
            ],
        ),
        ("WeatherRun", [made.run()]),
        ("Release", [made.release()]),
        ("Forecast", [made.forecast(step=1), made.forecast(step=1), made.forecast(issued_at=later)]),
        ("Score", [made.score(step=1)]),
        ("AnomalyEvent", [made.anomaly()]),
        ("DriftEvent", [made.drift()]),
    )
    send_bytes(settings, "power.forecasts", b"no record")
    with sink(as_sink) as running:
        wait_until(lambda: running.error is not None or written(settings), "everything written")
    counts = {table: ask(settings, f"select count(*) from {table}")[0][0] for table in TABLES}
    assert counts.pop("sink_offsets") > 0 and counts.pop("trainings") == 0
    assert counts == dict.fromkeys(counts, 1) | {"telemetry": 2, "forecasts": 2}
    assert ask(settings, "select corrected_kw from telemetry where corrected_at is not null") == [(55.0,)]
    owners = ask(
        settings, "select distinct tableowner = current_user from pg_tables where tablename like '%%_2014_%%'"
    )
    assert owners == [(True,)], "the months are not the sink's own"
    refused(
        as_sink,
        "update telemetry set power_kw = 0",
        "update forecasts set stale = true",
        "delete from rejects",
        "truncate sink_offsets",
        "select * from trainings",
        "insert into trainings (because) values ('')",
        "create table mine (a int)",
        "drop table forecasts_2014_05",
        "select gridcast_make_month('plants', '2014-05-01')",
        "select gridcast_grant()",
    )


def test_a_sink_cannot_make_the_owner_of_the_tables_run_what_it_likes(settings: Settings, user: As) -> None:
    """The months are made with the owner's rights: only of its tables, whatever a session puts in the way."""
    as_sink = user("gridcast_sink")
    with closing(psycopg2.connect(as_sink.postgres.get_secret_value())) as server, server.cursor() as cursor:
        cursor.execute("create temporary table telemetry (like plants)")
        cursor.execute("set search_path = pg_temp, public")
        cursor.execute("select gridcast_make_month('telemetry', '2019-03-17')")
        server.commit()
    (bound,) = ask(
        settings,
        "select pg_get_expr(relpartbound, oid), (select relname from pg_class p where p.oid = inhparent)"
        " from pg_class join pg_inherits on inhrelid = oid where relname = 'telemetry_2019_03'",
    )
    assert bound[1] == "telemetry" and "2019-03-01" in bound[0] and "2019-04-01" in bound[0]


def test_a_training_reads_what_it_learns_from_and_writes_down_what_came_of_it(
    settings: Settings, user: As, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    send(settings, *history("a", made.T0_MS, 1), ("DriftEvent", [made.drift()]))
    send_bytes(settings, "power.forecasts", b"no record")
    sink_all(settings)
    as_training = user("gridcast_training")
    (known,) = known_histories(as_training, made.T0_MS + 100 * 86_400_000)
    assert np.isfinite(known.power_kw).sum() > 1000
    monkeypatch.setenv("GRIDCAST_SCHEDULE_NEW_PLANT_DAYS", "0")
    monkeypatch.setenv("GRIDCAST_SCHEDULE_CRON", "")
    command(as_training, monkeypatch, "schedule", "--once", "--json")
    with trainings.one_at_a_time(as_training):
        training = Training(1, 2, Outcome.FAILED, "a trial", ("k",), "none", None, None)
        trainings.write(as_training, training, {"a": 1})
    command(as_training, monkeypatch, "schedule", "--runs")
    assert [one.because for one in trainings.newest(as_training)][-1:] == ["a trial"]
    refused(
        as_training,
        "delete from trainings",
        "update trainings set outcome = 'promoted'",
        "insert into telemetry select * from telemetry",
        "select * from sink_offsets",
        "select gridcast_make_month('telemetry', '2014-09-01')",
    )


def test_a_reader_selects_from_everything_and_changes_nothing(
    settings: Settings, user: As, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    send(settings, ("PlantVersion", [made.plant()]), ("Telemetry", [made.scan(step=1)]))
    sink_all(settings)
    as_reader = user("gridcast_reader")
    for name in (*TABLES, *VIEWS, "telemetry_2014_05"):
        ask(as_reader, f"select * from {name} limit 1")
    command(as_reader, monkeypatch, "status", "--json")
    command(as_reader, monkeypatch, "models", "list", "--json")
    assert capsys.readouterr().out
    refused(
        as_reader,
        *(f"insert into {name} select * from {name}" for name in TABLES if name != "trainings"),
        *(f"delete from {name}" for name in TABLES),
        "select gridcast_make_month('telemetry', '2014-09-01')",
    )
    with pytest.raises(GridcastError, match="PostgreSQL refuses: permission denied"):
        trainings.write(as_reader, Training(1, 2, Outcome.FAILED, "a trial", ("k",), "none"), {})
    with pytest.raises(GridcastError, match="permission denied"), sink(as_reader) as running:
        wait_until(lambda: running.error is not None, "the sink was refused", 20)


def test_an_api_sees_forecasts_actuals_and_events_and_neither_bytes_nor_weather_and_a_worker_nothing(
    settings: Settings, user: As
) -> None:
    as_api = user("gridcast_api")
    seen = ("plants", "forecasts", "forecast_steps", "actuals", "score_leads", "anomalies", "open_anomalies")
    for name in (*seen, "unit_telemetry", "alerts", "drift_events", "releases"):
        ask(as_api, f"select * from {name} limit 1")
    hidden = ("rejects", "telemetry", "weather_runs", "weather_steps", "trainings")
    refused(as_api, *(f"select * from {name}" for name in (*hidden, "sink_offsets")))
    refused(as_api, "delete from forecasts", "update plants set capacity_kw = 1")
    ask(as_api, "select unit_ids, power_kw from telemetry limit 1")
    ask(as_api, "update api_keys set last_used_at = now()")
    refused(
        as_api,
        "insert into api_keys (key_id, name, role, secret_sha256) values ('a', 'a', 'admin', '')",
        "update api_keys set role = 'admin'",
        "delete from api_audit",
        "update api_audit set who = ''",
    )
    refused(user("gridcast_reader"), "select secret_sha256 from api_keys")
    refused(user("gridcast_worker"), *(f"select * from {name}" for name in (*TABLES, *VIEWS)))


def test_migrations_go_through_without_the_right_to_make_roles_and_grants_follow_later(
    settings: Settings, user: As
) -> None:
    owner = user(clause="nocreaterole createdb")
    database = f"own_{secrets.token_hex(4)}"
    ask_alone(owner, f"create database {database}")
    there = owner.model_copy(
        update={"postgres": SecretStr(owner.postgres.get_secret_value().rpartition("/")[0] + f"/{database}")}
    )
    away = ("gridcast_api", "gridcast_worker")
    try:
        for name in away:
            ask(settings, f"alter role {name} rename to hidden_{name}")
        assert "0007.roles" in migrate(there)
        assert ask(settings, "select count(*) from pg_roles where rolname = 'gridcast_api'") == [(0,)]
    finally:
        for name in away:
            ask(settings, f"alter role hidden_{name} rename to {name}")
    as_api = user("gridcast_api")
    parts = urlsplit(as_api.postgres.get_secret_value())
    api_there = as_api.model_copy(
        update={"postgres": SecretStr(urlunsplit(parts._replace(path=f"/{database}")))}
    )
    refused(api_there, "select * from forecasts")
    (granted,) = ask(there, "select gridcast_grant()")
    assert "gridcast_api" in granted[0]
    assert ask(api_there, "select count(*) from forecasts") == [(0,)]


def test_an_alerter_does_its_work_and_an_api_takes_alerts_up_and_both_no_more(
    settings: Settings, user: As, tmp_path: Path
) -> None:
    as_alerter, as_api = user("gridcast_alerts"), user("gridcast_api")
    with HttpReceiver((404,)) as hook:
        rules = Channels(tmp_path).topic().webhook("hook", hook.url).rules()
        with alerter(as_alerter, rules):
            events(settings, event("wind-1"))
            wait_until(lambda: hook.requests != [] and delivered(settings), "it is told")
    (alert,) = list_alerts(as_api)
    acknowledge_alert(as_api, rules, alert.alert_id, "mo")
    assert send_again(as_api) == 1
    refused(
        as_alerter, "select * from forecasts", "delete from alerts", "update alert_notices set event = ''"
    )
    refused(as_api, "delete from alerts", "select * from alert_offsets")


def test_an_api_asks_for_jobs_and_what_trains_runs_them_and_both_no_more(
    settings: Settings, user: As
) -> None:
    as_api, as_training, me = user("gridcast_api"), user("gridcast_training"), Asker("me")
    with transaction(as_api) as cursor:
        job_id, gone = (queue.enqueue(cursor, "train", {}, me, idempotency_key=key) for key in "ab")
        assert queue.cancel(cursor, gone)
        store.attach(cursor, job_id, "in", "text/csv", b"1")
        schedules.make(cursor, "nightly", "0 3 * * *", "train", {}, "me")
        trigger_values.put(cursor, settings, "live_days", 9, "me")
        record(cursor, Actor("me"), "job.ask", str(job_id), "done")
    ask(settings, "update schedules set next_at = now()")
    with transaction(as_training) as cursor:
        ((_, fired),) = schedules.fire(cursor, datetime.now(UTC))
        assert trigger_values.in_force(cursor, settings).schedule_live_days == 9

    def body(work: Work) -> dict[str, str]:
        work.say("here")
        work.progress(1.0)
        work.attach("out", "text/csv", b"2")
        return {}

    runner = Runner(as_training, {"train": body})
    runner.start()
    try:
        over = f"select bool_and(state = 'done') from job_states where job_id in ({job_id}, {fired})"
        wait_until(lambda: ask(as_api, over) == [(True,)], "both are done", 30)
    finally:
        runner.close()
    assert lost.recover(as_training, ["train"]) == []
    ask(settings, "update jobs set ended_at = now() - interval '1 year'")
    with transaction(as_training) as cursor:
        assert old.let_go(cursor, 90) == 3
    refused(
        as_api,
        "delete from jobs",
        "delete from procrastinate_jobs",
        "insert into schedule_runs (name, due_at) values ('a', now())",
        "update job_lines set text = ''",
        "insert into procrastinate_workers default values",
    )
    refused(
        as_training, "update api_audit set who = ''", "delete from schedule_runs", "delete from job_lines"
    )
    refused(user("gridcast_reader"), "insert into jobs select * from jobs", "delete from schedules")


def test_roles_can_be_rolled_back_and_made_again(settings: Settings) -> None:
    from yoyo import get_backend, read_migrations

    from infra.postgres import MIGRATIONS

    backend = get_backend(settings.postgres.get_secret_value())
    newest = [one for one in read_migrations(str(MIGRATIONS)) if one.id == "0007.roles"]
    later = [one for one in read_migrations(str(MIGRATIONS)) if one.id > "0007.roles"]
    for one in [*reversed(later), *newest]:
        backend.rollback_migrations([one])
    backend.connection.close()
    assert ask(settings, "select to_regproc('gridcast_grant')") == [(None,)]
    assert "0007.roles" in migrate(settings)


def ask_alone(who: Settings, statement: str) -> None:
    """A statement that no transaction may hold, on the server's own database."""
    address = who.postgres.get_secret_value().rpartition("/")[0] + "/postgres"
    with closing(psycopg2.connect(address)) as server:
        server.autocommit = True
        with server.cursor() as cursor:
            cursor.execute(statement)


def command(who: Settings, patch: pytest.MonkeyPatch, *arguments: str) -> None:
    patch.setenv("GRIDCAST_KAFKA", who.kafka)
    patch.setenv("GRIDCAST_POSTGRES", who.postgres.get_secret_value())
    patch.setenv("GRIDCAST_HOME", str(who.home))
    assert run([*arguments]) == 0
