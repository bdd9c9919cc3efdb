"""The information that the direct reference has at an issue: lags, calendar, the newest published weather."""

from __future__ import annotations

import warnings
from typing import Final

import numpy as np
from numpy.typing import NDArray

from benchmarks.references.known import DAY_MS, HOUR_MS, Known

F8 = NDArray[np.float64]
I8 = NDArray[np.int64]

LAG_HOURS: Final = (0, 1, 2, 3, 4, 5, 6, 9, 12, 18, 23, 24, 47)
MEAN_HOURS: Final = (3, 6, 24)
_YEAR_DAYS: Final = 365.2425


def features(plant: Known, issued_ms: I8, lead_ms: int) -> tuple[list[str], F8]:
    """Names, and the table (n, F) of what is known at each issue about `issued_ms + lead_ms`.

    Powers are shares of capacity; NaN where nothing was known, which trees take as it is.
    """
    valid_ms = issued_ms + lead_ms
    columns = {
        **_lags(plant, issued_ms, valid_ms),
        **calendar(valid_ms),
        **weather(plant, issued_ms, valid_ms),
    }
    return list(columns), np.stack(list(columns.values()), axis=1)


def _lags(plant: Known, issued_ms: I8, valid_ms: I8) -> dict[str, F8]:
    """Power now and before, its means and spread, and the newest day's value at the target's hour."""
    power = plant.power
    last_ms = power.last(issued_ms)
    made = {f"power-{h}h": power.at(last_ms - h * HOUR_MS, issued_ms) for h in LAG_HOURS}
    if power.step_ms < HOUR_MS:
        for back in (1, 2, 3):
            minutes = back * power.step_ms // 60_000
            made[f"power-{minutes}min"] = power.at(last_ms - back * power.step_ms, issued_ms)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # the mean of nothing is NaN, as it should be
        for hours in MEAN_HOURS:
            steps = np.arange(0, hours * HOUR_MS, power.step_ms)
            trail = power.at(last_ms[:, None] - steps, issued_ms[:, None])
            made[f"mean~{hours}h"] = np.nanmean(trail, axis=1)
            made[f"std~{hours}h"] = np.nanstd(trail, axis=1)
    days = -(-(valid_ms - issued_ms) // DAY_MS)
    made["same_hour"] = power.at(valid_ms - days * DAY_MS, issued_ms)
    made["same_hour_before"] = power.at(valid_ms - (days + 1) * DAY_MS, issued_ms)
    return made


def calendar(valid_ms: I8) -> dict[str, F8]:
    """Hour of the day and season of the target, in UTC."""
    hour = valid_ms % DAY_MS / HOUR_MS
    season = 2 * np.pi * (valid_ms / DAY_MS % _YEAR_DAYS) / _YEAR_DAYS
    return {"hour": hour, "season_sin": np.sin(season), "season_cos": np.cos(season)}


def weather(plant: Known, issued_ms: I8, valid_ms: I8) -> dict[str, F8]:
    """Each column of the newest run published by the issue, over the target's interval, and the run's age."""
    if not plant.weather.columns:
        return {}
    values, age_h = plant.weather.newest(valid_ms, issued_ms, plant.power.step_ms)
    named = {f"weather:{name}": values[:, k] for k, name in enumerate(plant.weather.columns)}
    return {**named, "run_lead_h": age_h}
