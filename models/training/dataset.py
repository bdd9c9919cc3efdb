"""What training knows of each plant: interval means by the worker's own rule, what is clean, and the runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from models import validate, windows
from models.forecast.base import HOUR_MS, Flags, Floats, Ints
from models.training import clean
from models.training.clean import Causes
from models.training.nearby import nearby
from models.validate_control import without_nonsense
from schemas.errors import Reason
from schemas.journal import TelemetryColumns
from schemas.records import PlantVersion, WeatherRun

DAY_MS = 86_400_000


@dataclass(frozen=True, eq=False)
class PlantHistory:
    """One plant's past on a grid of its resolution, without holes.

    `plant` is the newest of `versions`; `end_ms` (n,) ends of intervals, `power_kw` (n,) their means, NaN
    where missing, `clean` (n,) whether the power was the weather's doing (no curtailment, outage, stuck
    meter or wrong scale), `causes` (n,) what it was where not (`clean.Cause`), None where nobody looked.
    """

    plant: PlantVersion
    versions: list[PlantVersion]
    end_ms: Ints
    power_kw: Floats
    clean: Flags
    runs: list[WeatherRun]
    causes: Causes | None = None

    @property
    def share(self) -> Floats:
        """Power (n,) in shares of the capacity that held at the time."""
        starts = np.array([v.valid_from_ms for v in self.versions], np.int64)
        held = np.clip(np.searchsorted(starts, self.end_ms, side="right") - 1, 0, None)
        return np.asarray(self.power_kw / np.array([v.capacity_kw for v in self.versions])[held])

    def hourly(self, clean_only: bool = False) -> tuple[Ints, Floats]:
        """Ends (m,) of whole hours and their mean shares (m,), NaN where under half of an hour is known.

        With `clean_only` also NaN where any of the hour was not clean.
        """
        if not len(self.end_ms):
            return np.empty(0, np.int64), np.empty(0)
        slot = -(-self.end_ms // HOUR_MS)
        place, size = slot - slot[0], int(slot[-1] - slot[0]) + 1
        known = np.isfinite(self.power_kw)
        total = np.bincount(place[known], weights=self.share[known], minlength=size)
        count = np.bincount(place[known], minlength=size)
        bad = np.bincount(place[~self.clean], minlength=size) if clean_only else np.zeros(size, np.int64)
        enough = (count * 2 * self.plant.resolution_s >= 3600) & (bad == 0) & (count > 0)
        hours = (np.arange(size, dtype=np.int64) + slot[0]) * HOUR_MS
        return hours, np.where(enough, total / np.maximum(count, 1), np.nan)

    def hourly_at(self, hours_ms: Ints, clean_only: bool = False) -> Floats:
        """Mean shares (m,) of the hours that end at `hours_ms`, NaN where unknown."""
        hours, share = self.hourly(clean_only)
        return at(hours, share, HOUR_MS, hours_ms)

    def before(self, until_ms: int) -> PlantHistory:
        """What was known until a time."""
        kept = self.end_ms <= until_ms
        runs = [r for r in self.runs if max(r.published_at_ms, r.known_at_ms) <= until_ms]
        return self._cut(kept, runs)

    def newest(self, days: int) -> PlantHistory:
        """The newest days alone, with the runs that speak of them."""
        first = int(self.end_ms[-1]) - days * DAY_MS
        kept = self.end_ms > first
        runs = [r for r in self.runs if r.valid_at_ms.size and r.valid_at_ms[-1] > first]
        return self._cut(kept, runs)

    def _cut(self, kept: Flags, runs: list[WeatherRun]) -> PlantHistory:
        return replace(
            self,
            end_ms=self.end_ms[kept],
            power_kw=self.power_kw[kept],
            clean=self.clean[kept],
            causes=None if self.causes is None else self.causes[kept],
            runs=runs,
        )


def at(ends_ms: Ints, values: Floats, step_ms: int, wanted_ms: Ints) -> Floats:
    """Values on a grid without holes at the wanted ends, NaN outside and between the grid's ends."""
    if not len(ends_ms):
        return np.full(np.shape(wanted_ms), np.nan)
    away = np.asarray(wanted_ms, np.int64) - ends_ms[0]
    row = away // step_ms
    inside = (row >= 0) & (row < len(ends_ms)) & (away % step_ms == 0)
    return np.where(inside, values[np.clip(row, 0, len(ends_ms) - 1)], np.nan)


def histories(
    plants: Sequence[PlantVersion], telemetry: TelemetryColumns, runs: Sequence[WeatherRun], until_ms: int
) -> list[PlantHistory]:
    """The histories of all plants from what was known until a time; a plant without telemetry is left out.

    Records that the worker would refuse are left out here too, by the same function.
    """
    versions = _versions(plants, until_ms)
    newest = {plant_id: known[-1] for plant_id, known in versions.items()}
    rows = telemetry.take((telemetry.known_at_ms <= until_ms) & (telemetry.event_time_ms <= until_ms))
    judged = validate.validate(rows, validate.versions_of(rows, versions))
    wild = rows.take(judged.has(Reason.OUT_OF_RANGE) & ~rows.is_tick)
    rows = rows.take(judged.ok & ~rows.is_tick)
    made = []
    for plant_id, plant in newest.items():
        if plant_id not in rows.plant_ids:
            continue
        own = rows.take(rows.plant == rows.plant_ids.index(plant_id))
        its_runs = [
            without_nonsense(r)
            for r in runs
            if r.plant_id == plant_id and max(r.published_at_ms, r.known_at_ms) <= until_ms
        ]
        if np.isfinite(own.power_kw).any():
            refused_ms = wild.event_time_ms[np.array(wild.plant_ids)[wild.plant] == plant_id]
            made.append(_history(plant, versions[plant_id], own, its_runs, refused_ms))
    return made


def _versions(plants: Sequence[PlantVersion], until_ms: int) -> dict[str, list[PlantVersion]]:
    """Versions of each plant, oldest `valid_from` first; of two with the same one the newest known counts."""
    known: dict[str, dict[int, PlantVersion]] = {}
    for version in sorted(plants, key=lambda v: v.known_at_ms):
        if max(version.valid_from_ms, version.known_at_ms) <= until_ms:
            known.setdefault(version.plant_id, {})[version.valid_from_ms] = version
    return {plant_id: [own[start] for start in sorted(own)] for plant_id, own in known.items()}


def _history(
    plant: PlantVersion,
    versions: list[PlantVersion],
    rows: TelemetryColumns,
    runs: list[WeatherRun],
    refused_ms: Ints,
) -> PlantHistory:
    step_s = plant.scan_s or windows.commonest_step_s(np.sort(rows.event_time_ms))
    scan_s = min(step_s, plant.resolution_s)
    ends, power_kw = windows.interval_means(rows.event_time_ms, rows.power_kw, plant.resolution_s, scan_s)
    raw = PlantHistory(plant, versions, ends, power_kw, np.ones(len(ends), np.bool_), runs)
    sensors = (
        _on_grid(rows, rows.setpoint_kw, ends, plant),
        _on_grid(rows, rows.wind_speed_ms, ends, plant),
        _on_grid(rows, rows.poa_irradiance_w_m2, ends, plant),
    )
    causes = clean.causes(plant, ends, raw.share, nearby(ends, sensors, runs, refused_ms))
    return replace(raw, clean=causes == clean.Cause.WEATHER, causes=causes)


def _on_grid(rows: TelemetryColumns, values: Floats, ends: Ints, plant: PlantVersion) -> Floats:
    """Interval means (n,) of a sensor column on the grid of the power, NaN where it said nothing."""
    grid, means = windows.interval_means(rows.event_time_ms, values, plant.resolution_s, plant.resolution_s)
    return at(grid, means, plant.resolution_s * 1000, ends)
