"""A block of forecasts of one shape as columns, and what identifies each of them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Longs = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class ForecastBlock:
    """N forecasts with S steps and K levels, numbers as published (kW, milliseconds UTC, seconds).

    `valid_at_ms` i8[N,S] is the end of the interval of `interval_s` i4[N,S]; `rung` i1[N,S]: 0 both inputs,
    1 weather only, 2 telemetry only, 3 climatology. `power_kw` f8[N,S,K] at `levels` f8[K].
    `available_kw` f8[N,S] is the median before limits and outages. `telemetry_offset`, `telemetry_at_ms` and
    `run_published_at_ms` are -1 where there was none; qualities are NaN where unknown.
    """

    plant_id: list[str]
    issued_at_ms: Longs
    known_at_ms: Longs
    model: list[str]
    version: list[str]
    release_sha256: list[str]
    plant_valid_from_ms: Longs
    capacity_kw: Floats
    valid_at_ms: Longs
    interval_s: NDArray[np.int32]
    rung: NDArray[np.int8]
    levels: Floats
    power_kw: Floats
    available_kw: Floats
    telemetry_offset: Longs
    telemetry_at_ms: Longs
    run_source: list[str | None]
    run_published_at_ms: Longs
    telemetry_quality: Floats
    weather_quality: Floats
    stale: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.plant_id)
