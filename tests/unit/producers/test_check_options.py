"""The options of `gridcast check`: nonsense is wrong usage, what the files do not bear is refused."""

from __future__ import annotations

import json
from datetime import time
from pathlib import Path

import pandas as pd
import pytest

from cli.main import run
from tests.unit.producers.folders import TELEMETRY, write

PLANT = ["--plant", "w1", "--kind", "wind", "--capacity", "1000"]
HEADER = "event_time,power_kw"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--map", "power"], "is no pair: write OLD=NEW"),
        (["--timezone", "Mars/X"], "is no time zone"),
        (["--timezone", "Europe"], "is no time zone"),
        (["--ignore-offset"], "say it with --timezone"),
        (["--separator", ";;"], "is not one sign"),
        (["--file", "power=a.csv"], "give one of plants, telemetry, units, weather"),
        (["--capacity", "5"], "the plant has no name"),
        (["--plant", "w1", "--kind", "wind"], "needs both --kind and --capacity"),
        (["--unit", "GW"], "'GW' is not one of"),
        (["--stamp", "middle"], "'middle' is not one of"),
    ],
)
def test_wrong_usage_is_exit_code_two(
    options: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["check", str(write(tmp_path)), *options]) == 2
    assert said in capsys.readouterr().err


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert run(["check", *arguments]) == 1
    (line,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")]
    return line


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--timezone", "UTC"], "telemetry.csv row 2, column event_time: says its zone itself (+00:00)"),
        (["--file", "telemetry=none.csv"], "none.csv: is not in"),
        (["--map", "power_kw=a", "--map", "power_kw=b"], "column power_kw: is renamed twice"),
        (["--drop", "wind"], "column wind: is not there"),
        (PLANT, "plants.csv: describes the plants already"),
        (["--unit", "MW"], "row 4, column power_kw: is 120000 kW of the 1000 kW of w1"),
        (["--unit", "W"], "row 4, column power_kw: is 0.12 kW of the 1000 kW of w1, and no row is over 2%"),
        (["--decimal", ","], "has a point beside the decimal ','"),
        (["--time-format", "%d.%m.%Y"], "row 2, column event_time: '2024-01-01T00:10:00Z' is not written as"),
    ],
)
def test_what_the_files_do_not_bear_is_refused(
    options: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert said in refused(capsys, str(write(tmp_path)), *options)


def test_one_file_and_a_described_plant_are_a_folder(tmp_path: Path) -> None:
    path, out = tmp_path / "export.csv", tmp_path / "out"
    path.write_text(f"{HEADER}\n2024-01-01T01:10:00+01:00,100\n2024-01-01T01:20:00+01:00,110\n")
    place = ["--latitude", "50", "--longitude", "8", "--hub-height", "90"]
    assert run(["check", str(path), *PLANT, *place, "--write", str(out)]) == 0
    assert (out / "plants.csv").read_text().splitlines() == [
        "plant_id,kind,capacity_kw,latitude,longitude,hub_height_m,resolution_s",
        "w1,wind,1000,50,8,90,600",
    ]
    assert pd.read_csv(out / "telemetry.csv.gz", dtype=str).to_numpy().tolist() == [
        ["w1", "2024-01-01T00:10:00Z", "100.0"],
        ["w1", "2024-01-01T00:20:00Z", "110.0"],
    ]
    assert run(["check", str(out)]) == 0


def test_a_file_that_describes_no_plant_says_how(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "export.csv").write_text(f"{HEADER}\n2024-01-01T01:10:00Z,100\n")
    refused(capsys, str(tmp_path / "export.csv"))
    assert run(["check", str(tmp_path / "export.csv")]) == 1
    assert "--plant NAME --kind wind|solar --capacity KW" in capsys.readouterr().out


def test_rows_without_an_id_need_a_name_where_there_are_two_plants(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    two = "plant_id,kind,capacity_kw\na,wind,1000\nb,wind,1000\n"
    folder = write(tmp_path, plants=two, telemetry=TELEMETRY.replace("plant_id,", "").replace("w1,", ""))
    assert "column plant_id: is missing, and there are 2 plants" in refused(
        capsys, str(folder), "--unit", "kW"
    )
    assert run(["check", str(folder), "--plant", "b"]) == 0


def test_weather_in_utc_may_stand_beside_local_telemetry(tmp_path: Path) -> None:
    weather = (
        "plant_id,source,published_at,valid_at,wind_speed_100m_ms\n"
        "w1,nwp,2024-01-01T00:00:00Z,2024-01-01T02:00:00Z,7\n"
    )
    folder = write(tmp_path / "mine", telemetry=TELEMETRY.replace("Z", ""), weather=weather)
    out = tmp_path / "out"
    assert run(["check", str(folder), "--timezone", "Europe/Paris", "--write", str(out)]) == 0
    assert "2024-01-01T00:00:00Z" in pd.read_csv(out / "weather.csv.gz").to_csv()
    assert "2023-12-31T23:10:00Z" in pd.read_csv(out / "telemetry.csv.gz").to_csv()


def test_names_may_change_places_and_days_may_stand_beside_hours(tmp_path: Path) -> None:
    rows = "plant_id,power_kw,other,Day,Hour\nw1,5,100,01.06.2024,00:10\nw1,5,110,01.06.2024,00:20\n"
    folder, out = write(tmp_path / "mine", telemetry=rows), tmp_path / "out"
    swapped = ["--map", "other=power_kw", "--map", "power_kw=other", "--map", "Day+Hour=event_time"]
    zone = ["--timezone", "UTC", "--time-format", "%d.%m.%Y %H:%M"]
    assert run(["check", str(folder), *swapped, *zone, "--write", str(out)]) == 0
    assert pd.read_csv(out / "telemetry.csv.gz").to_numpy().tolist() == [
        ["w1", "2024-06-01T00:10:00Z", 100.0, 5.0],
        ["w1", "2024-06-01T00:20:00Z", 110.0, 5.0],
    ]


def test_a_day_and_an_hour_of_a_sheet_are_one_time(tmp_path: Path) -> None:
    book = pd.DataFrame(
        {
            "Day": pd.to_datetime(["2024-06-01", "2024-06-01"]),
            "Hour": [time(0, 10), time(0, 20)],
            "power_kw": [100, 110],
        }
    )
    book.to_excel(tmp_path / "export.xlsx", index=False)
    out = tmp_path / "out"
    options = [*PLANT, "--map", "Day+Hour=event_time", "--timezone", "Europe/Paris", "--write", str(out)]
    assert run(["check", str(tmp_path / "export.xlsx"), *options]) == 0
    assert pd.read_csv(out / "telemetry.csv.gz")["event_time"].tolist() == [
        "2024-05-31T22:10:00Z",
        "2024-05-31T22:20:00Z",
    ]


def test_offsets_that_are_wrong_can_be_left_aside(tmp_path: Path) -> None:
    folder = write(tmp_path / "mine", telemetry=TELEMETRY.replace("Z", "+02:00"))
    out = tmp_path / "out"
    assert run(["check", str(folder), "--timezone", "UTC", "--ignore-offset", "--write", str(out)]) == 0
    assert "2024-01-01T00:10:00Z" in pd.read_csv(out / "telemetry.csv.gz").to_csv()


def test_machines_get_the_findings_and_the_suggestion(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["check", str(write(tmp_path / "good")), "--json"]) == 0
    good = json.loads(capsys.readouterr().out)
    history = next(one for one in good["findings"] if one["kind"] == "history")
    assert (history["weight"], history["plant"], history["file"]) == ("much", "w1", "telemetry.csv")
    assert good["written"] is None
    bad = write(tmp_path / "bad", telemetry=TELEMETRY.replace("power_kw", "Leistung"))
    assert run(["check", str(bad), "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert told["findings"][0]["weight"] == "stops"
    assert told["suggested"]["options"] == ["--map", "Leistung=power_kw"]
