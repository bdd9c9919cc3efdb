"""The command that would read a stranger's files, with the reason for each of its options."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np

from models.validate import FIRST_TIME_MS, LAST_TIME_MS
from producers.check import read_as
from producers.clock_changes import Readings, best, told, zones_near
from producers.convert.guesses import Guesses, Stamp, Unit
from producers.convert.interval import step_of
from producers.convert.joined import join
from producers.convert.names import Tables, rename
from producers.convert.stamps import parse
from producers.convert.tables import read_tables
from producers.files import SUFFIXES
from producers.findings.all import find_all
from producers.problems import BadFolder, Problems
from producers.suggest.dialect import dialect_of
from producers.suggest.formats import format_of
from producers.suggest.names import names_of, words_in
from producers.table import Floats, Longs, Table
from schemas.errors import InputError

_MEASURED: Final = ("telemetry", "units")


@dataclass
class Suggestion:
    """`options` as they are typed, `reasons` for them, and `left`, what they do not solve (None: nothing)."""

    guesses: Guesses
    options: list[str] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)
    left: str | None = None
    #: The zone is tried out against the sun, and said only where it agrees.
    assumed_utc: bool = False
    _read: dict[object, Tables] = field(default_factory=dict)

    def tables(self, path: Path) -> Tables:
        """The tables under the names that are guessed; what is wrong with them is said elsewhere."""
        key = (self.guesses.dialect, *self.guesses.files.items())
        if key not in self._read:
            self._read[key] = read_tables(path, self.guesses, Problems(str(path)))
        tables = join(self._read[key], self.guesses.names)
        names = [pair for pair in self.guesses.names if any(pair[0] in table for table in tables.values())]
        return rename(tables, names, Problems(str(path)))

    def add(self, guesses: Guesses, options: list[str], reason: str) -> None:
        """One more guess."""
        self.guesses = guesses
        self.options += options
        self.reasons.append(reason)


def suggest(path: Path, given: Guesses, now_ms: int) -> Suggestion:
    """What more to say of the files at `path` than was `given`, tried out."""
    made = Suggestion(given)
    for step in (_file, _dialect, _names, _plant, _stamps, _unit):
        step(path, made)
    _try(path, made, now_ms)
    return made


def _file(path: Path, made: Suggestion) -> None:
    """A folder without telemetry, and one file in it that can be nothing else."""
    if not path.is_dir() or "telemetry" in made.tables(path):
        return
    named = [p.name for p in sorted(path.iterdir()) if p.name.endswith(SUFFIXES)]
    stems = ("plants", "units", "weather")
    spare = [name for name in named if not name.startswith(stems) and name not in made.guesses.files.values()]
    if len(spare) == 1 and not any(name.startswith("telemetry") for name in named):
        files = {**made.guesses.files, "telemetry": spare[0]}
        options = ["--file", f"telemetry={spare[0]}"]
        made.add(replace(made.guesses, files=files), options, f"{spare[0]} is the only table left")


def _dialect(path: Path, made: Suggestion) -> None:
    for file in _csv_files(path, made):
        found, have = dialect_of(file), made.guesses.dialect
        if found.separator == "," or found == have:
            continue
        shown = "tab" if found.separator == "\t" else found.separator
        options = [] if found.separator == have.separator else ["--separator", shown]
        options += [] if found.decimal == have.decimal else ["--decimal", found.decimal]
        reason = f"{file.name} parts its cells by {shown!r} and has decimals with {found.decimal!r}"
        made.add(replace(made.guesses, dialect=found), options, reason)
        return


def _csv_files(path: Path, made: Suggestion) -> list[Path]:
    if path.is_file():
        return [path] if path.name.endswith((".csv", ".csv.gz", ".txt")) else []
    names = made.guesses.files.values()
    return [p for p in sorted(path.glob("*.csv*")) if p.name in names or p.name.startswith(_MEASURED)]


def _names(path: Path, made: Suggestion) -> None:
    tables = made.tables(path)
    plants = tables.get("plants")
    ids = (
        set(plants.columns["plant_id"].to_pylist()) if plants is not None and "plant_id" in plants else set()
    )
    for stem in _MEASURED:
        if stem not in tables:
            continue
        have = dict(made.guesses.names)
        for old, new in names_of(stem, tables[stem], ids):
            if old not in have:
                names = (*made.guesses.names, (old, new))
                made.add(
                    replace(made.guesses, names=names), ["--map", f"{old}={new}"], f"{old} looks like {new}"
                )
        for name in words_in(tables[stem], made.guesses.names):
            if name not in made.guesses.dropped:
                dropped = (*made.guesses.dropped, name)
                made.add(replace(made.guesses, dropped=dropped), ["--drop", name], f"{name} holds words")


def _plant(path: Path, made: Suggestion) -> None:
    if "plants" not in made.tables(path) and "kind" not in made.guesses.plant:
        made.left = (
            "nothing describes the plant: add --plant NAME --kind wind|solar --capacity KW and its position"
        )


def _stamps(path: Path, made: Suggestion) -> None:
    tables = made.tables(path)
    telemetry = tables.get("telemetry")
    if telemetry is None or "event_time" not in telemetry:
        return
    cells = telemetry.columns["event_time"]
    form = made.guesses.time_format
    if form is None:
        guessed = format_of(cells)
        if guessed:
            form = guessed
            made.add(
                replace(made.guesses, time_format=form), ["--time-format", form], f"every stamp fits {form!r}"
            )
    stamps = parse(cells, form)
    if made.guesses.timezone is None and not stamps.faults and (stamps.known & ~stamps.zoned).any():
        _zone(tables, stamps.wall_ms[stamps.known], made)


def _zone(tables: Tables, wall_ms: Longs, made: Suggestion) -> None:
    wall_ms = wall_ms[(wall_ms >= FIRST_TIME_MS) & (wall_ms <= LAST_TIME_MS)]
    step_ms = step_of(wall_ms)
    zones = zones_near(_number(tables.get("plants"), "longitude"))
    marks = None if step_ms is None else best([Readings(wall_ms, step_ms).marks_of(zone) for zone in zones])
    if marks is None:
        if _has_sun(tables, made.guesses):
            made.guesses = replace(made.guesses, timezone=ZoneInfo("UTC"))
            made.assumed_utc = True
        else:
            made.left = made.left or "the stamps do not say their zone, nor do the data: add --timezone ZONE"
        return
    reason = f"the stamps have {told(marks)}, as the clock of {marks.zone} and others like it"
    made.add(replace(made.guesses, timezone=ZoneInfo(marks.zone)), ["--timezone", marks.zone], reason)


def _has_sun(tables: Tables, guesses: Guesses) -> bool:
    """Whether the only plant is solar and its position known, so that its light tells the clock."""
    plants, given = tables.get("plants"), guesses.plant
    if given:
        return given.get("kind") == "solar" and "longitude" in given
    if plants is None or len(plants) != 1 or not {"kind", "longitude"} <= plants.columns.keys():
        return False
    return plants.columns["kind"][0].as_py() == "solar" and _number(plants, "longitude") is not None


def _unit(path: Path, made: Suggestion) -> None:
    tables = made.tables(path)
    telemetry = tables.get("telemetry")
    given = made.guesses.plant.get("capacity_kw")
    capacity_kw = float(given) if given else _number(tables.get("plants"), "capacity_kw")
    if made.guesses.unit is not None or telemetry is None or "power_kw" not in telemetry or not capacity_kw:
        return
    power = _numbers(telemetry, "power_kw")
    if not (power > 0).any() or -power.min() > 5 * power.max():  # the sign is turned, whatever the unit
        return
    top = float(np.quantile(power[power > 0], 0.99)) / capacity_kw
    unit = Unit.W if top > 20 else Unit.MW if power.max() / capacity_kw < 0.02 else None
    if unit is not None:
        reason = f"power is {top:.3g} times the capacity of {capacity_kw:g} kW"
        made.add(replace(made.guesses, unit=unit), ["--unit", unit.value], reason)


def _try(path: Path, made: Suggestion, now_ms: int) -> None:
    """Whether the guesses read the files, and whether the light then says that stamps mark starts."""
    if made.left is not None or not (made.options or made.assumed_utc):
        return
    try:
        read = read_as(path, made.guesses, now_ms)
        if made.assumed_utc:
            made.add(
                made.guesses, ["--timezone", "UTC"], "taken as UTC, the light of the days follows the sun"
            )
        early = any(finding.kind == "stamp" for finding in find_all(read.folder, read.tables))
        if made.guesses.stamp is None and early:
            guesses = replace(made.guesses, stamp=Stamp.START)
            made.add(guesses, ["--stamp", "start"], "the light begins and ends an interval before the sun")
            read_as(path, guesses, now_ms)
    except BadFolder as bad:
        made.left = str(bad.problems[0])
    except InputError as error:
        made.left = str(error)


def _number(table: Table | None, column: str) -> float | None:
    """The number of a column of a registry of one plant."""
    if table is None or column not in table or len(table) != 1:
        return None
    found = _numbers(table, column)
    return float(found[0]) if found.size else None


def _numbers(table: Table, column: str) -> Floats:
    """What can be read of a column, f8[m]."""
    made = []
    for text in table.columns[column].to_pylist():
        try:
            made.append(float(text.replace(table.decimal, ".")))
        except ValueError:
            continue
    values = np.array(made, np.float64)
    return values[np.isfinite(values)]
