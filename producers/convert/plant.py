"""The plant of files that do not name one: its row of the registry, and its id in every table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
import pyarrow as pa

from producers.convert.interval import step_of
from producers.convert.names import Tables
from producers.convert.stamps import parse
from producers.problems import Problems
from producers.table import Table

#: The columns of a plant's row, in their order.
COLUMNS: Final = (
    "plant_id", "kind", "capacity_kw", "latitude", "longitude", "hub_height_m", "tilt_deg", "azimuth_deg",
    "resolution_s",
)  # fmt: skip
_ALWAYS: Final = ("plant_id", "kind", "capacity_kw", "latitude", "longitude", "resolution_s")
FROM_OPTIONS: Final = "the options"


def with_plant(tables: Tables, given: Mapping[str, str], problems: Problems) -> Tables:
    """The tables with a registry row from what was `given` (column -> cell) and with plant ids everywhere.

    Files without ids are of the only plant there is. A plant that is described twice is a fault.
    """
    if "plants" in tables and set(given) - {"plant_id"}:
        file = tables["plants"].file
        problems.add(
            file, None, None, "describes the plants already: give no options for kind, capacity or place"
        )
        return tables
    if "plants" not in tables and {"plant_id", "kind", "capacity_kw"} <= set(given):
        tables = {"plants": _registry(given), **tables}
    named = _named(tables, given, problems)
    if named is None:
        return tables
    return {stem: _with_id(stem, table, named, problems) for stem, table in tables.items()}


def with_resolution(tables: Tables) -> Tables:
    """A registry that came from options says the resolution as well, where the stamps have a common step."""
    plants = tables.get("plants")
    if plants is None or plants.file != FROM_OPTIONS or "event_time" not in tables.get("telemetry", ()):
        return tables
    from models.windows import resolution_for

    stamps = parse(tables["telemetry"].columns["event_time"], None)
    step_ms = step_of(stamps.wall_ms[stamps.known])
    if step_ms is None:
        return tables
    cell = pa.array([str(resolution_for(step_ms // 1000))], pa.string())
    return {**tables, "plants": plants.with_column("resolution_s", cell)}


def _registry(given: Mapping[str, str]) -> Table:
    names = [name for name in COLUMNS if name in _ALWAYS or name in given]
    columns = {name: pa.array([given.get(name, "")], pa.string()) for name in names}
    return Table(FROM_OPTIONS, columns, np.ones(1, np.int64))


def _named(tables: Tables, given: Mapping[str, str], problems: Problems) -> str | None:
    """The id for rows without one: as given, else that of the only plant."""
    if "plant_id" in given:
        return given["plant_id"]
    plants = tables.get("plants")
    ids = sorted(set(plants.columns["plant_id"].to_pylist())) if plants and "plant_id" in plants else []
    bare = [table.file for stem, table in tables.items() if stem != "plants" and "plant_id" not in table]
    if len(ids) > 1:
        for file in bare:
            what = (
                f"is missing, and there are {len(ids)} plants: add it, or say whose rows these are (--plant)"
            )
            problems.add(file, 1, "plant_id", what)
    return ids[0] if len(ids) == 1 else None


def _with_id(stem: str, table: Table, named: str, problems: Problems) -> Table:
    if stem == "plants" or "plant_id" in table:
        return table
    problems.note(f"{table.file}: has no plant_id; its rows are taken to be of {named}")
    cells = pa.array(np.full(len(table), named, object), pa.string())
    columns = {"plant_id": cells, **table.columns}
    return Table(table.file, columns, table.row, table.decimal)
