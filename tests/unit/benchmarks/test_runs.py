"""A benchmark from end to end on the sample that is in the repository."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from benchmarks import runs
from benchmarks.catalog import named
from benchmarks.page import page
from cli import backtest_run
from models.training.config import TrainConfig

ROOT = Path(__file__).parents[3]


@pytest.mark.slow
def test_an_intraday_benchmark_judges_the_forecasts_of_the_backtest(tmp_path: Path) -> None:
    one = named("serf-east")
    assert one is not None
    short = dataclasses.replace(one, ranges=(("2016-08-10", "2016-08-12"),))
    told = runs.run(short, ROOT / "samples" / "serf_east", tmp_path, runs.told_nothing, fast=True)
    assert told["rows"] == 2 * 24 * 24
    assert told["plants"] == 1
    assert (told["from"], told["to"]) == ("2016-08-10", "2016-08-12")
    assert [row["horizon"] for row in told["horizons"]] == ["1h", "2h", "3h", "6h", "12h", "24h"]
    for row in told["horizons"]:
        own = told["scores"][row["horizon"]]
        # Two ways of counting the same thing.
        assert row["pinball3"] == pytest.approx(own["pinball3"], abs=1e-3)
        assert row["nmae"] == pytest.approx(own["nmae"], abs=1e-3)
        assert row["coverage"] == pytest.approx(own["coverage"], abs=1e-3)
        assert row["smart"] == pytest.approx(own["nmae_smart"], abs=1e-3)
        assert row["persistence"] == pytest.approx(own["nmae_persistence"], abs=1e-3)
        assert row["ratio"] == pytest.approx(row["pinball3"] / row["lightgbm"])
    assert told["score"] == pytest.approx(sum(row["pinball3"] for row in told["horizons"]) / 6)
    assert told["reference"] == told["references"]["lightgbm"]
    text = page({"serf-east": runs.finite(told)})
    assert f"**{told['score']:.3f}** (fast training)" in text


def test_the_worth_of_telemetry_is_told_by_a_second_run_that_is_blind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[backtest_run.Options] = []

    def backtest(
        _folder: object, options: backtest_run.Options, config: TrainConfig, *_: object
    ) -> dict[str, object]:
        assert config.blind
        asked.append(options)
        return {"scores": {"1h": {"nmae": 9.5}}}

    monkeypatch.setattr(backtest_run, "run", backtest)
    rows = [{"horizon": "1h", "nmae": 5.0}]
    options = backtest_run.Options(0, 1)
    runs._add_weather_only(rows, None, options, tmp_path, True, runs.told_nothing)  # type: ignore[arg-type]
    assert rows == [{"horizon": "1h", "nmae": 5.0, "weather_only": 9.5}]
    assert asked == [dataclasses.replace(options, blind=True)]
