"""`telemetry.csv[.gz]` and `units.csv[.gz]` of a canonical folder."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from producers.known import known_at
from producers.problems import Problems
from producers.table import NO_TIME, Floats, Ints, Longs, Table, numbers, texts, times, words
from schemas.journal import UnitColumns

NEEDED: Final = ("plant_id", "event_time", "power_kw")
UNITS_NEEDED: Final = ("plant_id", "unit_id", "event_time")
_UNIT_NUMBERS: Final = ("power_kw", "wind_speed_ms")


@dataclass(frozen=True)
class TelemetryRows:
    """n rows in the order of the file. `plant` i4[n] points into the folder's plants.

    `numbers`: column with its unit -> f8[n], NaN where empty; power_kw is always there.
    """

    plant: Ints
    event_time_ms: Longs
    known_at_ms: Longs
    numbers: dict[str, Floats]
    status: list[str | None] | None

    def __len__(self) -> int:
        return len(self.plant)

    def column(self, name: str) -> Floats:
        """A column, or NaN everywhere where the file does not have it."""
        found = self.numbers.get(name)
        return found if found is not None else np.full(len(self), np.nan)


@dataclass(frozen=True)
class UnitRows:
    """Readings of units, sorted by the telemetry row that carries them, with the status of each."""

    readings: UnitColumns
    status: list[str | None] | None


def telemetry_rows(table: Table, plant_ids: dict[str, int], now_ms: int, problems: Problems) -> TelemetryRows:
    """The rows of a telemetry file; `plant_ids` are the ids of `plants.csv` with their numbers."""
    plant = plant_numbers(table, plant_ids, problems)
    event_time_ms = times(table, "event_time", problems)
    given = times(table, "known_at", problems, needed=False) if "known_at" in table else None
    if given is not None:
        _refuse_future(table, given, now_ms, problems)
    named = ("plant_id", "event_time", "known_at", "status")
    values = {name: numbers(table, name, problems) for name in table.columns if name not in named}
    status = words(table, "status") if "status" in table else None
    return TelemetryRows(plant, event_time_ms, known_at(plant, event_time_ms, given, now_ms), values, status)


def no_units() -> UnitRows:
    """What a folder without units has."""
    return UnitRows(UnitColumns.empty(), None)


def unit_rows(
    table: Table, telemetry: TelemetryRows, plant_ids: dict[str, int], problems: Problems
) -> UnitRows:
    """The readings of a units file, each with the telemetry row of its plant and time.

    Where a time stands several times in the telemetry, the k-th reading of a unit belongs to the k-th row; a
    row for which no reading is left repeats the first one's. Readings without a row are left out, and said.
    """
    before = problems.count
    plant = plant_numbers(table, plant_ids, problems)
    unit, unit_ids = texts(table, "unit_id", problems)
    event_time_ms = times(table, "event_time", problems)
    values = {
        name: numbers(table, name, problems) if name in table else np.full(len(table), np.nan)
        for name in _UNIT_NUMBERS
    }
    used = {*UNITS_NEEDED, *_UNIT_NUMBERS, "status"}
    spare = [name for name in table.columns if name not in used]
    if spare:
        problems.note(f"{table.file}: of a unit only power, wind and status are read, not {', '.join(spare)}")
    if problems.count > before:
        return no_units()
    row, source = _attach(telemetry, plant, event_time_ms, unit)
    lost = len(table) - len(np.unique(source))
    if lost:
        problems.note(
            f"{table.file}: {lost} rows are left out, for no telemetry row has their plant and time"
        )
    status = words(table, "status") if "status" in table else None
    readings = UnitColumns(
        row=row,
        unit=unit[source],
        unit_ids=unit_ids,
        power_kw=values["power_kw"][source],
        wind_speed_ms=values["wind_speed_ms"][source],
    )
    return UnitRows(readings, status and [status[i] for i in source])


def _attach(telemetry: TelemetryRows, plant: Ints, event_time_ms: Longs, unit: Ints) -> tuple[Ints, Longs]:
    """Telemetry row and units-file row of each reading, in the order of the telemetry rows."""
    rows = pd.DataFrame({"plant": telemetry.plant, "time": telemetry.event_time_ms})
    rows["nth"] = rows.groupby(["plant", "time"]).cumcount()
    rows["row"] = np.arange(len(rows))
    found = pd.DataFrame({"plant": plant, "time": event_time_ms, "unit": unit})
    found["nth"] = found.groupby(["plant", "unit", "time"]).cumcount()
    found["source"] = np.arange(len(found))
    key = ["plant", "time", "nth"]
    joined = rows.merge(found, on=key, sort=False)
    bare = rows[(rows["nth"] > 0) & ~rows["row"].isin(joined["row"])]
    repeats = bare.drop(columns="nth").merge(found[found["nth"] == 0], on=["plant", "time"], sort=False)
    both = pd.concat([joined, repeats]).sort_values(["row", "source"], kind="stable")
    return both["row"].to_numpy(np.int32), both["source"].to_numpy(np.int64)


def plant_numbers(table: Table, plant_ids: dict[str, int], problems: Problems) -> Ints:
    """The folder's number of each row's plant; a plant that is not in `plants.csv` is a fault."""
    codes, names = texts(table, "plant_id", problems)
    number = np.array([plant_ids.get(name, -1) for name in names], np.int32)
    made = number[codes] if names else np.empty(0, np.int32)
    strange = np.flatnonzero((made < 0) & np.array([bool(name) for name in names] or [False])[codes])
    faults = ((int(table.row[i]), f"{names[codes[i]]!r} is not in plants.csv: add it there") for i in strange)
    problems.add_rows(table.file, faults, "plant_id")
    return made


def _refuse_future(table: Table, given_ms: Longs, now_ms: int, problems: Problems) -> None:
    ahead = np.flatnonzero((given_ms != NO_TIME) & (given_ms > now_ms))
    what = "lies in the future: nothing can be known yet"
    problems.add_rows(table.file, ((int(table.row[i]), what) for i in ahead), "known_at")
