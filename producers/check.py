"""The reading behind `gridcast check`: files as they are, or as their owner says that they are to be read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from producers.convert.guesses import Guesses
from producers.convert.names import Tables
from producers.convert.plausible import check_unit
from producers.convert.tables import convert, read_tables
from producers.folder import Folder, canonical_tables, folder_of
from producers.problems import Problems
from producers.table import Table


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
    _check_units(folder, tables["telemetry"], problems)
    problems.raise_if_any()
    return Read(tables, folder)


def _check_units(folder: Folder, telemetry: Table, problems: Problems) -> None:
    newest = {plant.plant_id: plant for plant in folder.plants}
    for number, plant_id in enumerate(folder.plant_ids):
        rows = np.flatnonzero(folder.telemetry.plant == number)
        if rows.size:
            power_kw = folder.telemetry.numbers["power_kw"][rows]
            check_unit(newest[plant_id], power_kw, rows, telemetry, problems)
