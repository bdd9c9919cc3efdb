"""A folder as it would be had a plant been connected later."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Final

import numpy as np

from producers.folder import Folder
from producers.telemetry_file import TelemetryRows, no_units

DAY_MS: Final = 86_400_000


def lengths(folder: Folder, from_ms: int, days: Sequence[int], newcomer: str | None) -> list[int]:
    """Those of `days` that the telemetry before a time can fill, of every plant, or of the newcomer."""
    return [length for length in days if from_ms - length * DAY_MS >= _first_ms(folder, newcomer)]


def shortened(folder: Folder, from_ms: int, days: int, newcomer: str | None) -> Folder:
    """The folder without what is older than so many days before a time: of every plant, or of the newcomer
    alone. Readings of units are left out.
    """
    since_ms = from_ms - days * DAY_MS
    rows = folder.telemetry
    whose = np.ones(len(rows), np.bool_)
    if newcomer is not None:
        whose = rows.plant == folder.plant_ids.index(newcomer)
    kept = ~whose | (rows.event_time_ms > since_ms)
    runs = [
        run
        for run in folder.runs
        if run.published_at_ms >= since_ms - DAY_MS or newcomer not in (None, run.plant_id)
    ]
    telemetry = TelemetryRows(
        rows.plant[kept],
        rows.event_time_ms[kept],
        rows.known_at_ms[kept],
        {name: values[kept] for name, values in rows.numbers.items()},
        None if rows.status is None else [rows.status[i] for i in np.flatnonzero(kept)],
    )
    return dataclasses.replace(folder, telemetry=telemetry, units=no_units(), runs=runs)


def _first_ms(folder: Folder, newcomer: str | None) -> int:
    """When the latest of the plants in question was first heard of."""
    rows = folder.telemetry
    wanted = folder.plant_ids if newcomer is None else [newcomer]
    numbers = [folder.plant_ids.index(name) for name in wanted]
    stamps = [rows.event_time_ms[rows.plant == number] for number in numbers]
    # A folder's first stamp is the end of its first interval, up to an hour into the first day.
    return max((int(own.min()) - 3_600_000 for own in stamps if len(own)), default=2**62)
