"""`gridcast losses`: from the events and forecasts in PostgreSQL to kWh and EUR by plant, unit and cause."""

import json
from pathlib import Path
from typing import Any

import pytest

from cli.main import run
from cli.output import iso
from infra.settings import Settings
from tests import output_records as made
from tests.integration.sink_help import send, sink_all

QUARTER_MS = made.QUARTER_MS
HOUR_MS = 4 * QUARTER_MS
DAY = 96


def forecasts() -> list[dict[str, Any]]:
    """Every three hours for a day ahead: 500 kW available, 0 to be metered while the plant is out."""
    return [
        made.forecast(step=step, steps=DAY, power_kw=0.0, available_kw=[500.0] * DAY)
        for step in range(-DAY, DAY, 12)
    ]


def records(detector: str, start: int, quarters: int, kw: float, **fields: Any) -> list[dict[str, Any]]:
    """An event from a quarter on, told when it opens, after an hour and when it closes."""
    started = made.T0_MS + start * QUARTER_MS
    told = [(0, "open", 0), (1, "update", 4), (2, "close", quarters)]
    return [
        made.anomaly(
            sequence=number,
            phase=phase,
            detector=detector,
            started_at=started,
            event_time=started + at * QUARTER_MS,
            expected_kw=kw,
            energy_kwh=kw * at / 4,
            **fields,
        )
        for number, phase, at in told
    ]


@pytest.fixture
def leaking(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A day: the plant out for 2 h, a unit for 4 h around that, the feed silent for 1 h."""
    monkeypatch.setenv("GRIDCAST_KAFKA", settings.kafka)
    monkeypatch.setenv("GRIDCAST_POSTGRES", settings.postgres.get_secret_value())
    monkeypatch.setenv("GRIDCAST_HOME", str(settings.home))
    scans = [
        made.scan(step=step + 1, power_kw=0.0 if 20 <= step < 28 else 480.0)
        for step in range(DAY)
        if not 60 <= step < 64
    ]
    silent = made.T0_MS + 62 * QUARTER_MS
    feed = {"detector": "feed_silent", "started_at": silent, "actual_kw": None, "energy_kwh": 0.0}
    events = [
        *records("outage", 20, 8, 500.0),
        *records("unit_outage", 16, 16, 100.0, unit_id="t1"),
        made.anomaly(**feed, event_time=silent),
        made.anomaly(**feed, sequence=1, phase="close", event_time=silent + 2 * QUARTER_MS),
    ]
    send(
        settings,
        ("PlantVersion", [made.plant(), made.plant("b")]),
        ("Telemetry", scans),
        ("Forecast", forecasts()),
        ("AnomalyEvent", events),
    )
    sink_all(settings)
    return settings


def call(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    capsys.readouterr()
    code = run(["losses", *arguments, "--json"])
    out, errors = capsys.readouterr()
    assert code == 0, errors
    return json.loads(out)


def test_energy_and_money_by_plant_unit_and_cause(
    leaking: Settings, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    said = call(capsys, "--price", "50")
    energy = {(one["plant_id"], one["unit_id"], one["cause"]): one["energy_kwh"] for one in said["losses"]}
    # The unit's 200 kWh of the plant's two hours are the unit's.
    assert energy == {("a", "", "outage"): 800.0, ("a", "t1", "outage"): 400.0, ("a", "", "feed"): 500.0}
    assert (said["lost_kwh"], said["unseen_kwh"], said["lost_eur"]) == (1200.0, 500.0, 60.0)

    middle = made.T0_MS + 24 * QUARTER_MS
    halves = [call(capsys, "--to", iso(middle)), call(capsys, "--from", iso(middle))]
    assert sum(one["lost_kwh"] for one in halves) == pytest.approx(1200.0)
    assert halves[0]["lost_eur"] is None
    assert call(capsys, "--plant", "b")["losses"] == []

    hours = [made.T0_MS + hour * HOUR_MS for hour in range(25)]
    dear = made.T0_MS + 5 * HOUR_MS  # the outage's first hour
    rows = [f"{iso(hour)},{1000 if hour == dear else 0}" for hour in hours]
    prices = tmp_path / "prices.csv"
    prices.write_text("time,price_eur_mwh\n" + "\n".join(rows))
    assert call(capsys, "--price", str(prices))["lost_eur"] == pytest.approx(500.0)


def test_the_table_is_for_people_and_what_is_wrong_is_one_line(
    leaking: Settings, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert run(["losses", "--price", "50"]) == 0
    out = capsys.readouterr().out
    assert "lost: 1,200 kWh, 60.00 EUR" in out and "not seen, for the feed was silent: 500 kWh" in out

    broken = tmp_path / "broken.csv"
    broken.write_text("time,price_eur_mwh\n2014-05-13T17:00:00Z,cheap\n")
    for arguments, code, word in (
        (["--plant", "nobody"], 1, "knows no plant nobody"),
        (["--price", str(broken)], 1, "row 2"),
        (["--price", "much"], 2, "neither a price"),
        (["--price", "nan"], 2, "no finite number"),
        (["--from", "2020-01-01", "--to", "2019-01-01"], 1, "there is nothing between"),
    ):
        assert run(["losses", *arguments]) == code
        error = capsys.readouterr().err
        assert word in error and "Traceback" not in error


def test_an_empty_database_is_said_to_be_empty(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GRIDCAST_POSTGRES", settings.postgres.get_secret_value())
    assert run(["losses"]) == 1
    assert "holds no telemetry" in capsys.readouterr().err
