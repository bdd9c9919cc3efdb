"""Weather of the past for a folder: complete, repeatable, resumed, and never taken for forecasts."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from infra.settings import Settings, isolated
from producers.folder import read_folder
from producers.weather.history import make_history
from producers.weather.http import Http, Patience
from schemas.errors import GridcastError, InputError, ServiceUnavailable, SettingsError
from tests.weather_faults import always, changed, status
from tests.weather_server import WeatherServer, weather_server

DAY_MS = 86_400_000
FROM_MS = 1_412_121_600_000  # 2014-10-01
NOW_S = 1_790_001_000.0
PATIENCE = Patience(connect_s=1.0, read_s=2.0, deadline_s=5.0, attempts=2)
PLANTS = """plant_id,kind,capacity_kw,latitude,longitude,resolution_s
ridge,wind,8200,48.45,5.59,600
roof,solar,6,39.74,-105.18,900
lost,wind,100,,,600
"""
TELEMETRY = "plant_id,event_time,power_kw\nridge,2014-10-01T00:00:00Z,5\nroof,2014-10-01T00:00:00Z,0\n"


class World:
    """A folder, a server and what it takes to bring them together."""

    def __init__(self, server: WeatherServer, path: Path) -> None:
        self.server = server
        self.folder = path / "folder"
        self.folder.mkdir()
        (self.folder / "plants.csv").write_text(PLANTS)
        (self.folder / "telemetry.csv").write_text(TELEMETRY)
        self.http = Http(PATIENCE, sleep=lambda _seconds: None, now_s=lambda: NOW_S)
        urls = {"open_meteo_archive_url": server.url, "openweather_history_url": server.url}
        self.settings: Settings = isolated(path / "home", **urls, openweather_key=SecretStr("hidden"))

    def make(self, days: int, source: str = "open_meteo", **more: Any) -> Any:
        settings = more.pop("settings", self.settings)
        to_ms = FROM_MS + days * DAY_MS
        return make_history(
            settings, self.folder, FROM_MS, to_ms, source, self.http, now_s=lambda: NOW_S, **more
        )

    def rows(self) -> list[dict[str, str]]:
        with gzip.open(self.folder / "weather.csv.gz", "rt") as lines:
            return list(csv.DictReader(lines))


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with weather_server(lambda: NOW_S) as server:
        made = World(server, tmp_path)
        yield made
        made.http.close()


@pytest.mark.parametrize("source", ["open_meteo", "openweather"])
def test_each_day_has_a_run_of_48_hours_that_says_that_it_is_of_an_archive(world: World, source: str) -> None:
    written = world.make(40, source)
    assert written.plants == {"ridge": 40, "roof": 40}
    assert written.nowhere == ["lost"]
    rows = world.rows()
    assert len(rows) == written.rows
    assert {row["source"] for row in rows} == {f"{source}:archive"}
    first = [row for row in rows if row["plant_id"] == "roof" and "10-01T" in row["published_at"]]
    assert [row["valid_at"] for row in (first[0], first[-1])] == [
        "2014-10-01T00:00:00Z",
        "2014-10-03T00:00:00Z",
    ]
    assert len(first) == 49


def test_the_folder_with_it_is_a_canonical_folder(world: World) -> None:
    world.make(3)
    folder = read_folder(world.folder, int(NOW_S * 1000))
    assert len(folder.runs) == 6
    columns = set(folder.runs[0].columns)
    assert {"wind_speed_100m_ms", "wind_speed_10m_ms", "shortwave_radiation_w_m2"} <= columns


def test_the_same_call_gives_the_same_bytes(world: World) -> None:
    world.make(3)
    path = world.folder / "weather.csv.gz"
    first = path.read_bytes()
    path.unlink()
    world.make(3)
    assert path.read_bytes() == first


def test_after_an_interruption_only_what_is_missing_is_asked_for(world: World) -> None:
    calls = iter(range(1000))
    world.server.faults = lambda _path: status(500) if next(calls) >= 2 else None
    with pytest.raises(ServiceUnavailable):
        world.make(150)
    assert not list(world.folder.glob("*weather*"))
    world.server.faults = lambda _path: None
    before = world.server.calls.total()
    world.make(150)
    assert world.server.calls.total() - before == 4  # of six months


def test_the_archive_is_asked_in_months_of_all_plants(world: World) -> None:
    world.make(40)
    asked = [(query["start_date"], query["end_date"]) for query in world.server.asked]
    assert asked == [("2014-10-01", "2014-10-31"), ("2014-11-01", "2014-11-11")]
    assert world.server.asked[0]["latitude"].count(",") == 1


def test_days_that_the_archive_does_not_know_yet_are_not_there(world: World) -> None:
    def unknown(part: Any) -> None:
        for name, values in part["hourly"].items():
            if name != "time":
                values[-84:] = [None] * 84

    world.server.faults = always(changed(unknown))
    written = world.make(5)
    assert written.plants == {"ridge": 4, "roof": 4}


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"to": -1}, "--from must lie before --to"),
        ({"to": 6000}, "--to lies in the future"),
        ({"file": "weather.parquet"}, "is there already"),
        ({"file": "weather.csv"}, "is there already"),
        ({"plants": "plant_id,kind\n"}, "capacity_kw"),
        ({"plants": PLANTS.replace("48.45,5.59", ",").replace("39.74,-105.18", ",")}, "latitude"),
        ({"plants": None}, "has no plants.csv"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_plain_line(world: World, change: dict[str, Any], line: str) -> None:
    if "file" in change:
        (world.folder / change["file"]).write_text("")
    if "plants" in change:
        (world.folder / "plants.csv").unlink()
        if change["plants"] is not None:
            (world.folder / "plants.csv").write_text(change["plants"])
    with pytest.raises(InputError, match=line) as raised:
        world.make(change.get("to", 3))
    assert "\n" not in str(raised.value)
    assert world.server.calls.total() == 0


def test_openweathers_history_needs_a_key(world: World) -> None:
    with pytest.raises(SettingsError, match="GRIDCAST_OPENWEATHER_KEY"):
        world.make(3, "openweather", settings=isolated(world.folder / "home"))


def test_an_archive_that_fails_leaves_no_file(world: World) -> None:
    world.server.faults = lambda _path: status(404)
    with pytest.raises(GridcastError):
        world.make(3)
    assert {path.name for path in world.folder.iterdir()} == {"plants.csv", "telemetry.csv"}
