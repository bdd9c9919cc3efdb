"""A sensor of the plant repeats one value to the last bit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from models.detect.common import newest_share, same_value_length
from models.detect.view import F8, WARNING, Bools, Case, Findings, PlantView
from models.state import Field

HIGHEST: Final = "stuck_sensor.highest_share"


@dataclass(frozen=True)
class StuckSensor:
    """Power, wind speed or irradiance stays identical for `scans` scans (or intervals) and `least_s`
    seconds.

    Standing still and a setpoint that is followed repeat by nature and don't count. Near the highest power
    that was ever seen, where meters with few digits repeat, twice as many scans are asked for; within 1 %
    of it, where a plant is cut off by its rating, more than a day of wind or of sun would allow. Power
    under `low_share` of capacity is standstill or a meter's last digit.
    """

    scans: int = 8
    least_s: float = 3600.0
    low_share: float = 0.02
    near_share: float = 0.90
    ceiling_share: float = 0.99
    calm_ms: float = 0.5
    dark_w_m2: float = 20.0
    solar_ceiling_s: float = 8 * 3600.0
    wind_ceiling_s: float = 36 * 3600.0

    name: str = "stuck_sensor"
    fields: tuple[Field, ...] = (Field(HIGHEST, "float64", (), 0.0),)
    per_unit: bool = False
    opens_after: int = 1
    closes_after: int = 2

    def look(self, view: PlantView) -> Findings:
        power = self._power_stuck(view)
        wind = self._input_stuck(view, view.wind_speed_ms, self.calm_ms)
        poa = self._input_stuck(view, view.poa_w_m2, self.dark_w_m2)
        return Findings(
            active=power | wind | poa,
            judged=view.silent_s <= 2 * view.resolution_s,
            severity=np.full(power.shape, WARNING, np.int8),
            expected_kw=np.where(power, view.expected[:, -1, 1], np.nan),
            actual_kw=view.power_kw[:, -1],
            evidence={
                "power_same_s": np.where(power, view.same_s, np.nan),
                "power_same_scans": np.where(power, view.same_scans, np.nan),
                "wind_speed_ms": np.where(wind, view.wind_speed_ms[:, -1], np.nan),
                "poa_irradiance_w_m2": np.where(poa, view.poa_w_m2[:, -1], np.nan),
            },
        )

    def _power_stuck(self, view: PlantView) -> Bools:
        share, highest = newest_share(view), view.state[HIGHEST]
        highest[...] = np.fmax(highest, share)
        near = share >= self.near_share * highest
        long = (view.same_scans >= np.where(near, 2 * self.scans, self.scans)) & (view.same_s >= self.least_s)
        at_ceiling = (share >= self.ceiling_share * highest) & ~self._too_long_for_a_ceiling(view)
        by_nature = (np.abs(share) < self.low_share) | at_ceiling
        stuck: Bools = long & ~by_nature & np.isfinite(share) & ~view.bound[:, -1]
        return stuck

    def _too_long_for_a_ceiling(self, view: PlantView) -> Bools:
        """Wind may blow for a day and a half over the rated speed; the sun goes down before."""
        longest_s = np.where(view.is_solar, self.solar_ceiling_s, self.wind_ceiling_s)
        return (view.same_s >= longest_s) | (view.is_solar & ~view.daylight)

    def _input_stuck(self, view: PlantView, values: F8, floor: float) -> Bools:
        length = same_value_length(values)
        long = (length >= self.scans) & ((length - 1) * view.resolution_s >= self.least_s)
        return long & (values[:, -1] > floor)

    def describe(self, case: Case) -> str:
        if "power_same_s" in case.evidence:
            hours = case.evidence["power_same_s"] / 3600
            return f"{case.who} has reported exactly {case.actual_kw:,.1f} kW for {hours:,.1f} h"
        if "wind_speed_ms" in case.evidence:
            return f"{case.who}: the wind sensor repeats {case.evidence['wind_speed_ms']:.2f} m/s"
        poa = case.evidence.get("poa_irradiance_w_m2", float("nan"))
        return f"{case.who}: the irradiance sensor repeats {poa:.1f} W/m2"
