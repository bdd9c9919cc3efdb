"""The whole plant stands still although it should run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from models.detect import curve
from models.detect.common import first_finite, recent, unseen
from models.detect.view import CRITICAL, F8, Bools, Case, Findings, PlantView
from models.state import Field

MEAN: Final = "outage.curve_kw"
COUNT: Final = "outage.curve_n"


@dataclass(frozen=True)
class Outage:
    """No power for 45 minutes (two intervals at least) while the plant's own sensor says that it should run.

    Wind of `wind_ms` or more (and no storm), or irradiance of `poa_w_m2` or more, at the plant itself
    decides. Where there is no such sensor the forecast has to: its 10 % level over `sure_share` and its
    median over `likely_share` for three hours, for a forecast may be early or late. A setpoint near zero
    is curtailment, and the night of a solar plant is no outage.
    """

    still_share: float = 0.01
    running_share: float = 0.02
    wind_ms: float = 5.5
    storm_ms: float = 22.0
    poa_w_m2: float = 120.0
    sure_share: float = 0.03
    likely_share: float = 0.15
    forecast_least_s: int = 3 * 3600

    name: str = "outage"
    fields: tuple[Field, ...] = (
        Field(MEAN, "float32", (curve.BINS,), 0.0),
        Field(COUNT, "int16", (curve.BINS,), 0),
    )
    per_unit: bool = False
    opens_after: int = 1
    closes_after: int = 2

    def look(self, view: PlantView) -> Findings:
        share = view.power_kw / view.capacity_kw[:, None]
        still = share <= self.still_share
        bound = view.bound
        measured = self._measured_drive(view)
        says_run = np.where(np.isnan(self._sensor(view)), False, measured)
        by_sensor = _all_recent(still & says_run, share, recent(view))
        no_sensor = np.isnan(self._sensor(view)).all(axis=1)
        patient = recent(view, self.forecast_least_s, 3)
        by_forecast = no_sensor & _all_recent(still & self._forecast_drive(view), share, patient)
        self._learn(view, share, bound)
        newest = share[:, -1]
        should_run = np.where(no_sensor, self._forecast_drive(view)[:, -1], says_run[:, -1])
        goes_on = view.is_open(self.name) & still[:, -1] & should_run
        active = (by_sensor | by_forecast | goes_on) & ~(bound & recent(view)).any(axis=1)
        return Findings(
            active=active,
            judged=active | (newest > self.running_share),
            severity=np.full(active.shape, CRITICAL, np.int8),
            expected_kw=self._expected_kw(view),
            actual_kw=view.power_kw[:, -1],
            evidence={
                "wind_speed_ms": np.where(view.is_solar, np.nan, view.wind_speed_ms[:, -1]),
                "poa_irradiance_w_m2": np.where(view.is_solar, view.poa_w_m2[:, -1], np.nan),
                "expected_q10_kw": view.expected[:, -1, 0],
                "expected_q50_kw": view.expected[:, -1, 1],
            },
        )

    def _sensor(self, view: PlantView) -> F8:
        return np.where(view.is_solar[:, None], view.poa_w_m2, view.wind_speed_ms)

    def _measured_drive(self, view: PlantView) -> Bools:
        windy = (view.wind_speed_ms >= self.wind_ms) & (view.wind_speed_ms < self.storm_ms)
        return np.where(view.is_solar[:, None], view.poa_w_m2 >= self.poa_w_m2, windy)

    def _forecast_drive(self, view: PlantView) -> Bools:
        share = view.expected / view.capacity_kw[:, None, None]
        awake = (~view.is_solar | view.daylight)[:, None]
        drive: Bools = awake & (share[..., 0] >= self.sure_share) & (share[..., 1] >= self.likely_share)
        return drive

    def _expected_kw(self, view: PlantView) -> F8:
        """What the plant's own curve says of what its sensor measures now, else the forecast's median."""
        by_curve = curve.expect(view.state[MEAN], view.state[COUNT], self._bins(view, -1))
        return first_finite(by_curve, view.expected[:, -1, 1])

    def _bins(self, view: PlantView, place: int) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
        return curve.bin_of(view.wind_speed_ms[:, place], view.poa_w_m2[:, place], view.is_solar)

    def _learn(self, view: PlantView, share: F8, bound: Bools) -> None:
        for place, new in unseen(view):
            still = (share[:, place] <= self.still_share) & self._measured_drive(view)[:, place]
            use = new & ~still & ~bound[:, place]
            curve.learn(
                view.state[MEAN], view.state[COUNT], self._bins(view, place), view.power_kw[:, place], use
            )

    def describe(self, case: Case) -> str:
        if "wind_speed_ms" in case.evidence:
            return f"{case.who} stands still in {case.evidence['wind_speed_ms']:.1f} m/s of wind"
        if "poa_irradiance_w_m2" in case.evidence:
            return f"{case.who} stands still in {case.evidence['poa_irradiance_w_m2']:,.0f} W/m2 of sun"
        return f"{case.who} stands still although the forecast says that it should run"


def _all_recent(condition: Bools, share: F8, window: Bools) -> Bools:
    """Every known interval of the window meets the condition; the newest is known, and half of them are."""
    known = np.isfinite(share) & window
    met = (~known | condition).all(axis=1)
    enough: Bools = 2 * known.sum(axis=1) >= window.sum(axis=1)
    return met & enough & known[:, -1]
