"""`gridcast forecast`: the newest forecast for people, for spreadsheets and for machines."""

import csv
import io
import json

import pytest

from cli.main import run
from infra import topics
from infra.kafka import Outgoing, produce_all, producer
from infra.settings import Settings
from tests import output_records as made
from tests.integration.sink_help import CODEC


@pytest.fixture
def published(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Two forecasts of plant a and its place in the registry."""
    monkeypatch.setenv("GRIDCAST_KAFKA", settings.kafka)
    monkeypatch.setenv("GRIDCAST_HOME", str(settings.home))
    known = made.T0_MS + made.QUARTER_MS
    newest = made.forecast(
        step=1,
        steps=2,
        telemetry_at=known - 600_000,
        run_source="gfs",
        run_published_at=known - 6 * 3_600_000,
    )
    forecasts = [made.forecast(), newest | {"rung": [0, 3], "available_kw": [100.0, 120.0]}]
    plant = made.plant(timezone="Europe/Paris")
    payloads = [
        *((topics.FORECASTS_LATEST, b"a", one) for one in CODEC.encode("Forecast", forecasts)),
        (topics.PLANTS, b"a|2000", *CODEC.encode("PlantVersion", [plant])),
    ]
    produce_all(producer(settings), [Outgoing(*one) for one in payloads])
    return settings


def say(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert run(["forecast", *arguments]) == 0
    return capsys.readouterr().out


def test_people_see_local_and_utc_time_the_band_the_rung_and_the_age_of_the_inputs(
    published: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    text = say(capsys, "a")
    assert "telemetry: 10 min old at the issue; weather: 6 h old at the issue" in text
    assert "by cold-start 0" in text
    rows = [line.split() for line in text.splitlines()[4:]]
    assert [row[-2:] for row in rows] == [["110", "both"], ["110", "climatology"]]
    assert rows[0][2] == "CEST" and rows[0][-4:-1] == ["90", "100", "110"]


def test_csv_has_every_published_level_of_every_step(
    published: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = list(csv.DictReader(io.StringIO(say(capsys, "a", "--csv"))))
    assert [row["rung"] for row in rows] == ["both", "climatology"]
    assert [[float(row[level]) for level in ("0.1", "0.5", "0.9")] for row in rows] == [
        [90.0, 100.0, 110.0]
    ] * 2
    assert [row["available_kw"] for row in rows] == ["100.0", "120.0"]


def test_machines_get_json(published: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    found = json.loads(say(capsys, "a", "--json"))
    assert (found["telemetry_age_s"], found["weather_age_s"], found["weather_source"]) == (
        600.0,
        21600.0,
        "gfs",
    )
    assert found["steps"][0]["power_kw"] == {"0.1": 90.0, "0.5": 100.0, "0.9": 110.0}


def test_an_unknown_plant_and_an_unknown_time_zone_are_one_plain_line(
    published: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["forecast", "b"]) == 1
    assert "no forecast of b; plants with one: a" in capsys.readouterr().err
    assert run(["forecast", "a", "--timezone", "Mars/Base"]) == 1
    assert "no time zone" in capsys.readouterr().err
