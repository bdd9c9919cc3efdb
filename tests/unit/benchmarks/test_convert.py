"""GEFCom2014's solar track, from the shape in which its wheel has it."""

from __future__ import annotations

import time
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks.convert import gefcom2014_solar
from producers.folder import read_folder

FIELDS = {
    gefcom2014_solar.CLOUD_WATER: 0.01,
    gefcom2014_solar.CLOUD_ICE: 0.02,
    gefcom2014_solar.PRESSURE: 95_000.0,
    gefcom2014_solar.HUMIDITY: 50.0,
    gefcom2014_solar.CLOUD: 0.25,
    gefcom2014_solar.U: 0.0,
    gefcom2014_solar.V: -3.0,  # from the north
    gefcom2014_solar.TEMPERATURE: 283.15,
}


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    """Two days at the turn of a month; radiation of 100 W/m2 in each hour, accumulated since midnight."""
    runs = pd.to_datetime(["2012-04-30 01:00", "2012-05-01 01:00"]).repeat(24)
    valid = pd.date_range("2012-04-30 01:00", periods=48, freq="h")
    hours = np.tile(np.arange(1, 25), 2)
    columns = {}
    for number, site in enumerate(gefcom2014_solar.SITES):
        columns[site, "Power"] = np.linspace(0, 0.5, 48) + 0.1 * number
        for name, value in FIELDS.items():
            columns[site, name] = np.full(48, value)
        columns[site, gefcom2014_solar.SOLAR] = 360_000.0 * hours
        columns[site, gefcom2014_solar.THERMAL] = 720_000.0 * hours
        columns[site, gefcom2014_solar.TOP_SOLAR] = 1_080_000.0 * hours
        columns[site, gefcom2014_solar.PRECIPITATION] = 0.001 * hours
    table = pd.DataFrame(columns, index=pd.MultiIndex.from_arrays([runs, valid]))
    table.index.names, table.columns.names = ["ref_datetime", "valid_datetime"], ["ZONEID", None]
    path = tmp_path / "enflow-0.0.4-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(gefcom2014_solar.TABLE, table.to_csv())
    return path


@pytest.mark.parametrize("monthly", [False, True])
def test_accumulated_fields_become_means_and_runs_their_publication(
    wheel: Path, tmp_path: Path, monthly: bool
) -> None:
    gefcom2014_solar.make(wheel, tmp_path / "made", monthly)
    made = read_folder(tmp_path / "made", int(time.time() * 1000))
    assert made.plant_ids == ["solar-zone-1", "solar-zone-2", "solar-zone-3"]
    assert made.telemetry.numbers["power_kw"][:2].tolist() == [0.0, 10.6383]
    own = [run for run in made.runs if run.plant_id == "solar-zone-2"]
    published = [pd.Timestamp(run.published_at_ms, unit="ms").strftime("%m-%d") for run in own]
    assert published == (["04-01", "05-01"] if monthly else ["04-30", "05-01"])
    for run in own:
        columns = run.columns
        assert len(run.valid_at_ms) == 24
        np.testing.assert_allclose(columns["shortwave_radiation_w_m2"], 100.0)
        np.testing.assert_allclose(columns["longwave_radiation_w_m2"], 200.0)
        np.testing.assert_allclose(columns["precipitation_mm"], 1.0)
        np.testing.assert_allclose(columns["temperature_2m_c"], 10.0)
        np.testing.assert_allclose(columns["cloud_cover_pct"], 25.0)
        np.testing.assert_allclose(columns["wind_speed_10m_ms"], 3.0)
        np.testing.assert_allclose(columns["wind_direction_10m_deg"], 0.0)
        np.testing.assert_allclose(columns["surface_pressure_hpa"], 950.0)
