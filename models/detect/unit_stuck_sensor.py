"""A unit's power or wind sensor repeats one value to the last bit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.detect.common import same_value_length
from models.detect.units import RATING_FIELD, highest_kw
from models.detect.view import I8, WARNING, Bools, Case, Findings, PlantView
from models.state import Field


@dataclass(frozen=True)
class UnitStuckSensor:
    """Interval means stay identical for `intervals` intervals and `least_s` seconds.

    Power near zero or near the highest that the unit was seen to make repeats by nature.
    """

    intervals: int = 6
    least_s: float = 3600.0
    low_share: float = 0.02
    ceiling_share: float = 0.97
    calm_ms: float = 0.5

    name: str = "unit_stuck_sensor"
    fields: tuple[Field, ...] = (RATING_FIELD,)
    per_unit: bool = True
    opens_after: int = 1
    closes_after: int = 2

    def look(self, view: PlantView) -> Findings:
        power_kw = view.sound_unit_power_kw
        newest_kw, highest = power_kw[..., -1], highest_kw(view)
        free = (newest_kw >= self.low_share * highest) & (newest_kw < self.ceiling_share * highest)
        same_power, same_wind = same_value_length(power_kw), same_value_length(view.unit_wind_ms)
        power = self._long(view, same_power) & free & ~view.bound[:, -1, None]
        wind_ms = view.unit_wind_ms[..., -1]
        wind = self._long(view, same_wind) & (wind_ms > self.calm_ms)
        return Findings(
            active=power | wind,
            judged=np.isfinite(newest_kw) | np.isfinite(wind_ms),
            severity=np.full(power.shape, WARNING, np.int8),
            expected_kw=np.full(power.shape, np.nan),
            actual_kw=newest_kw,
            evidence={
                "power_kw": np.where(power, newest_kw, np.nan),
                "wind_speed_ms": np.where(wind, wind_ms, np.nan),
                "same_intervals": np.where(power, same_power, same_wind).astype(np.float64),
            },
        )

    def _long(self, view: PlantView, length: I8) -> Bools:
        lasted_s = (length - 1) * view.resolution_s[:, None]
        return (length >= self.intervals) & (lasted_s >= self.least_s)

    def describe(self, case: Case) -> str:
        if "power_kw" in case.evidence:
            return f"{case.who} has reported exactly {case.evidence['power_kw']:,.1f} kW for a long time"
        return f"{case.who}: the wind sensor repeats {case.evidence['wind_speed_ms']:.2f} m/s"
