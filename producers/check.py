"""The reading behind `gridcast check`: files as they are, or as their owner says that they are to be read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from producers.convert.daylight import check_light
from producers.convert.guesses import Guesses
from producers.convert.names import Tables
from producers.convert.plausible import check_unit
from producers.convert.tables import convert, read_tables
from producers.findings.all import columns_of
from producers.folder import Folder, canonical_tables, folder_of
from producers.problems import Problems


@dataclass(frozen=True)
class Read:
    """Canonical tables, and the folder that they are."""

    tables: Tables
    folder: Folder


def read_strictly(path: Path, now_ms: int) -> Read:
    """Read a folder as `publish` and `backtest` do; `now_ms` is the wall clock.

    Raises:
        BadFolder: it is not canonical; it names file, row and column.
    """
    problems = Problems(str(path))
    tables = canonical_tables(path, problems)
    return Read(tables, folder_of(path, tables, now_ms, problems))


def read_as(path: Path, guesses: Guesses, now_ms: int) -> Read:
    """Read what is at `path` (a folder or a file) by these guesses; `now_ms` is the wall clock.

    Raises:
        BadFolder: the files do not bear the guesses, or are wrong; it names file, row and column.
    """
    problems = Problems(str(path))
    tables = read_tables(path, guesses, problems)
    problems.raise_if_any()
    tables = convert(tables, guesses, problems)
    folder = folder_of(path, tables, now_ms, problems)
    _check_guesses(folder, tables, guesses, problems)
    problems.raise_if_any()
    return Read(tables, folder)


def _check_guesses(folder: Folder, tables: Tables, guesses: Guesses, problems: Problems) -> None:
    for number in range(len(folder.plant_ids)):
        columns = columns_of(folder, tables, number)
        if columns is not None:
            check_unit(columns, problems)
            check_light(columns, guesses, problems)
