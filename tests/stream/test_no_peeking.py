"""Whatever became known after an issue time leaves that issue's forecast as it is, however often one trains.

The folder has what tempts a program to peek: rows known hours after their time, corrections, two plants whose
weather stands beside each other, a capacity that changes, a stamp without power, a gap.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cli.backtest_run import Options, run
from cli.times import Period
from models import backtest
from models.training.config import NetSettings, TrainConfig
from models.training.families import small
from producers.folder import read_folder

DAYS, FROM_DAY, TO_DAY = 36, 30, 35
START = pd.Timestamp("2024-03-01", tz="UTC")
DAY_MS = 86_400_000
START_MS = int(START.timestamp() * 1000)
NOW_MS = 1_750_000_000_000
TINY = TrainConfig(
    threads=1,
    least_days=10,
    wind=small(trees=8, leaves=7, rate=0.3, bins=31, min_rows=20),
    solar=small(trees=8, leaves=7, rate=0.3, bins=31, min_rows=20),
    folds=2,
    net=NetSettings(rows=2000, epochs=1, members=1),
)


def make(folder: Path) -> Path:
    """A wind and a solar plant, hourly, 36 days, with a run of each at every midnight."""
    random = np.random.default_rng(7)
    hours = pd.date_range(START + pd.Timedelta("1h"), periods=DAYS * 24, freq="h")
    wind = 7 + 3 * np.sin(np.arange(len(hours)) / 17) + random.normal(0, 0.6, len(hours))
    sun = np.clip(np.sin((hours.hour - 6) / 12 * np.pi), 0, None)
    power = {
        "w1": np.clip((wind - 3) / 9, 0, 1) ** 2 * 1000,
        "s1": sun * random.uniform(0.3, 0.9, len(hours)) * 500,
    }
    folder.mkdir()
    plants(folder)
    telemetry(power, hours, random).to_csv(folder / "telemetry.csv", index=False)
    weather(wind, sun, hours, random).to_csv(folder / "weather.csv", index=False)
    return folder


def plants(folder: Path) -> None:
    grown = START + pd.Timedelta(f"{FROM_DAY + 2}D")
    rows = (
        f"w1,wind,1000,50,8,3600,\ns1,solar,500,50.1,8.2,3600,\nw1,wind,1100,50,8,3600,{grown.isoformat()}\n"
    )
    (folder / "plants.csv").write_text(
        "plant_id,kind,capacity_kw,latitude,longitude,resolution_s,valid_from\n" + rows
    )


def telemetry(
    power: dict[str, np.ndarray], hours: pd.DatetimeIndex, random: np.random.Generator
) -> pd.DataFrame:
    parts = []
    for plant_id, values in power.items():
        rows = pd.DataFrame({"plant_id": plant_id, "event_time": hours, "power_kw": values.round(3)})
        late = pd.to_timedelta(
            np.where(random.random(len(rows)) < 0.1, random.integers(1, 300, len(rows)), 0), "min"
        )
        rows["known_at"] = rows["event_time"] + late
        rows.loc[random.random(len(rows)) < 0.02, "power_kw"] = np.nan
        changed = rows.sample(frac=0.03, random_state=3)
        changed["power_kw"] = (changed["power_kw"] * 0.9).round(3)
        changed["known_at"] += pd.Timedelta("5h")
        parts += [rows, changed]
    table = pd.concat(parts).sort_values("known_at", kind="stable")
    silent = table["event_time"].between(START + pd.Timedelta("31D"), START + pd.Timedelta("31D 7h"))
    return table[~(silent & (table["plant_id"] == "w1"))]


def weather(
    wind: np.ndarray, sun: np.ndarray, hours: pd.DatetimeIndex, random: np.random.Generator
) -> pd.DataFrame:
    parts = []
    for published in pd.date_range(START, periods=DAYS, freq="D"):
        there = (hours > published) & (hours <= published + pd.Timedelta("48h"))
        noise = random.normal(0, 0.8, there.sum())
        for plant_id in ("w1", "s1"):
            run_rows = {
                "plant_id": plant_id,
                "source": "nwp",
                "published_at": published,
                "valid_at": hours[there],
                "wind_speed_100m_ms": (wind[there] + noise).round(3),
                "shortwave_radiation_w_m2": (sun[there] * 600).round(2),
            }
            parts.append(pd.DataFrame(run_rows))
    return pd.concat(parts)


def known_later(folder: Path, at: pd.Timestamp, change: Callable[[pd.DataFrame], pd.DataFrame]) -> None:
    """Change every row of a folder that became known after `at`."""
    for name, column in (("telemetry", "known_at"), ("weather", "published_at"), ("plants", "valid_from")):
        path = folder / f"{name}.csv"
        rows = pd.read_csv(path)
        later = pd.to_datetime(rows[column], utc=True, format="ISO8601") > at
        changed = change(rows[later]) if later.any() else rows[later]
        pd.concat([rows[~later], changed]).to_csv(path, index=False)


def altered(rows: pd.DataFrame) -> pd.DataFrame:
    random = np.random.default_rng(11)
    numbers = rows.select_dtypes("number").columns.difference(["latitude", "longitude", "resolution_s"])
    factor = random.uniform(0.2, 0.95, (len(rows), len(numbers)))
    return rows.assign(**dict(zip(numbers, (rows[numbers].to_numpy() * factor).T, strict=True)))


def removed(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.iloc[:0]


def forecasts(folder: Path, out: Path, options: Options) -> pd.DataFrame:
    config = replace(TINY, blind=options.blind)
    run(read_folder(folder, NOW_MS), options, config, out, lambda _stage, _part: None)
    return pd.read_parquet(out / "forecasts.parquet")


def until(table: pd.DataFrame, at: pd.Timestamp) -> pd.DataFrame:
    kept = table[table["issued_at"] <= at].drop(columns="release")
    return kept.sort_values(["plant_id", "issued_at", "valid_at"]).reset_index(drop=True)


def range_of(retrain: Period | None, blind: bool) -> Options:
    first, end = START_MS + FROM_DAY * DAY_MS, START_MS + TO_DAY * DAY_MS
    return Options(first, end, retrain=retrain, blind=blind, horizon_s=24 * 3600)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("peek") / "folder")


@pytest.fixture(autouse=True)
def short_warm_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backtest, "WARM_UP_MS", 4 * DAY_MS)


CASES = {
    "trained once": (None, False),
    "retrained": (Period(seconds=36 * 3600), False),
    "blind": (None, True),
}


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_what_became_known_later_changes_no_forecast(folder: Path, tmp_path: Path, case: str) -> None:
    options = range_of(*CASES[case])
    whole = forecasts(folder, tmp_path / "whole", options)
    random = np.random.default_rng(len(case))
    for change, step in ((altered, "1min"), (removed, "1h")):
        minutes = int(random.integers(FROM_DAY * 1440 + 300, (TO_DAY - 1) * 1440))
        at = (START + pd.Timedelta(minutes=minutes)).floor(step)
        other = tmp_path / change.__name__
        shutil.copytree(folder, other)
        known_later(other, at, change)
        again = forecasts(other, tmp_path / f"{change.__name__}_out", options)
        pd.testing.assert_frame_equal(until(again, at), until(whole, at), check_exact=True)
        assert not again.equals(whole), "the change reached no forecast at all: the test shows nothing"


def test_every_plant_is_issued_at_every_time_whatever_is_missing(folder: Path, tmp_path: Path) -> None:
    at = START + pd.Timedelta(f"{FROM_DAY + 1}D")
    other = tmp_path / "silent"
    shutil.copytree(folder, other)
    known_later(other, at, removed)
    options = range_of(None, False)
    table = forecasts(other, tmp_path / "out", options)
    issues = table.groupby("plant_id")["issued_at"].agg(["nunique", "min", "max"])
    hours = (options.to_ms - options.from_ms) // 3_600_000
    assert issues["nunique"].tolist() == [hours, hours]
    assert (table.groupby(["plant_id", "issued_at"]).size() == 24).all()
    levels = table[[f"{level:g}" for level in options.levels]].to_numpy()
    assert np.isfinite(levels).all()
    assert (np.diff(levels, axis=1) >= 0).all()


def test_blind_forecasts_do_not_depend_on_power_after_the_training(folder: Path, tmp_path: Path) -> None:
    options = range_of(None, True)
    whole = forecasts(folder, tmp_path / "whole", options)
    other = tmp_path / "other"
    shutil.copytree(folder, other)
    path = other / "telemetry.csv"
    rows = pd.read_csv(path)
    later = pd.to_datetime(rows["known_at"], utc=True, format="ISO8601") >= START + pd.Timedelta(
        f"{FROM_DAY}D"
    )
    pd.concat([rows[~later], altered(rows[later])]).to_csv(path, index=False)
    again = forecasts(other, tmp_path / "again", options)
    pd.testing.assert_frame_equal(again, whole, check_exact=True)
