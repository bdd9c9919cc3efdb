"""Scores of a backtest: the same numbers that anybody would count from the two tables."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from models import backtest_scores
from schemas.errors import InputError

START = pd.Timestamp("2024-03-01T00:00:00Z")
HOURS = 72
SITES = {"a": backtest_scores.Site(100.0), "b": backtest_scores.Site(200.0)}


def telemetry(step_min: int = 10) -> pd.DataFrame:
    """Two plants whose hourly means are easy: the hour's number, and twice that."""
    stamps = pd.date_range(
        START + pd.Timedelta(minutes=step_min), periods=HOURS * 60 // step_min, freq=f"{step_min}min"
    )
    hour = (np.arange(len(stamps)) * step_min // 60).astype(float)
    small = pd.DataFrame({"plant_id": "a", "event_time": stamps, "power_kw": hour})
    return pd.concat([small, small.assign(plant_id="b", power_kw=2 * hour)], ignore_index=True)


def forecasts(offset_kw: float = 1.0) -> pd.DataFrame:
    rows = []
    for issued in pd.date_range(START + pd.Timedelta("30h"), periods=12, freq="3h"):
        valid = issued + pd.to_timedelta(np.arange(1, 25), unit="h")
        rows.append(pd.DataFrame({"issued_at": issued, "valid_at": valid}))
    both = pd.concat([pd.concat(rows).assign(plant_id=p) for p in ("a", "b")], ignore_index=True)
    hour = (both.valid_at - START) / pd.Timedelta("1h") - 1
    actual = np.where(both.plant_id == "a", hour, 2 * hour)
    return both.assign(**{"0.1": actual - 10, "0.5": actual + offset_kw, "0.9": actual + 10})


def made(forecast: pd.DataFrame, series: pd.DataFrame) -> dict[str, dict[str, float]]:
    return backtest_scores.scores(forecast, backtest_scores.actuals(series), SITES)


def test_numbers_are_in_per_cent_of_capacity_and_plants_count_the_same() -> None:
    scores = made(forecasts(), telemetry())
    assert list(scores) == ["all", "1h", "2h", "3h", "6h", "12h", "24h", "plants"]
    assert scores["1h"]["nmae"] == pytest.approx((1.0 + 0.5) / 2)
    assert scores["1h"]["n"] == 24
    assert scores["1h"]["width"] == pytest.approx((20 + 10) / 2)
    assert scores["plants"]["b"]["6h"]["nmae"] == pytest.approx(0.5)


def test_skill_is_against_the_better_naive_forecast() -> None:
    # one hour ahead the last value is 1 off and the day before 24: plant a's median is just as good
    scores = made(forecasts(), telemetry())
    assert scores["1h"]["skill"] == pytest.approx((0.0 + 0.5) / 2)
    assert scores["6h"]["skill"] == pytest.approx((5 / 6 + 11 / 12) / 2, abs=1e-4)


def test_an_hour_with_under_half_of_its_scans_is_no_actual() -> None:
    series = telemetry()
    hole = (series.event_time > START + pd.Timedelta("31h")) & (
        series.event_time <= START + pd.Timedelta("31h40min")
    )
    whole, holed = made(forecasts(), telemetry()), made(forecasts(), series[~hole])
    assert holed["1h"]["n"] == whole["1h"]["n"]
    assert holed["2h"]["n"] == whole["2h"]["n"] - 2


def test_the_last_value_of_a_repeated_stamp_counts() -> None:
    doubled = pd.concat([telemetry().assign(power_kw=999.0), telemetry()], ignore_index=True)
    assert made(forecasts(), doubled) == made(forecasts(), telemetry())


@pytest.mark.parametrize("step_min", [1, 15, 60])
def test_any_scan_step_gives_the_same_hours(step_min: int) -> None:
    assert made(forecasts(), telemetry(step_min)) == made(forecasts(), telemetry())


def test_what_cannot_be_scored_is_said_in_one_line() -> None:
    good = forecasts()
    with pytest.raises(InputError, match="2 forecasts stand twice"):
        made(pd.concat([good, good.head(2)]), telemetry())
    with pytest.raises(InputError, match=r"levels \[0.9\] are needed"):
        made(good.drop(columns="0.9"), telemetry())
    with pytest.raises(InputError, match="not in the folder: x"):
        made(good.replace({"plant_id": {"b": "x"}}), telemetry())
    with pytest.raises(InputError, match="no forecast meets an actual"):
        made(good.assign(valid_at=good.valid_at + pd.Timedelta("9000D")), telemetry())


def test_no_telemetry_is_an_empty_table() -> None:
    assert backtest_scores.actuals(telemetry().head(0)).empty


def test_mape_and_r2_are_those_of_the_median() -> None:
    scores = made(forecasts(offset_kw=2.0), telemetry())
    hours = np.arange(30, 30 + 12 * 3, 3).astype(float)
    assert scores["plants"]["a"]["1h"]["mape"] == pytest.approx(100 * 2 * 12 / hours.sum(), abs=1e-3)
    spread = np.square(hours - hours.mean()).sum()
    assert scores["plants"]["a"]["1h"]["r2"] == pytest.approx(1 - 4 * 12 / spread, abs=1e-3)


def test_only_a_solar_plant_has_smart_persistence_and_nights_that_do_not_count() -> None:
    night = telemetry()
    hour = night.event_time.dt.hour
    # The sun of this plant shines from 6 to 18 h UTC, the same each day; the median is 1 kW off by night.
    power = np.where((hour >= 6) & (hour < 18), 50.0, 0.0)
    sunny = night.assign(power_kw=power)
    own = forecasts()
    actual_hour = (own.valid_at - pd.Timedelta("1h")).dt.hour
    day = (actual_hour >= 6) & (actual_hour < 18)
    said = own.assign(**{"0.1": 0.0, "0.5": np.where(day, 50.0, 1.0), "0.9": 60.0})
    solar = {"a": backtest_scores.Site(100.0, solar=True), "b": backtest_scores.Site(200.0)}
    scores = backtest_scores.scores(said, backtest_scores.actuals(sunny), solar)
    assert scores["plants"]["a"]["1h"]["mape"] == 0.0
    assert scores["plants"]["b"]["1h"]["mape"] > 0.0
    assert scores["1h"]["nmae_smart"] == pytest.approx(0.0)
    wind = backtest_scores.scores(said, backtest_scores.actuals(sunny), SITES)
    assert wind["1h"]["nmae_smart"] is None
