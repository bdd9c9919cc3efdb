"""No new weather run comes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from models.detect.view import CRITICAL, WARNING, Case, Findings, PlantView
from models.state import Field

LAST: Final = "weather_silent.last_s"
USUAL: Final = "weather_silent.usual_s"


@dataclass(frozen=True)
class WeatherSilent:
    """A plant that has had runs gets none for longer than its source usually takes.

    The longest wait before a run, forgotten by a tenth with each run, is what is usual; twice that and
    an hour is too long. Until a wait has been seen whole, and at most, it is `most_s`.
    """

    least_s: float = 6 * 3600.0
    most_s: float = 30 * 3600.0
    critical_s: float = 48 * 3600.0

    name: str = "weather_silent"
    fields: tuple[Field, ...] = (Field(LAST, "float64", (), np.inf), Field(USUAL, "float64", (), np.nan))
    per_unit: bool = False
    opens_after: int = 1
    closes_after: int = 2

    def look(self, view: PlantView) -> Findings:
        silent_s, usual_s = view.weather_silent_s, view.state[USUAL]
        self._learn(view)
        limit_s = np.clip(np.nan_to_num(2 * usual_s + 3600.0, nan=self.most_s), self.least_s, self.most_s)
        return Findings(
            active=silent_s > limit_s,
            judged=view.weather_expected & np.isfinite(silent_s),
            severity=np.where(silent_s >= self.critical_s, CRITICAL, WARNING).astype(np.int8),
            expected_kw=np.full(silent_s.shape, np.nan),
            actual_kw=view.power_kw[:, -1],
            evidence={"silent_s": silent_s, "limit_s": limit_s},
        )

    def _learn(self, view: PlantView) -> None:
        last_s, usual_s = view.state[LAST], view.state[USUAL]
        came = (view.weather_silent_s < last_s) & np.isfinite(last_s)
        wait_s = np.minimum(np.where(came, last_s, 0.0), self.most_s)
        usual_s[...] = np.where(came, np.fmax(0.9 * usual_s, wait_s), usual_s)
        last_s[...] = view.weather_silent_s

    def describe(self, case: Case) -> str:
        return f"{case.who} has had no weather run for {case.evidence['silent_s'] / 3600:,.1f} h"
