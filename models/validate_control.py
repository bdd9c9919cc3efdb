"""What plant versions and weather runs are accepted: one plain line that says what is wrong, or None."""

from __future__ import annotations

from typing import Final

import numpy as np

from models.validate import FIRST_TIME_MS, MAX_AHEAD_MS
from models.windows import RESOLUTIONS_S
from schemas.records import PlantVersion, WeatherRun

LONGEST_RUN: Final = 40 * 96  # valid times: a month of quarter-hours and more
CHECKED: Final = (
    ("latitude", -90.0, 90.0),
    ("longitude", -180.0, 180.0),
    ("hub_height_m", 1.0, 500.0),
    ("tilt_deg", 0.0, 90.0),
    ("azimuth_deg", 0.0, 360.0),
)


def fault_of_plant(plant: PlantVersion) -> str | None:
    """What is wrong with a plant version."""
    if not (np.isfinite(plant.capacity_kw) and plant.capacity_kw > 0):
        return f"capacity_kw is {plant.capacity_kw:g}: it must be a positive number of kW"
    if plant.resolution_s not in RESOLUTIONS_S:
        return f"resolution_s is {plant.resolution_s}: it must be one of {', '.join(map(str, RESOLUTIONS_S))}"
    if plant.issue_every_s not in RESOLUTIONS_S:
        return (
            f"issue_every_s is {plant.issue_every_s}: it must be one of {', '.join(map(str, RESOLUTIONS_S))}"
        )
    if plant.scan_s is not None and plant.scan_s <= 0:
        return f"scan_s is {plant.scan_s}: it must be positive, or missing"
    if plant.min_kw is not None and not -plant.capacity_kw <= plant.min_kw <= plant.capacity_kw:
        return f"min_kw is {plant.min_kw:g}: it must lie within the capacity of {plant.capacity_kw:g} kW"
    for name, low, high in CHECKED:
        value = getattr(plant, name)
        if value is not None and not low <= value <= high:
            return f"{name} is {value:g}: it must lie from {low:g} to {high:g}"
    return None


def fault_of_run(run: WeatherRun) -> str | None:
    """What is wrong with a weather run."""
    valid = run.valid_at_ms
    if not valid.size:
        return "the run has no valid times"
    if valid.size > LONGEST_RUN:
        return f"the run has {valid.size} valid times, more than {LONGEST_RUN}"
    if (np.diff(valid) <= 0).any():
        return "the valid times do not rise"
    if run.published_at_ms < FIRST_TIME_MS or valid[0] < FIRST_TIME_MS:
        return "the run is of a time before 2000: the source's clock was never set"
    if run.published_at_ms > run.known_at_ms + MAX_AHEAD_MS:
        return "published_at is more than 10 minutes after the run was known: check the source's clock"
    if not any(np.isfinite(values).any() for values in run.columns.values()):
        return "the run has no value at all"
    return None
