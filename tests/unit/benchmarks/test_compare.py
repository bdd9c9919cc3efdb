"""`python -m benchmarks.compare`: the references at the forecasts' own issues."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks import compare
from benchmarks.references.direct_lightgbm import Settings
from benchmarks.references.known import Known, known_plants
from cli.main import run as run_command
from schemas.errors import InputError
from tests.unit.benchmarks.worlds import DAY_MS, HOUR_MS, START_MS, folder, windy_days

UNTIL = START_MS + 30 * DAY_MS
ISSUES = UNTIL + np.arange(0, 4 * 24, 6) * HOUR_MS


@pytest.fixture(scope="module")
def plants() -> dict[str, Known]:
    power, runs = windy_days(40)
    return known_plants(folder({"a": power, "b": power / 2}, runs), 3600)


def said(plants: dict[str, Known], error_kw: float) -> pd.DataFrame:
    """Forecasts at 1 h and 6 h whose every level is `error_kw` over what came."""
    parts = []
    for plant_id, plant in plants.items():
        for lead_h in (1, 6):
            valid = ISSUES + lead_h * HOUR_MS
            power = plant.power.at(valid, 2**62) * 1000 + error_kw
            rows = {"plant_id": plant_id, "issued_at": ISSUES, "valid_at": valid}
            parts.append(pd.DataFrame({**rows, "0.1": power, "0.5": power, "0.9": power}))
    table = pd.concat(parts)
    for column in ("issued_at", "valid_at"):
        table[column] = pd.to_datetime(table[column], unit="ms", utc=True)
    return table


def test_numbers_by_plant_and_horizon_and_their_means(plants: dict[str, Known]) -> None:
    rows = compare.compare(
        plants, said(plants, 50.0), [UNTIL], [3600, 21_600], Settings(trees=20), lambda _what: None
    )
    assert [(row["plant"], row["horizon"]) for row in rows] == [
        ("a", "1h"), ("a", "6h"), ("b", "1h"), ("b", "6h"),
    ]  # fmt: skip
    for row in rows:
        assert row["n"] == len(ISSUES)
        assert row["pinball3"] == pytest.approx(2.5)
        assert row["nmae"] == pytest.approx(5.0)
        assert row["ratio"] == pytest.approx(2.5 / row["lightgbm"])
        assert np.isnan(row["smart"])
    every, *horizons = compare.means(rows)
    assert every["n"] == 4 * len(ISSUES)
    assert [row["horizon"] for row in horizons] == ["1h", "6h"]
    assert horizons[0]["lightgbm"] == pytest.approx((rows[0]["lightgbm"] + rows[2]["lightgbm"]) / 2)
    assert every["mean_ratio"] == pytest.approx((horizons[0]["ratio"] + horizons[1]["ratio"]) / 2)


def test_an_issue_is_served_by_the_last_fit_before_it(plants: dict[str, Known]) -> None:
    table = said(plants, 0.0)
    once = compare.compare(plants, table, [UNTIL], [21_600], Settings(trees=20), lambda _what: None)
    middle = int(ISSUES[8])
    twice = compare.compare(plants, table, [UNTIL, middle], [21_600], Settings(trees=20), lambda _what: None)
    early = table[table["issued_at"] < pd.Timestamp(middle, unit="ms", tz="UTC")]
    first = compare.compare(plants, early, [UNTIL], [21_600], Settings(trees=20), lambda _what: None)
    again = compare.compare(plants, early, [UNTIL, middle], [21_600], Settings(trees=20), lambda _what: None)
    assert [r["lightgbm"] for r in first] == [r["lightgbm"] for r in again]
    assert [r["lightgbm"] for r in once] != [r["lightgbm"] for r in twice]


def test_what_cannot_be_compared_is_said_in_one_line(
    plants: dict[str, Known], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = said(plants, 0.0)

    def tried(of: pd.DataFrame, lead_s: int = 3600) -> None:
        compare.compare(plants, of, [UNTIL], [lead_s], Settings(trees=5), lambda _what: None)

    with pytest.raises(InputError, match=r"no column 0\.9"):
        tried(table.drop(columns="0.9"))
    with pytest.raises(InputError, match="not in the folder: x"):
        tried(table.assign(plant_id="x"))
    with pytest.raises(InputError, match="no forecast at these horizons"):
        tried(table, 7200)
    sample = str(Path(__file__).parents[3] / "samples" / "serf_east")
    nowhere = str(tmp_path / "nowhere.parquet")
    assert run_command([sample, nowhere, "--train-until", "2016-09-01"], compare.command, "compare") == 1
    assert "nowhere.parquet" in capsys.readouterr().err
    assert run_command([sample, nowhere], compare.command, "compare") == 2
