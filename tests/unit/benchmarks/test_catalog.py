"""The benchmarks: their data, ranges, rows on the page."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks import competition, data, runs, skill
from benchmarks.catalog import BENCHMARKS, named
from benchmarks.page import page
from benchmarks.references.direct_lightgbm import Settings
from benchmarks.references.known import known_plants
from cli.main import run as run_command
from cli.times import Moment
from schemas.errors import InputError
from tests.unit.benchmarks.worlds import DAY_MS, HOUR_MS, START_MS, folder, windy_days


def result(name: str) -> dict[str, object]:
    """What a run of a benchmark would leave, with easy numbers."""
    one = named(name)
    assert one is not None
    about = {"score": 1.25, "reference": 2.5, "rows": 1000, "seconds": 9.0, "kind": one.kind, "cores": 2}
    about |= {"plants": 1, "from": "2024-01-01", "to": "2024-02-01", "fast": False, "scores": {}}
    beside = {"lightgbm": 2.5, "climatology": 3.0, "persistence": None, "yesterday": 4.0, "smart": None}
    if one.blind:
        months = {"ours": {"2024-01": 1.25}, "lightgbm": {"2024-01": 2.5}}
        published = [{**dataclasses.asdict(one.published[0]), "ours": 1.25}]
        return {**about, "references": beside, "published": published, "months": months}
    row = {"horizon": "1h", "plant": "a", "pinball3": 1.25, "lightgbm": 2.5, "ratio": 0.5, "coverage": 0.8}
    return {**about, "references": beside, "mean_ratio": 0.5, "horizons": [row], "by_plant": [row]}


def test_names_are_unique_and_every_late_row_has_its_own_first() -> None:
    names = [one.name for one in BENCHMARKS]
    assert len(set(names)) == len(names)
    for one in BENCHMARKS:
        if one.late_s:
            assert named(one.name.removesuffix("-late")) is not None
        first, end = one.ranges[0]
        assert Moment().convert(first, None, None) < Moment().convert(end, None, None)


def test_the_page_has_a_row_for_each_benchmark_whatever_was_run() -> None:
    results = {"serf-east": result("serf-east"), "gefcom2014-solar": result("gefcom2014-solar")}
    results["gefcom2012-wind"] = {"score": None, "reference": None, "rows": 0, "missing": "nowhere"}
    text = page(results)
    for one in BENCHMARKS:
        assert f"| {one.title} |" in text
        if not one.late_s:
            assert f"make skill ONLY={one.name}\n" in text
            assert one.tuned_on in text
    assert "| GEFCom2012 wind farms, hourly issues | data missing |" in text
    assert "| La Haute Borne (reanalysis as weather), hourly issues | not run |" in text
    assert "**1.250**" in text
    assert "**1.25000**" in text
    assert page(results) == text


def test_late_weather_is_published_later_and_nothing_else_changes() -> None:
    power, made = windy_days(3)
    own = folder({"a": power}, made)
    later = runs.late(own, 6 * 3600)
    assert [r.published_at_ms - 6 * HOUR_MS for r in later.runs] == [r.published_at_ms for r in own.runs]
    assert [r.valid_at_ms.tolist() for r in later.runs] == [r.valid_at_ms.tolist() for r in own.runs]
    assert later.telemetry is own.telemetry
    assert runs.late(own, 0) is own


def test_the_first_range_that_the_data_covers_is_taken() -> None:
    power, made = windy_days(60)
    own = folder({"a": power}, made)
    one = dataclasses.replace(
        BENCHMARKS[0], ranges=(("2024-02-01", "2024-06-01"), ("2024-02-01", "2024-02-20"))
    )
    from_ms, to_ms = runs.range_of(one, own)
    assert (to_ms - from_ms) // DAY_MS == 19
    with pytest.raises(InputError, match="needs telemetry from before and through 2023-12-01"):
        runs.range_of(dataclasses.replace(one, ranges=(("2023-12-01", "2024-02-01"),)), own)


def test_a_competition_counts_months_and_plants_alike() -> None:
    power, made = windy_days(80)
    own = folder({"a": power, "b": power}, made)
    plants = known_plants(own, 3600)
    levels = (0.1, 0.5, 0.9)
    issued = START_MS + np.arange(31, 70) * DAY_MS
    parts = []
    for plant_id, error in (("a", 100.0), ("b", 300.0)):
        stamps = (issued[:, None] + np.arange(1, 25) * HOUR_MS).ravel()
        said = plants[plant_id].power.at(stamps, 2**62) * 1000 + error
        rows = pd.DataFrame({"issued_at": np.repeat(issued, 24), "valid_at": stamps, "0.1": said})
        parts.append(rows.assign(plant_id=plant_id, **{"0.5": said, "0.9": said}))
    table = pd.concat(parts)
    for column in ("issued_at", "valid_at"):
        table[column] = pd.to_datetime(table[column], unit="ms", utc=True)
    losses = competition.months(
        plants, table, [int(issued[0])], levels, Settings(trees=5), lambda _what: None
    )
    # A point that is 100 kW over costs half of a tenth of capacity, the other three times it.
    assert losses["ours"] == {"2024-02": pytest.approx(0.1), "2024-03": pytest.approx(0.1)}
    assert competition.over_months(losses["ours"], "2024-03", "2024-09") == pytest.approx(0.1)
    assert np.isnan(competition.over_months(losses["ours"], "2025-01", "2025-02"))
    assert set(losses) == {"ours", "lightgbm", "climatology", "persistence", "yesterday"}
    assert losses["lightgbm"]["2024-02"] < losses["climatology"]["2024-02"]


def test_data_that_is_nowhere_is_named_as_missing_and_the_command_goes_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page_file = tmp_path / "skill.md"
    arguments = ["--only", "gefcom2012-wind", "--data", str(tmp_path), "--out", str(tmp_path / "out")]
    assert run_command([*arguments, "--page", str(page_file), "--json"], skill.command, "skill") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["gefcom2012-wind"]["score"] is None
    assert "GRIDCAST_BENCHMARK_DATA" in told["gefcom2012-wind"]["missing"]
    assert json.loads((tmp_path / "out" / "results.json").read_text()) == told
    assert "data missing" in page_file.read_text()
    assert run_command(["--only", "nothing-of-the-kind"], skill.command, "skill") == 2
    assert "is no benchmark" in capsys.readouterr().err


def test_a_folder_that_is_given_comes_before_a_wheel(tmp_path: Path) -> None:
    (tmp_path / "serf_east").mkdir()
    (tmp_path / "serf_east" / "plants.csv").touch()
    assert data.folder_of("serf_east", tmp_path, tmp_path / "work") == tmp_path / "serf_east"
    made = tmp_path / "work" / "data" / "serf_east"
    made.mkdir(parents=True)
    (made / "plants.csv").touch()
    assert data.folder_of("serf_east", None, tmp_path / "work") == made
    with pytest.raises(data.MissingData, match="no wheel carries gefcom2012_wind"):
        data.folder_of("gefcom2012_wind", None, tmp_path)


def test_the_page_in_the_docs_has_every_benchmark() -> None:
    text = (Path(__file__).parents[3] / "docs" / "skill.md").read_text(encoding="utf-8")
    assert [one.title for one in BENCHMARKS if f"| {one.title} |" not in text] == []
