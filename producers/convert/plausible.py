"""Whether the power that a unit leads to can be that of the plant."""

from __future__ import annotations

from typing import Final

import numpy as np

from models.validate import HIGHEST_SHARE, LOWEST_SHARE
from producers.findings.base import Columns
from producers.problems import Problems

#: Of the rows with power: fewer over the limit are faults of measurement, more are a fault of the unit.
_FEW: Final = 0.005
_LEAST_SHARE: Final = 0.02
_DO: Final = "say what power is counted in with --unit, or mend the capacity"


def check_unit(columns: Columns, problems: Problems) -> None:
    """A fault where a plant's power, in the guessed unit, is beyond its capacity or next to nothing."""
    share = columns.share
    producing = share > 0
    if not producing.any():
        return
    least = int(np.nanargmin(share))
    if share[least] < LOWEST_SHARE and int((share < LOWEST_SHARE).sum()) > producing.sum():
        told = f"is {columns.power_kw[least]:.6g}, and most rows are negative"
        what = f"{told}: turn the sign, produced power is positive"
        problems.add(columns.file, columns.at(least), "power_kw", what)
        return
    largest = int(np.nanargmax(share))
    beyond = int((share > HIGHEST_SHARE).sum())
    plant = columns.plant
    power_kw = float(columns.power_kw[largest])
    shown = f"{power_kw:.0f}" if power_kw >= 1000 else f"{power_kw:.6g}"
    power = f"is {shown} kW of the {plant.capacity_kw:g} kW of {plant.plant_id}"
    if beyond > _FEW * producing.sum():
        what = f"{power}, and {beyond} rows are over {HIGHEST_SHARE:.0%}: {_DO}"
        problems.add(columns.file, columns.at(largest), "power_kw", what)
    elif share[largest] < _LEAST_SHARE:
        what = f"{power}, and no row is over {_LEAST_SHARE:.0%}: {_DO}"
        problems.add(columns.file, columns.at(largest), "power_kw", what)
