"""What a readable folder holds: counts by plant."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from models.validate import FIRST_TIME_MS, HIGHEST_SHARE, LOWEST_SHARE, MAX_AHEAD_MS
from producers.folder import Folder
from producers.table import Floats, Longs
from schemas.records import PlantVersion

_HOUR_MS: Final = 3_600_000


@dataclass(frozen=True)
class PlantReport:
    """One plant's part of a folder. Times in epoch milliseconds, -1 where there is no telemetry."""

    plant_id: str
    kind: str
    capacity_kw: float
    resolution_s: int
    rows: int
    first_ms: int
    last_ms: int
    without_power: int
    repeats: int
    corrections: int
    late: int
    out_of_range: int
    wrong_clock: int
    gaps: int
    longest_gap_h: float
    runs: int
    units: int
    highest_share: float | None


def report(folder: Folder) -> list[PlantReport]:
    """A report for each plant of a folder."""
    newest = {plant.plant_id: plant for plant in folder.plants}
    return [_report(folder, number, newest[name]) for number, name in enumerate(folder.plant_ids)]


@dataclass(frozen=True)
class _Rows:
    """The telemetry of one plant in the order of arrival."""

    event_time_ms: Longs
    known_at_ms: Longs
    power_kw: Floats


def _report(folder: Folder, number: int, plant: PlantVersion) -> PlantReport:
    at = np.flatnonzero(folder.telemetry.plant == number)
    telemetry = folder.telemetry
    rows = _Rows(telemetry.event_time_ms[at], telemetry.known_at_ms[at], telemetry.numbers["power_kw"][at])
    share = rows.power_kw / plant.capacity_kw
    wrong_clock = (rows.event_time_ms < FIRST_TIME_MS) | (
        rows.event_time_ms > rows.known_at_ms + MAX_AHEAD_MS
    )
    inside = (share >= LOWEST_SHARE) & (share <= HIGHEST_SHARE)
    repeats, corrections = _doubles(rows)
    gaps_h = _gaps_h(rows, plant)
    runs = sum(1 for run in folder.runs if run.plant_id == plant.plant_id)
    readings = folder.units.readings
    return PlantReport(
        plant_id=plant.plant_id,
        kind=plant.kind.value,
        capacity_kw=plant.capacity_kw,
        resolution_s=plant.resolution_s,
        rows=len(at),
        first_ms=int(rows.event_time_ms.min()) if len(at) else -1,
        last_ms=int(rows.event_time_ms.max()) if len(at) else -1,
        without_power=int(np.isnan(rows.power_kw).sum()),
        repeats=repeats,
        corrections=corrections,
        late=int((rows.event_time_ms < np.maximum.accumulate(rows.event_time_ms)).sum()),
        out_of_range=int((np.isfinite(share) & ~inside).sum()),
        wrong_clock=int(wrong_clock.sum()),
        gaps=len(gaps_h),
        longest_gap_h=round(float(gaps_h.max()), 2) if len(gaps_h) else 0.0,
        runs=runs,
        units=len(np.unique(readings.unit[np.isin(readings.row, at)])),
        highest_share=round(float(np.nanmax(share)), 4) if np.isfinite(share).any() else None,
    )


def _doubles(rows: _Rows) -> tuple[int, int]:
    """How many rows repeat an earlier one of their time, and how many give it another value."""
    order = np.argsort(rows.event_time_ms, kind="stable")
    stamps, power = rows.event_time_ms[order], rows.power_kw[order]
    again = stamps[1:] == stamps[:-1]
    same = (power[1:] == power[:-1]) | (np.isnan(power[1:]) & np.isnan(power[:-1]))
    return int((again & same).sum()), int((again & ~same).sum())


def _gaps_h(rows: _Rows, plant: PlantVersion) -> Floats:
    """Lengths of the holes between stamps that lose an interval of the plant, in hours."""
    steps = np.diff(np.unique(rows.event_time_ms))
    longest_ms = 2 * max(plant.resolution_s, plant.scan_s or 0) * 1000
    return np.asarray(steps[steps >= longest_ms] / _HOUR_MS, np.float64)
