"""The whole plant stands still although it should run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from models.detect import curve
from models.detect.common import first_finite, recent, unseen
from models.detect.view import CRITICAL, F8, I8, Bools, Case, Findings, PlantView
from models.state import Field

MEAN: Final = "outage.curve_kw"
COUNT: Final = "outage.curve_n"
MISSED: Final = "outage.missed_h"


@dataclass(frozen=True)
class Outage:
    """No power for 45 minutes (two intervals at least) while the plant's own sensor says that it should run.

    Wind of `wind_ms` or more (and no storm), or irradiance of `poa_w_m2` or more, at the plant itself
    decides. Where there is no such sensor the forecast has to, and a forecast may be early or late: the
    plant must stand for three hours and have missed, by the 10 % level alone, `missed_h` hours at full
    load. A setpoint near zero is curtailment, and the night of a solar plant is no outage.
    """

    still_share: float = 0.01
    running_share: float = 0.02
    wind_ms: float = 5.5
    storm_ms: float = 22.0
    poa_w_m2: float = 120.0
    sure_share: float = 0.03
    missed_h: float = 1.0
    forecast_least_s: int = 3 * 3600

    name: str = "outage"
    fields: tuple[Field, ...] = (
        Field(MEAN, "float32", (curve.BINS,), 0.0),
        Field(COUNT, "int16", (curve.BINS,), 0),
        Field(MISSED, "float64", (), 0.0),
    )
    per_unit: bool = False
    opens_after: int = 1
    closes_after: int = 2

    def look(self, view: PlantView) -> Findings:
        share = view.power_kw / view.capacity_kw[:, None]
        still = share <= self.still_share
        should_run = self._should_run(view)
        no_sensor = self._has_no_sensor(view)
        for place, new in unseen(view):
            self._learn_curve(view, place, new & ~(still & should_run)[:, place])
            self._count_missed(view, place, new, share[:, place])
        by_sensor = ~no_sensor & _all_recent(still & should_run, share, recent(view))
        patient = recent(view, self.forecast_least_s, 3)
        missed_h = view.state[MISSED].copy()
        by_forecast = no_sensor & (missed_h >= self.missed_h) & _all_recent(still, share, patient)
        goes_on = view.is_open(self.name) & still[:, -1]
        active = (
            (by_sensor | by_forecast | goes_on) & should_run[:, -1] & ~(view.bound & recent(view)).any(axis=1)
        )
        return Findings(
            active=active,
            judged=active | (share[:, -1] > self.running_share),
            severity=np.full(active.shape, CRITICAL, np.int8),
            expected_kw=self._expected_kw(view),
            actual_kw=view.power_kw[:, -1],
            evidence={
                "wind_speed_ms": np.where(view.is_solar, np.nan, view.wind_speed_ms[:, -1]),
                "poa_irradiance_w_m2": np.where(view.is_solar, view.poa_w_m2[:, -1], np.nan),
                "expected_q10_kw": view.expected[:, -1, 0],
                "missed_full_load_h": np.where(no_sensor, missed_h, np.nan),
            },
        )

    def _should_run(self, view: PlantView) -> Bools:
        """By the plant's sensor where it has one in the window, else by the forecast; shape (N, W)."""
        windy = (view.wind_speed_ms >= self.wind_ms) & (view.wind_speed_ms < self.storm_ms)
        measured = np.where(view.is_solar[:, None], view.poa_w_m2 >= self.poa_w_m2, windy)
        awake = (~view.is_solar | view.daylight)[:, None]
        forecast: Bools = awake & (view.expected[..., 0] >= self.sure_share * view.capacity_kw[:, None])
        return np.where(self._has_no_sensor(view)[:, None], forecast, measured)

    def _count_missed(self, view: PlantView, place: int, new: Bools, share: F8) -> None:
        """Hours at full load that even the 10 % level expected since the plant stands."""
        missed_h = view.state[MISSED]
        sure = np.clip(np.nan_to_num(view.expected[:, place, 0]), 0.0, None) / view.capacity_kw
        more = np.where(np.isfinite(share), missed_h + sure * (view.resolution_s / 3600.0), missed_h)
        runs = (share > self.still_share) | view.bound[:, place]
        missed_h[...] = np.where(new, np.where(runs, 0.0, more), missed_h)

    def _has_no_sensor(self, view: PlantView) -> Bools:
        sensor = np.where(view.is_solar[:, None], view.poa_w_m2, view.wind_speed_ms)
        return np.asarray(np.isnan(sensor).all(axis=1))

    def _expected_kw(self, view: PlantView) -> F8:
        """What the plant's own curve says of what its sensor measures now, else the forecast's median."""
        by_curve = curve.expect(view.state[MEAN], view.state[COUNT], self._bins(view, -1))
        return first_finite(by_curve, view.expected[:, -1, 1])

    def _bins(self, view: PlantView, place: int) -> I8:
        return curve.bin_of(view.wind_speed_ms[:, place], view.poa_w_m2[:, place], view.is_solar)

    def _learn_curve(self, view: PlantView, place: int, use: Bools) -> None:
        free = use & ~view.bound[:, place]
        power_kw = view.power_kw[:, place]
        curve.learn(view.state[MEAN], view.state[COUNT], self._bins(view, place), power_kw, free)

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
