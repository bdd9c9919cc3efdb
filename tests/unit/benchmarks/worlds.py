"""Small made-up plants for the tests of the references."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from producers.folder import Folder
from producers.telemetry_file import TelemetryRows, no_units
from schemas.records import PlantKind, PlantVersion, WeatherRun

HOUR_MS = 3_600_000
DAY_MS = 86_400_000
START_MS = 1_704_067_200_000  # 2024-01-01T00:00Z
F8 = NDArray[np.float64]
I8 = NDArray[np.int64]


def plant(plant_id: str, kind: PlantKind = PlantKind.WIND, capacity_kw: float = 1000.0) -> PlantVersion:
    return PlantVersion(
        plant_id=plant_id,
        valid_from_ms=0,
        known_at_ms=0,
        kind=kind,
        capacity_kw=capacity_kw,
        resolution_s=3600,
        latitude=None,
        longitude=None,
        issue_every_s=None,
        scan_s=3600,
        min_kw=None,
        hub_height_m=None,
        tilt_deg=None,
        azimuth_deg=None,
        timezone=None,
    )


def run(plant_id: str, published_ms: int, first_ms: int, speeds: F8, step_ms: int = HOUR_MS) -> WeatherRun:
    valid = first_ms + np.arange(len(speeds)) * step_ms
    return WeatherRun(plant_id, "test", published_ms, published_ms, valid, {"wind_speed_100m_ms": speeds})


def folder(
    plants: dict[str, F8], runs: list[WeatherRun], known_ms: I8 | None = None, step_ms: int = HOUR_MS
) -> Folder:
    """Plants with power [kW] at `step_ms` from START_MS on."""
    ids = list(plants)
    count = [len(power) for power in plants.values()]
    stamps = np.concatenate([START_MS + (np.arange(n) + 1) * step_ms for n in count])
    rows = TelemetryRows(
        plant=np.repeat(np.arange(len(ids)), count).astype(np.int32),
        event_time_ms=stamps,
        known_at_ms=stamps if known_ms is None else known_ms,
        numbers={"power_kw": np.concatenate(list(plants.values()))},
        status=None,
    )
    return Folder(Path("made-up"), ids, [plant(name) for name in ids], rows, no_units(), runs, ())


def windy_days(days: int, seed: int = 1) -> tuple[F8, list[WeatherRun]]:
    """Power of a plant `a` that follows its wind, and a run of 48 h at each midnight that says it exactly."""
    rng = np.random.default_rng(seed)
    hours = days * 24
    speed = np.clip(8 + np.cumsum(rng.normal(0, 0.8, hours + 48)) % 9 - 4, 0, None)
    power = np.clip((speed - 3) / 9, 0, 1) * 1000
    runs = [
        run("a", START_MS + d * DAY_MS, START_MS + (d * 24 + 1) * HOUR_MS, speed[d * 24 : d * 24 + 48])
        for d in range(days)
    ]
    return power[:hours], runs
