"""A unit's power or wind sensor repeats one value to the last bit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.detect.common import same_value_length
from models.detect.units import RATING, RATING_FIELD, learn_rating
from models.detect.view import WARNING, Bools, Case, Findings, PlantView
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
        learn_rating(view)
        newest_kw, highest_kw = power_kw[..., -1], view.state[RATING]
        free = (newest_kw >= self.low_share * highest_kw) & (newest_kw < self.ceiling_share * highest_kw)
        power = self._long(view, power_kw) & free & ~view.bound[:, -1, None]
        wind_ms = view.unit_wind_ms[..., -1]
        wind = self._long(view, view.unit_wind_ms) & (wind_ms > self.calm_ms)
        return Findings(
            active=power | wind,
            judged=np.isfinite(newest_kw) | np.isfinite(wind_ms),
            severity=np.full(power.shape, WARNING, np.int8),
            expected_kw=np.full(power.shape, np.nan),
            actual_kw=newest_kw,
            evidence={
                "power_kw": np.where(power, newest_kw, np.nan),
                "wind_speed_ms": np.where(wind, wind_ms, np.nan),
                "same_intervals": np.where(
                    power, same_value_length(power_kw), same_value_length(view.unit_wind_ms)
                ).astype(np.float64),
            },
        )

    def _long(self, view: PlantView, values: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> Bools:
        length = same_value_length(values)
        lasted_s = (length - 1) * view.resolution_s[:, None]
        return (length >= self.intervals) & (lasted_s >= self.least_s)

    def describe(self, case: Case) -> str:
        if "power_kw" in case.evidence:
            return f"{case.who} has reported exactly {case.evidence['power_kw']:,.1f} kW for a long time"
        return f"{case.who}: the wind sensor repeats {case.evidence['wind_speed_ms']:.2f} m/s"
