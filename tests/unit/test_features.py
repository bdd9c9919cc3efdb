"""Every feature has a unit and a source, whoever adds one."""

import json
from pathlib import Path

import pytest

from cli.main import run
from models import features
from models.forecast import closed_form, correction_features
from schemas.records import PlantKind

SAMPLES = Path(__file__).parents[2] / "samples"


def test_every_feature_of_the_corrections_is_listed_with_unit_and_source() -> None:
    listed = list(features.of_correction())
    names = {one.name for one in listed}
    assert names == {
        *correction_features.ISSUE_NAMES,
        *correction_features.STEP_NAMES,
        *closed_form.FEATURES,
    }
    assert all(one.unit and one.source and one.meaning for one in listed)


@pytest.mark.parametrize("kind", list(PlantKind))
def test_every_feature_of_a_weather_run_has_the_unit_of_its_column(kind: PlantKind) -> None:
    columns = features.EXAMPLE_COLUMNS[kind]
    listed = {one.name: one for one in features.of_weather(kind, columns, points=["north", "south"])}
    assert set(columns) <= set(listed) | {name for name in columns if "direction" in name}
    assert [one.name for one in listed.values() if one.unit == "as the source has it"] == []
    neighbour = "temperature_2m_c@+1" if kind == PlantKind.WIND else "cloud_cover_pct@+1"
    assert listed[neighbour].unit == ("degrees C" if kind == PlantKind.WIND else "%")
    assert listed["north/temperature_2m_c"].source == "weather run, point north"
    spread = "area/temperature_2m_c~spread" if kind == PlantKind.WIND else "area/cloud_cover_pct~spread"
    assert listed[spread].meaning == "standard deviation over the area"


def test_units_follow_names() -> None:
    named = {one.name: one.unit for one in features.of_names(["a_w_m2@-2", "b_kw_m2", "c_ms~3cube", "odd"])}
    assert named == {
        "a_w_m2@-2": "W/m2",
        "b_kw_m2": "kW/m2",
        "c_ms~3cube": "(m/s)^3",
        "odd": "as the source has it",
    }


def test_the_command_lists_the_columns_of_a_folder(capsys: pytest.CaptureFixture[str]) -> None:
    folder = str(SAMPLES / "la_haute_borne")
    assert run(["features", "--folder", folder, "--kind", "wind", "--json"]) == 0
    names = {row["name"] for row in json.loads(capsys.readouterr().out)}
    assert {"air_density_kg_m3", "wind_speed_100m_ms@+3", "closed_form_shift"} <= names
    assert run(["features", "--folder", str(SAMPLES)]) == 1
    assert "has no weather.csv" in capsys.readouterr().err
    assert run(["features"]) == 0
    assert "clear_sky_kw_m2" in capsys.readouterr().out
    assert run(["features", "--folder", folder, "--release", "x"]) == 2
