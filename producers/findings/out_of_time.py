"""Rows whose time cannot be: from before 2000, or ahead of when they were known."""

from __future__ import annotations

from typing import Final

import numpy as np

from models.validate import FIRST_TIME_MS, LAST_TIME_MS, MAX_AHEAD_MS
from producers.findings.base import Finding, Found, by_share, percent
from producers.folder import Folder
from producers.table import Flags, Table

_DO: Final = "mend the clock of what measured them, or leave these rows out"


def in_time(folder: Folder, number: int) -> Flags:
    """Which rows of the folder's telemetry are of a plant and have a time that the worker accepts, (n,)."""
    rows = folder.telemetry
    last_ms = np.minimum(rows.known_at_ms + MAX_AHEAD_MS, LAST_TIME_MS)
    right = (rows.event_time_ms >= FIRST_TIME_MS) & (rows.event_time_ms <= last_ms)
    return np.asarray((rows.plant == number) & right)


def wrong_clock(folder: Folder, telemetry: Table, number: int) -> Found:
    """The rows of a plant that the worker will refuse for their time."""
    own = folder.telemetry.plant == number
    wrong = np.flatnonzero(own & ~in_time(folder, number))
    if wrong.size:
        share = wrong.size / int(own.sum())
        told = f"{wrong.size} rows are from before 2000 or ahead of the clock ({percent(share)})"
        what = f"{told} and will be refused, this one first"
        row, plant = int(telemetry.row[wrong[0]]), folder.plant_ids[number]
        weight = by_share(share, 0.005, 0.05)
        yield Finding("time", weight, plant, telemetry.file, row, "event_time", what, _DO, share)
