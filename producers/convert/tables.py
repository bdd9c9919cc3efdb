"""Tables as their owner has them, into canonical tables: names, plant, numbers, unit, times."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from producers import files
from producers.convert.guesses import Guesses, Unit
from producers.convert.joined import join
from producers.convert.names import WORDS, Tables, drop, rename
from producers.convert.numerals import shifted, with_points
from producers.convert.plant import with_plant, with_resolution
from producers.convert.times import COLUMNS, in_utc
from producers.folder import NEEDED
from producers.problems import Problems
from producers.table import Table, has_columns

_MEASURED: Final = ("telemetry", "units")


def read_tables(path: Path, guesses: Guesses, problems: Problems) -> Tables:
    """The tables of a folder or of a single file, as they are written; what is wrong goes to `problems`."""
    if not path.exists():
        problems.add(str(path), None, None, "is not there: give a folder, or a file with telemetry")
        return {}
    if path.is_dir():
        sources = files.find(path, problems, guesses.files)
    else:
        sources = files.find_in_file(path, problems)
    made = {stem: files.read(source, problems, guesses.dialect) for stem, source in sources.items()}
    return {stem: table for stem, table in made.items() if table is not None}


def convert(tables: Tables, guesses: Guesses, problems: Problems) -> Tables:
    """Canonical tables, whose rows are still numbered as the files they came from.

    Raises:
        BadFolder: something does not fit what was guessed; a step whose input is at fault is not tried.
    """
    tables = drop(tables, guesses.dropped, problems)
    tables = rename(join(tables, guesses.names), guesses.names, problems)
    problems.raise_if_any()
    tables = with_plant(tables, guesses.plant, problems)
    _check_columns(tables, problems)
    problems.raise_if_any()
    tables = {stem: _numbers(stem, table, guesses.unit, problems) for stem, table in tables.items()}
    tables = {stem: in_utc(stem, table, guesses, problems) for stem, table in tables.items()}
    problems.raise_if_any()
    return with_resolution(tables)


def _check_columns(tables: Tables, problems: Problems) -> None:
    for stem, table in tables.items():
        has_columns(table.file, list(table.columns), NEEDED[stem], problems)
    if "telemetry" not in tables:
        problems.add("telemetry.csv", None, None, "is missing: name the file with --file telemetry=NAME")
    if "plants" not in tables:
        what = "is missing: write it, or describe the plant with --plant NAME --kind wind|solar --capacity KW"
        problems.add("plants.csv", None, None, what)


def _numbers(stem: str, table: Table, unit: Unit | None, problems: Problems) -> Table:
    names = [name for name in table.columns if name not in WORDS and name not in COLUMNS[stem]]
    table = with_points(table, names, problems)
    if unit is None or stem not in _MEASURED:
        return table
    return shifted(table, [name for name in names if name.endswith("_kw")], unit.shift, problems)
