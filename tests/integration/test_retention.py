"""What `gridcast retention` lets go of, and what it must not."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg2
import pytest
from click.testing import CliRunner

from consumers import retention
from consumers.retention import retain
from infra.postgres import migrate
from infra.settings import Settings, isolated_environment
from schemas.errors import SettingsError
from tests.integration.conftest import own_database
from tests.integration.sink_help import ask

NOW = datetime.now(UTC).replace(microsecond=0)
DAY = timedelta(days=1)
OLD = NOW - timedelta(days=900)
_MONTHS = (
    "select i.inhrelid::regclass::text from pg_inherits i"
    " join pg_class c on c.oid = i.inhrelid where c.relkind = 'r'"
)


@pytest.fixture(scope="module")
def database(servers: Settings) -> Iterator[Settings]:
    """A migrated database; no test here needs a topic."""
    with own_database(servers) as own:
        migrate(own)
        yield own


@pytest.fixture
def settings(database: Settings) -> Settings:
    """The same with empty tables and no month."""
    for (month,) in ask(database, _MONTHS):
        ask(database, f"drop table {month}")
    ask(database, "truncate alerts, alert_notices, alert_deliveries, rejects, api_audit")
    return database


def put_telemetry(settings: Settings, plant_id: str, *times: datetime) -> None:
    for at in times:
        name = f"telemetry_{at:%Y_%m}"
        if not ask(settings, "select 1 where to_regclass(%s) is not null", name):
            ask(settings, "select gridcast_make_month('telemetry', %s::date)", f"{at:%Y-%m-01}")
        ask(
            settings,
            "insert into telemetry (plant_id, event_time, known_at, power_kw, unit_ids, unit_power_kw,"
            " unit_wind_speed_ms, journal_partition, journal_offset)"
            " values (%s, %s, %s, 1, '{}', '{}', '{}', 0, 0)",
            plant_id, at, at,
        )  # fmt: skip


def put_event(settings: Settings, phase: str, started_at: datetime, sequence: int) -> None:
    if not ask(settings, "select 1 where to_regclass(%s) is not null", f"anomalies_{started_at:%Y_%m}"):
        ask(settings, "select gridcast_make_month('anomalies', %s::date)", f"{started_at:%Y-%m-01}")
    ask(
        settings,
        "insert into anomalies (plant_id, unit_id, detector, started_at, sequence, phase, event_time,"
        " known_at, severity, energy_kwh, evidence, message) values"
        " ('a', '', 'outage', %s, %s, %s, %s, %s, 'warning', 1, '{}', 'm')",
        started_at, sequence, phase, started_at, started_at,
    )  # fmt: skip


def put_alert(
    settings: Settings, alert_id: str, state: str, cleared_at: datetime | None, delivery: str
) -> None:
    ask(
        settings,
        "insert into alerts (alert_id, kind, plant_id, unit_id, subject, topic, partition, rule, state,"
        " severity, told_severity, energy_before_kwh, energy_kwh, started_at, event_started_at,"
        " event_sequence, event_time, event_open, message, evidence, cleared_at, notices) values"
        " (%s, 'outage', %s, '', '', 't', 0, 'r', %s, 'warning', 'warning', 0, 0, %s, %s, 0, %s, false,"
        " 'm', '{}', %s, 1)",
        alert_id, alert_id, state, OLD, OLD, OLD, cleared_at,
    )  # fmt: skip
    ask(
        settings,
        "insert into alert_notices (notice_id, alert_id, number, what, made_at, event)"
        " values (%s, %s, 1, 'raised', %s, '{}')",
        f"{alert_id}-1", alert_id, OLD,
    )  # fmt: skip
    ask(
        settings,
        "insert into alert_deliveries (notice_id, channel, target, alert_id, number, state)"
        " values (%s, 'topic', '', %s, 1, %s)",
        f"{alert_id}-1", alert_id, delivery,
    )  # fmt: skip


def months(settings: Settings, table: str) -> set[str]:
    rows = ask(
        settings,
        "select c.relname from pg_inherits i join pg_class c on c.oid = i.inhrelid"
        " where i.inhparent = %s::regclass",
        table,
    )
    return {name for (name,) in rows}


def with_days(settings: Settings, **days: int) -> Settings:
    return settings.model_copy(update=days)


def test_a_month_goes_only_when_each_of_its_plants_has_newer_rows_by_so_many_days(settings: Settings) -> None:
    put_telemetry(settings, "lives", OLD, NOW - timedelta(days=600), NOW)
    put_telemetry(settings, "fell-silent", NOW - timedelta(days=600))
    keeps = with_days(settings, keep_telemetry_days=400)

    shown, _ = retain(keeps, dry=True)
    assert {(one.name, one.what) for one in shown} == {
        (f"telemetry_{OLD:%Y_%m}", "to be dropped"),
        (f"telemetry_{NOW - timedelta(days=600):%Y_%m}", "stays for fell-silent"),
    }
    assert f"telemetry_{OLD:%Y_%m}" in months(settings, "telemetry")  # it was only shown

    retain(keeps, dry=False)
    left = {f"telemetry_{at:%Y_%m}" for at in (NOW, NOW - timedelta(days=600))}
    assert months(settings, "telemetry") == left
    assert ask(settings, "select count(*) from telemetry where plant_id = 'fell-silent'") == [(1,)]
    # A late record of a month that went makes it anew.
    put_telemetry(settings, "lives", OLD)
    assert ask(settings, "select count(*) from telemetry where plant_id = 'lives'") == [(3,)]


def test_nothing_is_dropped_that_is_kept_for_ever(settings: Settings) -> None:
    put_telemetry(settings, "lives", OLD, NOW)
    assert [one for one in retain(settings, dry=False)[0] if one.table == "telemetry"] == []
    assert ask(settings, "select count(*) from telemetry") == [(2,)]


def test_a_month_with_an_open_event_stays(settings: Settings) -> None:
    put_event(settings, "open", OLD, 0)
    put_event(settings, "open", NOW, 0)
    keeps = with_days(settings, keep_scores_days=62)
    assert [one.what for one in retain(keeps, dry=False)[0]] == ["stays for a"]
    put_event(settings, "close", OLD, 1)
    assert [one.what for one in retain(keeps, dry=False)[0]] == ["dropped"]
    assert ask(settings, "select count(*) from anomalies") == [(1,)]


def test_alerts_that_are_over_go_with_their_notices_and_others_stay(settings: Settings) -> None:
    put_alert(settings, "over", "cleared", OLD, "delivered")
    put_alert(settings, "raised", "raised", None, "delivered")
    put_alert(settings, "waits", "cleared", OLD, "waiting")
    put_alert(settings, "young", "cleared", NOW, "delivered")
    ask(
        settings,
        "insert into rejects (topic, partition, \"offset\", payload, reason, detail, written_at) values"
        " ('t', 0, 1, '', 'range', '', %s), ('t', 0, 2, '', 'range', '', %s)",
        OLD, NOW,
    )  # fmt: skip
    counted = {one.table: one.rows for one in retain(settings, dry=True)[1]}
    gone = {one.table: one.rows for one in retain(settings, dry=False)[1]}
    assert counted["rejects"] == gone["rejects"] == 1
    assert gone == {"rejects": 1, "alert_deliveries": 1, "alert_notices": 1, "alerts": 1}
    assert {one for (one,) in ask(settings, "select alert_id from alerts")} == {"raised", "waits", "young"}
    assert ask(settings, "select count(*) from alert_notices") == [(3,)]


def test_a_month_that_somebody_reads_is_left_for_the_next_time(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "_LOCK_S", 0.1)
    put_telemetry(settings, "lives", OLD, NOW)
    with (
        closing(psycopg2.connect(settings.postgres.get_secret_value())) as other,
        other,
        other.cursor() as cursor,
    ):
        cursor.execute("select count(*) from telemetry")
        (month,) = (one for one in retain(with_days(settings, keep_telemetry_days=400), False)[0])
        assert month.trouble and not month.dropped
    assert ask(settings, "select count(*) from telemetry") == [(2,)]


def test_a_writer_meanwhile_loses_nothing(settings: Settings) -> None:
    put_telemetry(settings, "lives", OLD, NOW)
    wrong: list[Exception] = []

    def write() -> None:
        try:
            for minute in range(20):
                put_telemetry(settings, "lives", NOW - timedelta(minutes=minute + 1))
        except Exception as error:  # noqa: BLE001 - told to the test
            wrong.append(error)

    writer = threading.Thread(target=write)
    writer.start()
    retain(with_days(settings, keep_telemetry_days=400), dry=False)
    writer.join()
    assert wrong == [] and ask(settings, "select count(*) from telemetry") == [(21,)]


def test_while_it_looks_again_others_read_and_write(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_telemetry(settings, "lives", OLD, NOW)
    looked: list[Any] = []
    look = retention._needed_by

    def slowly(*given: Any) -> tuple[str, ...]:
        """Somebody reads, writes a month that stays, and in vain one that may go."""
        looked.append(None)
        if len(looked) > 1:  # first without any lock, then within the transaction
            waiting = "set lock_timeout = '1s'; "
            looked[-1] = ask(settings, waiting + "select count(*) from telemetry")
            ask(settings, waiting + "update telemetry set power_kw = 2 where event_time > %s", NOW - DAY)
            with pytest.raises(psycopg2.errors.LockNotAvailable):
                ask(
                    settings, "set lock_timeout = '20ms'; " + f"update telemetry_{OLD:%Y_%m} set power_kw = 3"
                )
        return look(*given)

    monkeypatch.setattr(retention, "_needed_by", slowly)
    months, _ = retain(with_days(settings, keep_telemetry_days=400), dry=False)
    assert [month.what for month in months] == ["dropped"] and looked[-1] == [(2,)]
    assert ask(settings, "select power_kw from telemetry") == [(2.0,)]


def test_the_command_says_what_would_go(settings: Settings) -> None:
    from cli.retention import command

    put_telemetry(settings, "lives", OLD, NOW)
    dsn = settings.postgres.get_secret_value()
    told = isolated_environment(settings.home, postgres=dsn, keep_telemetry_days=400)
    done = CliRunner().invoke(command, ["--dry-run", "--json"], env=told, standalone_mode=False)
    assert done.exception is None, done.output
    document: dict[str, Any] = json.loads(done.output)
    assert document["dry_run"] and [one["what"] for one in document["months"]] == ["to be dropped"]


@pytest.mark.parametrize(
    "name", ["keep_telemetry_days", "keep_forecasts_days", "keep_scores_days", "keep_alerts_days"]
)
def test_less_than_a_training_or_a_revision_needs_cannot_be_set(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    from infra.settings import load

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(f"GRIDCAST_{name.upper()}", "30")
    with pytest.raises(SettingsError, match="at least"):
        load()
