"""One benchmark from end to end: its data, the backtest, what its forecasts are compared with."""

from __future__ import annotations

import dataclasses
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from benchmarks import compare, competition
from benchmarks.catalog import Benchmark
from benchmarks.references.direct_lightgbm import Settings
from benchmarks.references.known import known_plants
from cli import backtest_run
from cli.times import Moment, Period, iso_day
from models.backtest_scores import HORIZONS_S
from producers.folder import Folder, read_folder
from schemas.errors import InputError

STEP_S: Final = 3600
HORIZON_S: Final = 86_400
_NAIVE: Final = ("persistence", "yesterday", "smart")
Told = Callable[[str, float], None]


def run(
    benchmark: Benchmark, path: Path, out: Path, told: Told, fast: bool = False, worth: bool = False
) -> dict[str, Any]:
    """What `results.json` says of it: `score`, `reference`, `rows`, `seconds`, and all else that the page
    shows. Forecasts are written into `out`. `worth`: an intraday benchmark is run a second time without
    telemetry, so that its worth can be told.

    Raises:
        InputError: the folder does not cover any of the benchmark's ranges.
    """
    folder = late(read_folder(path, int(time.time() * 1000)), benchmark.late_s)
    from_ms, to_ms = range_of(benchmark, folder)
    options = backtest_run.Options(
        from_ms,
        to_ms,
        HORIZON_S if benchmark.blind else STEP_S,
        STEP_S,
        HORIZON_S,
        benchmark.levels,
        Period(months=1) if benchmark.blind else None,
        benchmark.blind,
    )
    began = time.monotonic()
    done = backtest_run.run(folder, options, backtest_run.config(fast, 1, benchmark.blind), out, told)
    seconds = round(time.monotonic() - began, 1)
    said = pd.read_parquet(out / "forecasts.parquet")
    told("references", 0.0)

    def tell(what: str) -> None:
        told(f"references: {what}", 0.0)

    if benchmark.blind:
        judged = _competition(benchmark, folder, said, options, tell)
    else:
        judged = _intraday(folder, said, options, tell)
        if worth:
            _add_weather_only(judged["horizons"], folder, options, out / "weather-only", fast, told)
    about = {
        "rows": done["rows"],
        "seconds": seconds,
        "kind": benchmark.kind,
        "folder": benchmark.folder,
        "plants": len(folder.plant_ids),
        "from": iso_day(from_ms),
        "to": iso_day(to_ms),
        "fast": fast,
        "cores": os.cpu_count(),
        "scores": {name: numbers for name, numbers in done["scores"].items() if name != "plants"},
    }
    return {"score": judged.pop("score"), "reference": judged.pop("reference"), **about, **judged}


def _add_weather_only(
    rows: list[dict[str, Any]],
    folder: Folder,
    options: backtest_run.Options,
    out: Path,
    fast: bool,
    told: Told,
) -> None:
    """Add to each horizon's row the error of the median when no actual reaches a forecast."""
    blind = dataclasses.replace(options, blind=True)
    scores = backtest_run.run(folder, blind, backtest_run.config(fast, 1, True), out, told)["scores"]
    for row in rows:
        row["weather_only"] = scores[row["horizon"]]["nmae"]


def late(folder: Folder, late_s: int) -> Folder:
    """The folder with every weather run published so many seconds later than its nominal hour."""
    if not late_s:
        return folder
    runs = [
        dataclasses.replace(
            run,
            published_at_ms=run.published_at_ms + late_s * 1000,
            known_at_ms=run.known_at_ms + late_s * 1000,
        )
        for run in folder.runs
    ]
    return dataclasses.replace(folder, runs=runs)


def range_of(benchmark: Benchmark, folder: Folder) -> tuple[int, int]:
    """First and last time [ms] of the issues: the first range that the folder's telemetry covers."""
    stamps = folder.telemetry.event_time_ms
    moment = Moment()
    for first, end in benchmark.ranges:
        from_ms, to_ms = (moment.convert(text, None, None) for text in (first, end))
        # A last day that lacks an hour is whole enough; a missing month is not.
        if len(stamps) and stamps.min() < from_ms and stamps.max() >= to_ms - 86_400_000:
            return from_ms, to_ms
    wanted = " or ".join(f"{first} to {end}" for first, end in benchmark.ranges)
    raise InputError(f"{folder.path}: {benchmark.name} needs telemetry from before and through {wanted}")


def _intraday(
    folder: Folder,
    said: pd.DataFrame,
    options: backtest_run.Options,
    told: Callable[[str], None],
) -> dict[str, Any]:
    """Pinball over 0.1, 0.5, 0.9, the mean over six horizons, in % of capacity."""
    plants = known_plants(folder, STEP_S)
    rows = compare.compare(plants, said, [options.from_ms], HORIZONS_S, _settings(), told)
    every, *horizons = compare.means(rows)
    # A point said at every level has half of its absolute error as its mean loss.
    beside = {"lightgbm": every["lightgbm"], "climatology": every["climatology"]}
    beside |= {name: every[name] / 2 for name in _NAIVE}
    return {
        "score": every["pinball3"],
        "reference": every["lightgbm"],
        "unit": "pinball over 0.1, 0.5, 0.9 in % of capacity",
        "mean_ratio": every["mean_ratio"],
        "references": beside,
        "horizons": horizons,
        "by_plant": rows,
    }


def _competition(
    benchmark: Benchmark,
    folder: Folder,
    said: pd.DataFrame,
    options: backtest_run.Options,
    told: Callable[[str], None],
) -> dict[str, Any]:
    """Mean pinball over 99 levels, the mean over the months, as a share of capacity."""
    plants = known_plants(folder, STEP_S)
    fits = options.trainings_ms()
    losses = competition.months(plants, said, fits, benchmark.levels, _settings(), told)
    first, last = min(losses["ours"]), max(losses["ours"])
    means = {name: competition.over_months(by_month, first, last) for name, by_month in losses.items()}
    published = [
        {**dataclasses.asdict(one), "ours": competition.over_months(losses["ours"], one.first, one.last)}
        for one in benchmark.published
    ]
    return {
        "score": means.pop("ours"),
        "reference": published[0]["score"],
        "unit": "pinball over 99 levels as a share of capacity",
        "references": means,
        "published": published,
        "months": losses,
    }


def _settings() -> Settings:
    return Settings(threads=int(os.environ.get("OMP_NUM_THREADS", os.cpu_count() or 1)))


def told_nothing(_stage: str, _part: float) -> None:
    """For who does not look."""


def finite(value: Any) -> Any:
    """The same without NaN, which JSON does not know."""
    if isinstance(value, dict):
        return {key: finite(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [finite(one) for one in value]
    if isinstance(value, float | np.floating):
        return float(value) if np.isfinite(value) else None
    return value
