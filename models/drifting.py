"""The columns that the drift tests look at, and the tests themselves once a day of each plant."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from models.drift import daily
from models.drift.finding import Occasion
from models.fleet import Fleet
from models.forecast.base import HOUR_MS
from models.maturing import ERRORS_KEPT_H
from models.outlook import Outlook
from models.state import Field, FleetState
from schemas.records import WeatherRun

I8 = NDArray[np.int64]
F8 = NDArray[np.float64]

WEEK_H: Final = 168
MOST_INPUTS: Final = 8
FIELDS: Final[tuple[Field, ...]] = (
    *daily.FIELDS,
    Field("input_hour", "i4", (WEEK_H,), -1),
    Field("input_value", "f4", (WEEK_H, MOST_INPUTS), np.nan),
)


def inputs_of(outlook: Outlook) -> list[str]:
    """Weather columns of a plant that its release holds a reference of."""
    return sorted(outlook.release.reference.get(outlook.plant.plant_id, {}))[:MOST_INPUTS]


def trained_runs(outlook: Outlook) -> Iterator[WeatherRun]:
    """The runs, newest first, that are of a source which the plant's weather model learned from."""
    model = outlook.release.weather.get(outlook.plant.plant_id)
    return (run for run in reversed(outlook.runs) if model is not None and model.knows(run))


def forget_inputs(state: FleetState, slot: int) -> None:
    """Another release serves: its columns stand in other places."""
    state["input_hour"][slot] = -1


def note_inputs(fleet: Fleet, slots: I8, issued_at_ms: I8) -> None:
    """At whole hours: what the newest run says of the hour that ends now."""
    rows = np.flatnonzero(issued_at_ms % HOUR_MS == 0)
    for slot, t in zip(slots[rows].tolist(), issued_at_ms[rows].tolist(), strict=True):
        names = inputs_of(fleet.outlooks[slot])
        run = next((r for r in trained_runs(fleet.outlooks[slot]) if r.valid_at_ms[-1] >= t), None)
        if not names or run is None:
            continue
        place = int(np.searchsorted(run.valid_at_ms, t))
        if run.valid_at_ms[place] != t:
            continue
        hour = t // HOUR_MS
        fleet.state["input_hour"][slot, hour % WEEK_H] = hour
        values = fleet.state["input_value"][slot, hour % WEEK_H]
        values[:] = np.nan
        for column, name in enumerate(names):
            if name in run.columns:
                values[column] = run.columns[name][place]


def look(fleet: Fleet, slots: I8, issued_at_ms: I8, known_at_ms: I8) -> list[dict[str, Any]]:
    """Records of `model.drift` of the plants whose daily tests are due."""
    state = fleet.state
    day = state[daily.DAY][slots]
    hours = np.array([daily.hour_of(fleet.ids[s]) for s in slots])
    rows = np.flatnonzero(daily.due(day, hours, issued_at_ms))
    state[daily.DAY][slots] = day
    events: list[dict[str, Any]] = []
    for row in rows:
        slot, t = int(slots[row]), int(issued_at_ms[row])
        outlook = fleet.outlooks[slot]
        release = outlook.release
        occasion = Occasion(fleet.ids[slot], t, int(known_at_ms[row]), release.name, release.version)
        reference = release.reference.get(fleet.ids[slot])
        told = state[daily.TOLD_MS][slot]
        events += daily.look(occasion, told, _errors(fleet, slot, t), reference, _newest(fleet, slot, t))
    return events


def _errors(fleet: Fleet, slot: int, issued_at_ms: int) -> F8:
    """Hourly errors of the newest 30 days, newest last, NaN where there is none."""
    hours = issued_at_ms // HOUR_MS - np.arange(ERRORS_KEPT_H)[::-1]
    place = hours % ERRORS_KEPT_H
    there = fleet.state["error_hour"][slot, place] == hours
    return np.where(there, fleet.state["error_share"][slot, place].astype(np.float64), np.nan)


def _newest(fleet: Fleet, slot: int, issued_at_ms: int) -> dict[str, F8]:
    hours = issued_at_ms // HOUR_MS - np.arange(WEEK_H)
    place = hours % WEEK_H
    there = fleet.state["input_hour"][slot, place] == hours
    values = fleet.state["input_value"][slot, place][there].astype(np.float64)
    return {name: values[:, column] for column, name in enumerate(inputs_of(fleet.outlooks[slot]))}
