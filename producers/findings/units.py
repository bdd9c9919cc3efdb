"""The power of a plant's units against its own."""

from __future__ import annotations

from typing import Final

import numpy as np

from producers.findings.base import Columns, Found, Weight
from producers.folder import Folder

_LEAST_ROWS: Final = 20
_SIZABLE: Final = 0.05


def unit_power(columns: Columns, folder: Folder, rows: np.ndarray, file: str) -> Found:
    """Units whose sum is of another size than the plant: another unit of power, or not all of them.

    `rows` i8[n] are the places of the plant's rows in the folder's telemetry.
    """
    readings = folder.units.readings
    known = np.isfinite(readings.power_kw)
    total = np.bincount(readings.row[known], readings.power_kw[known], minlength=len(folder.telemetry))[rows]
    both = (columns.share > _SIZABLE) & (total > 0)
    if both.sum() < _LEAST_ROWS:
        return
    ratio = float(np.median(total[both] / columns.power_kw[both]))
    if 0.6 < ratio < 1.5:
        return
    what = f"the units together have {ratio:.3g} times the power of the plant"
    if 0.05 < ratio < 20:
        do = "look whether every unit is there, and where the plant is metered"
        yield columns.of_file(file, "units", Weight.SOME, what, do, "power_kw")
    else:
        what = f"{what}: they look like {'W' if ratio >= 20 else 'MW'}"
        yield columns.of_file(file, "units", Weight.MUCH, what, "give both in kW", "power_kw")
