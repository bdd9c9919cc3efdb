"""`gridcast check` of a stranger's folder ends with the command that would read it, and why."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from producers.convert.guesses import Guesses
from producers.suggest.suggest import Suggestion, suggest
from tests.unit.producers.findings.plants import park, sample, wind
from tests.unit.producers.folders import PLANTS, write
from tests.unit.producers.strangers import canonical, foreign, german_csv

NOW_MS = 2_000_000_000_000


def of(folder: Path) -> Suggestion:
    return suggest(folder, Guesses(), NOW_MS)


def test_all_that_the_data_show_is_suggested(tmp_path: Path) -> None:
    known, folder = canonical(tmp_path / "known"), tmp_path / "mine"
    folder.mkdir()
    shutil.copy(known / "plants.csv", folder)
    german_csv(foreign(known).assign(Bemerkung="ok"), folder / "telemetry.csv")
    found = of(folder)
    assert found.left is None
    assert found.options == [
        *("--separator", ";", "--decimal", ","),
        *("--map", "Zeitpunkt=event_time", "--map", "Leistung=power_kw", "--drop", "Bemerkung"),
        *("--timezone", "Europe/Berlin", "--unit", "W"),
    ]
    assert "a doubled hour on 2014-10-26, as the clock of Europe/Berlin" in " ".join(found.reasons)


def test_of_a_solar_plant_the_light_tells_that_stamps_mark_starts(tmp_path: Path) -> None:
    roof = sample("serf_east")
    moments = pd.to_datetime(roof.stamp_ms, unit="ms", utc=True) - pd.Timedelta("15min")
    frame = pd.DataFrame({"measured_on": moments.astype(str), "ac_power": roof.power_kw})
    plants = "plant_id,kind,capacity_kw,latitude,longitude\nroof,solar,6,39.742,-105.1727\n"
    folder = write(tmp_path, plants=plants, telemetry=frame.to_csv(index=False))
    assert of(folder).options == [
        *("--map", "measured_on=event_time", "--map", "ac_power=power_kw", "--stamp", "start"),
    ]


@pytest.mark.parametrize("zone", ["UTC", "Asia/Kolkata"])
def test_of_a_solar_plant_the_light_tells_whether_its_clock_is_utc(zone: str, tmp_path: Path) -> None:
    field = park(28.0, 77.0, step_min=15, days=100)
    local = pd.to_datetime(field.stamp_ms, unit="ms", utc=True).tz_convert(zone).tz_localize(None)
    frame = pd.DataFrame({"plant_id": "s", "event_time": local, "power_kw": field.power_kw})
    plants = "plant_id,kind,capacity_kw,latitude,longitude\ns,solar,1,28,77\n"
    found = of(write(tmp_path, plants=plants, telemetry=frame.to_csv(index=False)))
    if zone == "UTC":
        assert (found.options, found.left) == (["--timezone", "UTC"], None)
    else:
        assert (found.options, "330 minutes after the sun in UTC" in str(found.left)) == ([], True)


@pytest.mark.parametrize(
    "form",
    [
        "%d.%m.%Y %H:%M",
        "%m/%d/%Y %H:%M:%S",
        "%d/%m/%Y %H:%M",
        "%m/%d/%Y %I:%M %p",
        "%Y/%m/%d %H:%M",
        "%Y%m%d%H%M",
    ],
)
@pytest.mark.parametrize("days", [9, 60])
def test_the_way_in_which_stamps_are_written_is_told(form: str, days: int, tmp_path: Path) -> None:
    plant = wind(days=days)
    local = pd.to_datetime(plant.stamp_ms, unit="ms")
    frame = pd.DataFrame(
        {"plant_id": "w1", "event_time": local.strftime(form), "power_kw": plant.power_kw * 1000}
    )
    folder = write(tmp_path, plants=PLANTS, telemetry=frame.to_csv(index=False))
    found = of(folder)
    assert found.options[:2] == ["--time-format", form]
    assert found.left is not None
    assert "add --timezone ZONE" in found.left


def test_a_file_of_another_name_and_a_plant_that_nobody_described_are_said(tmp_path: Path) -> None:
    (tmp_path / "Export 2024.csv").write_text("Zeit,P\n2024-01-01T00:10:00Z,5\n2024-01-01T00:20:00Z,6\n")
    found = of(tmp_path)
    assert found.options[:2] == ["--file", "telemetry=Export 2024.csv"]
    assert found.options[2:] == ["--map", "Zeit=event_time", "--map", "P=power_kw"]
    assert "--plant NAME --kind wind|solar --capacity KW" in str(found.left)


def test_power_of_the_panels_is_not_taken_for_the_plants(tmp_path: Path) -> None:
    stamps = pd.date_range("2024-01-01", periods=50, freq="h", tz="UTC").astype(str)
    frame = pd.DataFrame(
        {"t": stamps, "DC_POWER": np.arange(50), "AC_POWER": np.arange(50), "DAILY_YIELD": 1}
    )
    found = of(write(tmp_path, telemetry=frame.to_csv(index=False)))
    assert "AC_POWER=power_kw" in found.options


def test_nothing_is_suggested_for_what_is_only_damaged(tmp_path: Path) -> None:
    folder = write(tmp_path)
    (folder / "telemetry.csv").write_bytes(b"\xff\xfe")
    assert of(folder).options == []
