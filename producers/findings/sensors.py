"""Sensor columns with values that nothing outdoors has, and sensors that hang."""

from __future__ import annotations

from typing import Final

import numpy as np

from producers.findings.base import DAY_MS, Columns, Found, by_share, percent
from producers.table import Floats

#: What a column can hold, by the end of its name, the longest first.
_RANGES: Final = (
    ("irradiance_w_m2", -20.0, 1800.0),
    ("_w_m2", -500.0, 1800.0),
    ("wind_speed_ms", 0.0, 75.0),
    ("_ms", -75.0, 75.0),
    ("module_temperature_c", -60.0, 120.0),
    ("temperature_c", -60.0, 70.0),
    ("_pct", -1.0, 110.0),
    ("_hpa", 500.0, 1100.0),
)
_HANGS_MS: Final = 2 * DAY_MS


def impossible_sensors(columns: Columns) -> Found:
    """Values out of the range that the unit in a column's name allows."""
    for name, values in columns.sensors.items():
        limits = next(((low, high) for end, low, high in _RANGES if name.endswith(end)), None)
        if limits is None:
            continue
        wrong = np.flatnonzero((values < limits[0]) | (values > limits[1]))
        if wrong.size:
            share = wrong.size / values.size
            worst = wrong[np.abs(values[wrong]).argmax()]
            told = f"outside of {limits[0]:g} to {limits[1]:g}"
            what = f"{wrong.size} values lie {told} ({percent(share)}), this one most"
            do = "empty these cells, or look at the unit in the column's name"
            weight = by_share(share, 0.005, 0.2)
            yield columns.finding("sensor", weight, what, do, columns.at(worst), name, share)


def hanging_sensors(columns: Columns) -> Found:
    """Sensors that give one value, not 0, for two days or longer."""
    for name, values in columns.sensors.items():
        if name.endswith("setpoint_kw"):
            continue
        start, length = _runs(values[columns.order])
        hangs = (length * columns.step_ms >= _HANGS_MS) & (length >= 12)
        if hangs.any():
            share = float(length[hangs].sum() / values.size)
            longest = int(np.where(hangs, length, 0).argmax())
            first = columns.order[start[longest]]
            hours = length[longest] * columns.step_ms / 3_600_000
            told = f"hangs at {values[first]:g} for {hours:.4g} h from this row"
            what = f"{told} ({percent(share)} of the rows in all)"
            do = "empty the cells where the sensor hung"
            yield columns.finding(
                "sensor", by_share(share, 0.05, 0.5), what, do, columns.at(first), name, share
            )


def _runs(values: Floats) -> tuple[np.ndarray, np.ndarray]:
    """(start, length) of the runs of one value that is there and is not 0; length 0 for the others."""
    if not values.size:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    start = np.append(0, np.flatnonzero(values[1:] != values[:-1]) + 1)
    length = np.diff(np.append(start, values.size))
    return start, np.where(np.isfinite(values[start]) & (values[start] != 0), length, 0)
