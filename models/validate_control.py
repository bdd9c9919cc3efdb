"""What plant versions and weather runs are accepted: one plain line that says what is wrong, or None."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.validate import FIRST_TIME_MS, LAST_TIME_MS, MAX_AHEAD_MS
from models.windows import ISSUES_S, LOOKED_AT, RESOLUTIONS_S, issues_within
from schemas.records import PlantVersion, WeatherRun

LONGEST_RUN: Final = 40 * 96  # valid times: a month of quarter-hours and more
FURTHEST_RUN_MS: Final = 160 * 86_400_000  # what a run spans or reaches ahead; each hour of it is kept
LONGEST_SCAN_S: Final = 3600
# A plant's state must fit one record, whatever was said of it: so each part of what it keeps is bounded.
LONGEST_TEXT: Final = 200  # letters of a name
LARGEST_RUN: Final = 120_000  # values of a run, its points' included
MOST_COLUMNS: Final = 2000  # columns of a run, its points' included, or points
MOST_VERSIONS: Final = 500  # of one plant
LARGEST_KW: Final = 1e8  # 100 GW: no plant is larger, and sums of milliwatts must fit 64 bits
EARLIEST_MS: Final = -2_208_988_800_000  # 1900-01-01: what any plant may hold from
MISSING_CODES: Final = (-999.0, -9999.0, -99999.0)  # what files of weather write where there is nothing
LARGEST_VALUE: Final = 1e12  # any unit of any weather is smaller; its cube is still a number
CHECKED: Final = (
    ("latitude", -90.0, 90.0),
    ("longitude", -180.0, 180.0),
    ("hub_height_m", 1.0, 500.0),
    ("tilt_deg", 0.0, 90.0),
    ("azimuth_deg", 0.0, 360.0),
)


def fault_of_plant(plant: PlantVersion) -> str | None:
    """What is wrong with a plant version."""
    if not plant.plant_id.strip() or not plant.plant_id.isprintable():
        return f"plant_id {plant.plant_id[:64]!r} is empty or has characters that cannot be shown"
    if _too_long(plant.plant_id, plant.timezone or ""):
        return f"plant_id or timezone is longer than {LONGEST_TEXT} characters"
    if not (plant.timezone or "").isprintable():
        return "timezone has characters that cannot be shown"
    if not 0 < plant.capacity_kw <= LARGEST_KW:
        return f"capacity_kw is {plant.capacity_kw:g}: it must be over 0 and at most {LARGEST_KW:g} kW"
    if not EARLIEST_MS <= plant.valid_from_ms <= LAST_TIME_MS or plant.known_at_ms > LAST_TIME_MS:
        return "valid_from or known_at lies before 1900 or after 2100: check the source's clock"
    if plant.resolution_s not in RESOLUTIONS_S:
        return f"resolution_s is {plant.resolution_s}: it must be one of {', '.join(map(str, RESOLUTIONS_S))}"
    if not issues_within(plant.issue_every_s, plant.resolution_s):
        return (
            f"issue_every_s is {plant.issue_every_s}: it must be one of {', '.join(map(str, ISSUES_S))}"
            f" and at most {LOOKED_AT} intervals of resolution_s"
        )
    if plant.scan_s is not None and not 0 < plant.scan_s <= LONGEST_SCAN_S:
        return f"scan_s is {plant.scan_s}: it must be from 1 to {LONGEST_SCAN_S}, or missing"
    if plant.min_kw is not None and not -plant.capacity_kw <= plant.min_kw <= plant.capacity_kw:
        return f"min_kw is {plant.min_kw:g}: it must lie within the capacity of {plant.capacity_kw:g} kW"
    for name, low, high in CHECKED:
        value = getattr(plant, name)
        if value is not None and not low <= value <= high:
            return f"{name} is {value:g}: it must lie from {low:g} to {high:g}"
    return None


def fault_of_versions(known: Sequence[PlantVersion], plant: PlantVersion) -> str | None:
    """What is wrong with one more version beside those that are known of its plant."""
    if len(known) < MOST_VERSIONS or any(one.valid_from_ms == plant.valid_from_ms for one in known):
        return None
    return f"the plant has {len(known)} versions already: correct one of them instead, by its valid_from"


def fault_of_run(run: WeatherRun) -> str | None:
    """What is wrong with a weather run."""
    valid = run.valid_at_ms
    if not valid.size:
        return "the run has no valid times"
    if valid.size > LONGEST_RUN:
        return f"the run has {valid.size} valid times, more than {LONGEST_RUN}"
    if (valid[1:] <= valid[:-1]).any():
        return "the valid times do not rise"
    if run.published_at_ms < FIRST_TIME_MS or valid[0] < FIRST_TIME_MS:
        return "the run is of a time before 2000: the source's clock was never set"
    if max(run.known_at_ms, valid[-1]) > LAST_TIME_MS:
        return "the run is of a time after 2100: check the source's clock"
    if valid[-1] - min(run.published_at_ms, valid[0]) > FURTHEST_RUN_MS:
        return f"the run reaches further than {FURTHEST_RUN_MS // 86_400_000} days: check its valid times"
    if run.published_at_ms > run.known_at_ms + MAX_AHEAD_MS:
        return "published_at is more than 10 minutes after the run was known: check the source's clock"
    if not any(_said(values).any() for values in run.columns.values()):
        return "the run has no value at all"
    return _too_large(run)


def _too_large(run: WeatherRun) -> str | None:
    columns = [run.columns, *(point.columns for point in run.points)]
    names = [name for one in columns for name in one]
    if _too_long(run.source, *names, *(point.point_id for point in run.points)):
        return f"a name in the run is longer than {LONGEST_TEXT} characters"
    if len(names) > MOST_COLUMNS or len(run.points) > MOST_COLUMNS:
        return f"the run has more than {MOST_COLUMNS} columns or points"
    if len(names) * run.valid_at_ms.size > LARGEST_RUN:
        return f"the run has {len(names) * run.valid_at_ms.size} values, more than {LARGEST_RUN}"
    return None


def _too_long(*texts: str) -> bool:
    return any(len(text) > LONGEST_TEXT for text in texts)


def without_nonsense(run: WeatherRun) -> WeatherRun:
    """The run as it counts: NaN where a value is no weather (infinite, a code for missing, larger than
    anything), the rest to single precision, which is what a state keeps of it.
    """
    points = tuple(replace(point, columns=_cleaned(point.columns)) for point in run.points)
    return replace(run, columns=_cleaned(run.columns), points=points)


def _cleaned(columns: dict[str, NDArray[np.float64]]) -> dict[str, NDArray[np.float64]]:
    return {
        name: np.where(_said(values), values, np.nan).astype(np.float32).astype(np.float64)
        for name, values in columns.items()
    }


def _said(values: NDArray[np.float64]) -> NDArray[np.bool_]:
    with np.errstate(invalid="ignore"):
        return np.asarray((np.abs(values) <= LARGEST_VALUE) & ~np.isin(values, MISSING_CODES))
