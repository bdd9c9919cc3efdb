"""What stood around the power of a plant while it was measured: wind and sun, by sensor or by weather run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from models.forecast.base import HOUR_MS, Flags, Floats, Ints
from models.forecast.physical import SHORTWAVE
from schemas.records import WeatherRun


@dataclass(frozen=True)
class Nearby:
    """Per interval (n,), NaN where unknown: `setpoint_kw`; `wind_ms` and `sun_w_m2` at the plant by its own
    sensor, else by the newest run for the hour; `measured` (n,) where it was the sensor that said so;
    `refused` (n,) where a power came that no plant can make.
    """

    setpoint_kw: Floats
    wind_ms: Floats
    sun_w_m2: Floats
    measured: Flags
    refused: Flags


def nothing(count: int) -> Nearby:
    """So many intervals of which nothing is known."""
    unknown = np.full(count, np.nan)
    never = np.zeros(count, np.bool_)
    return Nearby(unknown, unknown, unknown, never, never)


def nearby(
    ends_ms: Ints,
    sensors: tuple[Floats, Floats, Floats],
    runs: Sequence[WeatherRun],
    refused_ms: Ints,
) -> Nearby:
    """From the plant's own sensors, each (n,): setpoint, wind, radiation on the panels; where these say
    nothing, from its weather runs. `refused_ms` (m,): stamps of the values that were refused.
    """
    setpoint_kw, wind_ms, poa_w_m2 = sensors
    refused = np.zeros(len(ends_ms), np.bool_)
    place = np.searchsorted(ends_ms, refused_ms)
    refused[place[place < len(ends_ms)]] = True
    return Nearby(
        setpoint_kw,
        np.where(np.isfinite(wind_ms), wind_ms, by_runs(runs, ends_ms, _wind_column)),
        np.where(np.isfinite(poa_w_m2), poa_w_m2, by_runs(runs, ends_ms, _sun_column)),
        np.isfinite(wind_ms) | np.isfinite(poa_w_m2),
        refused,
    )


def by_runs(
    runs: Sequence[WeatherRun], ends_ms: Ints, column: Callable[[WeatherRun], Floats | None]
) -> Floats:
    """A column's value (n,) of the newest run that speaks of each interval's hour, NaN where none does."""
    hours = np.unique(-(-ends_ms // HOUR_MS))
    said = np.full(len(hours), np.nan)
    if not len(hours):
        return said
    for run in sorted(runs, key=lambda r: r.published_at_ms):
        values = column(run)
        if values is not None:
            slot = -(-run.valid_at_ms // HOUR_MS)
            place = np.clip(np.searchsorted(hours, slot), 0, len(hours) - 1)
            good = (hours[place] == slot) & np.isfinite(values)
            said[place[good]] = values[good]
    return np.asarray(said[np.searchsorted(hours, -(-ends_ms // HOUR_MS))])


def _wind_column(run: WeatherRun) -> Floats | None:
    """The last named wind speed, which is the highest above ground."""
    return next((run.columns[n] for n in reversed(list(run.columns)) if n.startswith("wind_speed")), None)


def _sun_column(run: WeatherRun) -> Floats | None:
    return next((run.columns[n] for n in SHORTWAVE if n in run.columns), None)
