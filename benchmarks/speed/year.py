"""A plant-year: what training on it costs, and issuing it again, by the code of `gridcast backtest`.

    python -m benchmarks.speed.year FOLDER

A wind farm and a solar park of two years at 15 min: trained on the first, an issue an hour in the second.
"""

from __future__ import annotations

import csv
import json
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import numpy as np

from benchmarks.speed.fleet import START_MS, Fleet
from benchmarks.speed.machine import Pinned, cores
from benchmarks.speed.release import hourly, runs_of
from infra.settings import isolated_environment

DAYS: Final = 365
PLANTS: Final = 2
RUN_EVERY_H: Final = 12
_LIMIT_S: Final = 3600.0


def run(home: Path) -> dict[str, float]:
    """Seconds a plant-year, measured in a process on one core."""
    folder = home / "year"
    if not (folder / "weather.csv").exists():
        write(folder)
    command = [sys.executable, "-m", "benchmarks.speed.year", str(folder)]
    log = home / "logs" / f"year-{time.monotonic_ns()}.log"
    with Pinned(command, isolated_environment(home), log, cores()[0]) as child:
        if child.process.wait(_LIMIT_S) != 0:
            raise RuntimeError(f"the backtest failed: {child.said()[-1500:]}")
        found: dict[str, float] = json.loads(child.said().splitlines()[-1])
        return found


def main(folder: str) -> None:
    """Train on the first year, issue the second one, and print what both took as JSON."""
    from cli import backtest_run
    from models.training.config import TrainConfig
    from producers.folder import read_folder

    read = read_folder(Path(folder), time.time_ns() // 1_000_000)
    options = backtest_run.Options(START_MS + DAYS * 86_400_000, START_MS + 2 * DAYS * 86_400_000)
    issues_from_s: list[float] = []

    def told(stage: str, part: float) -> None:
        if (now := f"{stage} {part:.0%}") not in said:
            said.add(now)
            print(f"{time.monotonic() - began_s:.0f} s: {now}", file=sys.stderr, flush=True)
        if stage == "issues" and trained and not issues_from_s:
            issues_from_s.append(time.monotonic())
        elif stage != "issues":
            trained[:] = [time.monotonic()]

    trained: list[float] = []
    said: set[str] = set()
    began_s = time.monotonic()
    with TemporaryDirectory() as out:
        done = backtest_run.run(read, options, TrainConfig.full(threads=1), Path(out), told)
    issues_s = time.monotonic() - issues_from_s[0]
    training_s = issues_from_s[0] - began_s
    spent = {
        "training_s": training_s / PLANTS,
        "backtest_s": issues_s / PLANTS,
        "forecasts": done["forecasts"],
    }
    print(json.dumps(spent))


def write(folder: Path) -> None:
    """The canonical folder."""
    folder.mkdir(parents=True, exist_ok=True)
    fleet = Fleet(PLANTS, 0, 900)
    scans = list(fleet.scans(2 * DAYS * 96, at_once=960))
    plants = fleet.versions(3600)
    _table(
        folder / "plants.csv",
        ["plant_id", "kind", "capacity_kw", "latitude", "longitude", "resolution_s"],
        [[p.plant_id, p.kind.value, p.capacity_kw, p.latitude, p.longitude, 900] for p in plants],
    )
    rows: list[list[Any]] = []
    for one in scans:
        for plant, stamp, power in zip(one.plant, one.event_time_ms, one.power_kw, strict=True):
            rows.append([fleet.plant_ids[plant], _iso(int(stamp)), "" if np.isnan(power) else power])
    _table(folder / "telemetry.csv", ["plant_id", "event_time", "power_kw"], rows)
    truth = hourly(fleet, scans)
    names = (
        "wind_speed_100m_ms", "wind_direction_100m_deg", "temperature_2m_c",
        "shortwave_radiation_w_m2", "cloud_cover_pct",
    )  # fmt: skip
    weather = [
        [run.plant_id, run.source, _iso(run.published_at_ms), _iso(int(valid))]
        + [run.columns[name][i] if name in run.columns else "" for name in names]
        for hour in range(-24, 2 * DAYS * 24 - 24, RUN_EVERY_H)
        for run in runs_of(fleet, plants, truth, hour)
        for i, valid in enumerate(run.valid_at_ms.tolist()[:60])
    ]
    _table(folder / "weather.csv", ["plant_id", "source", "published_at", "valid_at", *names], weather)


def _table(path: Path, head: list[str], rows: list[list[Any]]) -> None:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([head, *rows])


def _iso(time_ms: int) -> str:
    return datetime.fromtimestamp(time_ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


if __name__ == "__main__":
    main(*sys.argv[1:])
