"""`gridcast weather` as it is typed, as far as it needs no Kafka."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cli.main import run
from tests.weather_server import WeatherServer, weather_server


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[WeatherServer]:
    with weather_server() as running:
        monkeypatch.setenv("GRIDCAST_HOME", str(tmp_path / "home"))
        monkeypatch.setenv("GRIDCAST_OPEN_METEO_ARCHIVE_URL", running.url)
        yield running


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "folder"
    made.mkdir()
    (made / "plants.csv").write_text(
        "plant_id,kind,capacity_kw,latitude,longitude\nridge,wind,8200,48.45,5.59\nlost,wind,5,,\n"
    )
    return made


def history(folder: Path, *more: str) -> int:
    return run(["weather", "history", str(folder), "--from", "2024-01-01", "--to", "2024-01-04", *more])


def test_history_says_what_it_wrote_and_that_it_is_hindsight(
    server: WeatherServer, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert history(folder) == 0
    said = capsys.readouterr()
    assert said.out == f"{folder / 'weather.csv.gz'}: 3 runs, 147 rows\n"
    assert "reanalysis, not forecasts" in said.err
    assert "lost has no position" in said.err


def test_history_tells_machines_the_same(
    server: WeatherServer, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert history(folder, "--json") == 0
    told: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert (told["source"], told["hindsight"]) == ("open_meteo:archive", True)
    assert told["plants"] == {"ridge": 3}
    assert told["without_position"] == ["lost"]


def test_history_of_a_range_that_cannot_be_is_one_plain_line(
    server: WeatherServer, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert history(folder, "--to", "2023-01-01") == 1
    assert capsys.readouterr().err == "error: --from must lie before --to\n"
    assert history(folder, "--source", "openweather") == 1
    assert "GRIDCAST_OPENWEATHER_KEY" in capsys.readouterr().err
    assert history(folder, "--source", "the moon") == 2


@pytest.mark.parametrize("arguments", [["weather", "--help"], ["weather", "history", "--help"]])
def test_the_help_has_an_example(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(arguments) == 0
    assert "Example:  gridcast weather" in capsys.readouterr().out
