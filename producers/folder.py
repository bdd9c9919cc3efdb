"""A canonical folder, read and checked: plants, telemetry, readings of units, weather runs.

Nothing is mended and nothing dropped silently: duplicates and disorder are passed on as the source has them,
a cell that cannot be read stops the reading with its row and column, and what was assumed is in `notes`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from models.validate_control import fault_of_plant, fault_of_run
from models.windows import commonest_step_s, resolution_for
from producers import files, plants_file, telemetry_file, weather_file
from producers.plants_file import PlantRow, plant_rows
from producers.problems import Problems
from producers.table import Longs, Table, has_columns
from producers.telemetry_file import TelemetryRows, UnitRows, no_units, telemetry_rows, unit_rows
from producers.weather_file import weather_runs
from schemas.errors import InputError
from schemas.records import PlantVersion, WeatherRun

#: A plant's steps are told from so many of its first rows, so that nothing of the future decides them.
_ROWS_FOR_STEPS: Final = 2000
#: `valid_from` of a plant whose folder gives none: before every record that can count.
SINCE_EVER_MS: Final = 946_684_800_000


@dataclass(frozen=True)
class Folder:
    """What a folder holds. `plant_ids` in order of first mention; `plants` every version, oldest first."""

    path: Path
    plant_ids: list[str]
    plants: list[PlantVersion]
    telemetry: TelemetryRows
    units: UnitRows
    runs: list[WeatherRun]
    notes: tuple[str, ...]

    def first_known_ms(self) -> int:
        """When the first telemetry row or run was known; raises `InputError` when there is none."""
        return int(self._known().min())

    def last_known_ms(self) -> int:
        """When the last one was."""
        return int(self._known().max())

    def _known(self) -> Longs:
        runs = np.array([run.known_at_ms for run in self.runs], np.int64)
        every = np.concatenate([self.telemetry.known_at_ms, runs])
        if not every.size:
            raise InputError(f"{self.path}: there is neither telemetry nor weather in it")
        return every


def read_folder(path: Path, now_ms: int) -> Folder:
    """Read the canonical folder at `path`; `now_ms` is the wall clock, which no record can be ahead of.

    Raises:
        BadFolder: something is wrong; it names file, row and column and says what to do.
    """
    problems = Problems(str(path))
    return folder_of(path, canonical_tables(path, problems), now_ms, problems)


def folder_of(path: Path, tables: dict[str, Table], now_ms: int, problems: Problems) -> Folder:
    """The folder that these tables are; `problems` holds what was found while they were read.

    Raises:
        BadFolder: something is wrong; it names file, row and column and says what to do.
    """
    good = [has_columns(t.file, list(t.columns), NEEDED[stem], problems) for stem, t in tables.items()]
    if not all(good) or not {"plants", "telemetry"} <= tables.keys():
        raise problems.stop()
    rows = plant_rows(tables["plants"], problems)
    if not rows:
        raise problems.stop()
    plant_ids = {plant_id: i for i, plant_id in enumerate(dict.fromkeys(row.plant_id for row in rows))}
    telemetry = telemetry_rows(tables["telemetry"], plant_ids, now_ms, problems)
    units = no_units()
    if "units" in tables:
        units = unit_rows(tables["units"], telemetry, plant_ids, problems)
    runs: list[WeatherRun] = []
    if "weather" in tables:
        places = _places(rows)
        runs = weather_runs(tables["weather"], plant_ids, places, now_ms, problems)
    problems.raise_if_any()
    if not len(telemetry):
        problems.note(f"{tables['telemetry'].file}: has no row")
    plants = _versions(rows, plant_ids, telemetry, runs, problems)
    _check_controls(tables, plants, runs, problems)
    return Folder(path, list(plant_ids), plants, telemetry, units, runs, tuple(problems.notes))


#: The columns that each table must have.
NEEDED: Final = {
    "plants": plants_file.NEEDED,
    "telemetry": telemetry_file.NEEDED,
    "units": telemetry_file.UNITS_NEEDED,
    "weather": weather_file.NEEDED,
}


def canonical_tables(path: Path, problems: Problems) -> dict[str, Table]:
    """The tables of a folder under their own names, as they are written."""
    if not path.is_dir():
        what = "is no folder: give the folder that holds plants.csv and telemetry.csv"
        problems.add(str(path), None, None, what)
        return {}
    if not any(path.iterdir()):
        problems.add(
            str(path), None, None, "is empty: it needs plants.csv and telemetry.csv (or telemetry.csv.gz)"
        )
        return {}
    sources = files.find(path, problems)
    made = {}
    for stem in files.STEMS:
        if stem in sources:
            table = files.read(sources[stem], problems)
            if table is not None:
                made[stem] = table
        elif stem in ("plants", "telemetry"):
            gz = "" if stem == "plants" else f" or {stem}.csv.gz"
            problems.add(f"{stem}.csv", None, None, f"is missing: the folder needs {stem}.csv{gz}")
    return made


def _check_controls(
    tables: dict[str, Table], plants: list[PlantVersion], runs: list[WeatherRun], problems: Problems
) -> None:
    """A plant that the worker would refuse is a fault: nothing could be forecast. Such a run is a note."""
    for plant in plants:
        if (fault := fault_of_plant(plant)) is not None:
            problems.add(tables["plants"].file, None, None, f"{plant.plant_id!r}: {fault}")
    problems.raise_if_any()
    faults = [(run, fault) for run in runs if (fault := fault_of_run(run)) is not None]
    if faults:
        run, fault = faults[0]
        first = f"the first of {run.plant_id}: {fault}"
        problems.note(f"{tables['weather'].file}: {len(faults)} runs will be refused, {first}")


def _places(rows: list[PlantRow]) -> list[tuple[float | None, float | None]]:
    """Where each plant stands, by its oldest row: a newer one was not known to the first runs."""
    newest_first = sorted(rows, key=_valid_from, reverse=True)
    oldest = {row.plant_id: (row.latitude, row.longitude) for row in newest_first}
    return [oldest[plant_id] for plant_id in dict.fromkeys(row.plant_id for row in rows)]


def _valid_from(row: PlantRow) -> int:
    return SINCE_EVER_MS if row.valid_from_ms is None else row.valid_from_ms


def _versions(
    rows: list[PlantRow],
    plant_ids: dict[str, int],
    telemetry: TelemetryRows,
    runs: list[WeatherRun],
    problems: Problems,
) -> list[PlantVersion]:
    known = np.append(telemetry.known_at_ms, [run.known_at_ms for run in runs]).astype(np.int64)
    first_ms = max(int(known.min()), SINCE_EVER_MS) if known.size else SINCE_EVER_MS
    made: list[PlantVersion] = []
    started: set[str] = set()
    for row in sorted(rows, key=lambda row: (_valid_from(row), plant_ids[row.plant_id])):
        known_at_ms = first_ms if row.valid_from_ms is None else row.valid_from_ms
        if row.plant_id not in started:
            # A plant is known before its first records, or they would all be refused.
            known_at_ms = min(known_at_ms, first_ms)
        started.add(row.plant_id)
        stamps = telemetry.event_time_ms[telemetry.plant == plant_ids[row.plant_id]][:_ROWS_FOR_STEPS]
        made.append(_version(row, known_at_ms, stamps, problems))
    return made


def _version(row: PlantRow, known_at_ms: int, stamps: Longs, problems: Problems) -> PlantVersion:
    scan_s = row.scan_s
    if scan_s is None and len(stamps) > 1:
        scan_s = commonest_step_s(stamps)
    resolution_s = row.resolution_s
    if resolution_s is None:
        resolution_s = resolution_for(scan_s or 3600)
        step = f"the commonest step is {scan_s} s" if scan_s else "it has no telemetry to tell it from"
        problems.note(f"plants.csv: {row.plant_id} has no resolution_s; {step}, so {resolution_s} s is taken")
    return PlantVersion(
        plant_id=row.plant_id,
        valid_from_ms=_valid_from(row),
        known_at_ms=known_at_ms,
        kind=row.kind,
        capacity_kw=row.capacity_kw,
        resolution_s=resolution_s,
        latitude=row.latitude,
        longitude=row.longitude,
        issue_every_s=row.issue_every_s,
        scan_s=scan_s,
        min_kw=row.min_kw,
        hub_height_m=row.hub_height_m,
        tilt_deg=row.tilt_deg,
        azimuth_deg=row.azimuth_deg,
        timezone=row.timezone,
    )
