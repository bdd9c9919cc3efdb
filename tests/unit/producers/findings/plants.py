"""Columns of plants to find things in: the samples, and a park under a clear and cloudy sky."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from models import sun
from producers.check import read_strictly
from producers.findings.all import LOOKS, columns_of
from producers.findings.base import Columns, Finding, Weight
from schemas.records import PlantKind, PlantVersion

SAMPLES = Path(__file__).parents[4] / "samples"
MINUTE_MS = 60_000


def sample(name: str) -> Columns:
    """A sample of the project as its files have it."""
    read = read_strictly(SAMPLES / name, 2_000_000_000_000)
    columns = columns_of(read.folder, read.tables, 0)
    assert columns is not None
    return columns


def park(
    latitude: float, longitude: float, step_min: int = 60, days: int = 365, facing_east: float = 0.0
) -> Columns:
    """A solar park of 1 kW in 2023, clouds over it; `facing_east` from -1 (west) to 1."""
    step_ms = step_min * MINUTE_MS
    begin = int(np.datetime64("2023-01-01", "ms").astype(np.int64))
    stamps = begin + (np.arange(days * 1440 // step_min) + 1) * step_ms
    light = sun.means(latitude, longitude, stamps, step_min * 60)
    cloud = np.repeat(np.random.default_rng(0).uniform(0.2, 1, days * 4 + 4), 360 // step_min + 1)
    power = np.maximum(light.clear * (1 + facing_east * light.east) * cloud[: stamps.size] * 0.85, 0)
    power[power < 0.003] = 0
    return columns(PlantKind.SOLAR, stamps, power, step_ms, latitude, longitude)


def wind(days: int = 90, step_min: int = 10) -> Columns:
    """A wind farm of 1 kW in spring 2024: every value its own, all of the capacity reached."""
    step_ms = step_min * MINUTE_MS
    begin = int(np.datetime64("2024-02-01", "ms").astype(np.int64))
    stamps = begin + (np.arange(days * 1440 // step_min) + 1) * step_ms
    noise = np.random.default_rng(1).normal(size=stamps.size)
    power = np.clip(0.5 + 0.6 * np.sin(np.arange(stamps.size) / 200) + 0.02 * noise, 0.01, 1)
    power = np.where(power >= 1, 1 - np.abs(noise) / 1000, power + np.abs(noise) / 1e6)
    return columns(PlantKind.WIND, stamps, power, step_ms, 50.0, 8.0)


def columns(
    kind: PlantKind,
    stamps: np.ndarray,
    power: np.ndarray,
    step_ms: int,
    latitude: float | None,
    longitude: float | None,
) -> Columns:
    plant = PlantVersion(
        plant_id="p",
        valid_from_ms=0,
        known_at_ms=0,
        kind=kind,
        capacity_kw=1.0,
        resolution_s=step_ms // 1000,
        latitude=latitude,
        longitude=longitude,
    )
    return Columns(plant, "telemetry.csv", np.arange(stamps.size) + 2, stamps, power, step_ms)


def shifted(columns: Columns, minutes: float) -> Columns:
    return replace(columns, stamp_ms=columns.stamp_ms + round(minutes * MINUTE_MS))


def in_local_time(columns: Columns, zone: str) -> Columns:
    """The stamps as a local clock shows them, under the name of UTC."""
    local = pd.to_datetime(columns.stamp_ms, unit="ms", utc=True).tz_convert(zone).tz_localize(None)
    return replace(columns, stamp_ms=local.as_unit("ms").astype("int64").to_numpy())


def placed(columns: Columns, latitude: float | None, longitude: float | None) -> Columns:
    return replace(columns, plant=replace(columns.plant, latitude=latitude, longitude=longitude))


def scaled(columns: Columns, factor: float) -> Columns:
    return replace(columns, power_kw=columns.power_kw * factor)


def found(columns: Columns) -> list[Finding]:
    return list(_every(columns))


def _every(columns: Columns) -> Iterator[Finding]:
    for look in LOOKS:
        yield from look(columns)


def kinds(columns: Columns, *weights: Weight) -> set[str]:
    """The kinds of what is found, of these weights."""
    return {one.kind for one in found(columns) if not weights or one.weight in weights}
