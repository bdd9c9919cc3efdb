"""Whether a release that was read can forecast: whatever would break a worker later is found out at its door.

The probe in the file holds the numbers of the models; here stand the parts that it does not touch.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from models.forecast.base import HOUR_MS, KNOTS, Floats
from models.forecast.climatology import Table
from models.release import Release
from models.validate_control import fault_of_plant
from schemas.records import PlantKind, PlantVersion, WeatherRun

HOURS: Final = 6
TIME_MS: Final = 1_400_000_400_000 // HOUR_MS * HOUR_MS
LARGEST_SHARE: Final = 100.0  # of capacity, or of a clear sky that is hardly there


def fault_of_release(release: Release) -> str | None:
    """What is wrong with a release; None where every part of it gives numbers.

    Raises whatever a part that is not what it should be raises.
    """
    for plant_id, table in release.climatology.tables.items():
        if not _sound_table(table):
            return f"its climatology of {plant_id} is no table of finite shares"
    for plant_id in sorted({*release.manifest.get("plants", {}), *release.manifest.get("sites", {})}):
        fault = _fault_of_plant(release, plant_id)
        if fault is not None:
            return f"what it says of {plant_id} cannot be: {fault}"
    for plant_id in release.weather:
        if not _sound(_said(release, plant_id)):
            return f"its weather model of {plant_id} gives numbers that are none"
    for plant_id, columns in release.reference.items():
        if any(values.ndim != 1 or values.dtype.kind != "f" for values in columns.values()):
            return f"its reference of {plant_id} is no list of numbers"
    return None


def _sound_table(table: Table) -> bool:
    q = table.quantiles
    whole = q.ndim == 3 and q.shape[-1] == len(KNOTS) and q.size > 0 and q.dtype.kind == "f"
    return bool(whole and np.isfinite(q).all() and (np.abs(q) <= LARGEST_SHARE).all())


def _fault_of_plant(release: Release, plant_id: str) -> str | None:
    plant = _plant(plant_id)
    share = release.min_share(plant)
    if not -1.0 <= share <= 1.0:
        return f"min_share is {share}"
    return fault_of_plant(release.completed(plant))


def _said(release: Release, plant_id: str) -> Floats:
    """What the release says of a run as its weather model knows them, for either kind of plant."""
    hours_ms = TIME_MS + np.arange(1, HOURS + 1) * HOUR_MS
    model = release.weather[plant_id]
    columns = {name: np.full(HOURS, 5.0) for name in model.shape.columns}
    run = WeatherRun(plant_id, model.sources[0] if model.sources else "", TIME_MS, TIME_MS, hours_ms, columns)
    model.knows(run)
    kinds = [_plant(plant_id), _plant(plant_id, PlantKind.SOLAR)]
    return np.stack([model.base(plant, run, hours_ms) for plant in kinds])


def _sound(q: Floats) -> bool:
    """Shares of the right shape; NaN says that nothing is known."""
    known = q[~np.isnan(q)]
    return q.shape == (2, HOURS, len(KNOTS)) and bool((np.abs(known) <= LARGEST_SHARE).all())


def _plant(plant_id: str, kind: PlantKind = PlantKind.WIND) -> PlantVersion:
    return PlantVersion(plant_id, 0, 0, kind, 1.0, 3600)
