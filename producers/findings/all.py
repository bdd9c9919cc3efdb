"""Every finding of a folder, the heaviest first."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np

from models.windows import commonest_step_s
from producers.convert.interval import step_of
from producers.findings.base import HEAVIEST_FIRST, Columns, Finding, Found, Weight
from producers.findings.clock import clock_changes
from producers.findings.flat import flat_runs, standstills
from producers.findings.gaps import gaps, without_power
from producers.findings.history import little_history, no_position, no_weather, nowhere
from producers.findings.order import repeats, unordered
from producers.findings.out_of_time import in_time, wrong_clock
from producers.findings.power import below, wrong_power
from producers.findings.sensors import hanging_sensors, impossible_sensors
from producers.findings.sun_clock import sun_and_clock
from producers.findings.units import unit_power
from producers.folder import Folder
from producers.table import Table

LOOKS: Final[tuple[Callable[[Columns], Found], ...]] = (
    clock_changes,
    sun_and_clock,
    wrong_power,
    below,
    without_power,
    gaps,
    flat_runs,
    standstills,
    repeats,
    unordered,
    impossible_sensors,
    hanging_sensors,
    little_history,
    no_position,
    nowhere,
)


def find_all(folder: Folder, tables: Mapping[str, Table]) -> list[Finding]:
    """What looks wrong in a folder that can be read; `tables` are those that it was made of."""
    found: list[Finding] = []
    for number in range(len(folder.plant_ids)):
        columns = columns_of(folder, tables, number)
        found += wrong_clock(folder, tables["telemetry"], number)
        if columns is None:
            found.append(_of_nothing(folder.plant_ids[number], tables))
            continue
        for look in LOOKS:
            found += look(columns)
        if "units" in tables:
            rows = np.flatnonzero(in_time(folder, number))
            found += unit_power(columns, folder, rows, tables["units"].file)
        runs = sum(1 for run in folder.runs if run.plant_id == columns.plant.plant_id)
        found += no_weather(columns, runs)
    kinds = list(dict.fromkeys(finding.kind for finding in found))
    return sorted(found, key=lambda one: (HEAVIEST_FIRST.index(one.weight), kinds.index(one.kind), one.what))


def _of_nothing(plant_id: str, tables: Mapping[str, Table]) -> Finding:
    """A plant in the registry without a row of telemetry."""
    what = "has no telemetry: its forecasts start from physics, with wide bands"
    do = "nothing where it is new; else look whether plant_id is written alike in both files"
    return Finding("empty", Weight.SOME, plant_id, tables["telemetry"].file, None, None, what, do)


def columns_of(folder: Folder, tables: Mapping[str, Table], number: int) -> Columns | None:
    """The rows of one plant of a folder whose clock can be right; None where it has none."""
    rows = np.flatnonzero(in_time(folder, number))
    if not rows.size:
        return None
    telemetry = tables["telemetry"]
    stamps = folder.telemetry.event_time_ms[rows]
    plant = [plant for plant in folder.plants if plant.plant_id == folder.plant_ids[number]][-1]
    return Columns(
        plant=plant,
        file=telemetry.file,
        row=telemetry.row[rows],
        stamp_ms=stamps,
        power_kw=folder.telemetry.numbers["power_kw"][rows],
        step_ms=step_of(stamps) or commonest_step_s(stamps) * 1000,
        known_given="known_at" in telemetry,
        registry=tables["plants"].file,
        sensors={name: v[rows] for name, v in folder.telemetry.numbers.items() if name != "power_kw"},
    )
