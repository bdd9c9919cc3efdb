"""The plant's telemetry has stopped."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.detect.view import CRITICAL, INFO, WARNING, Case, Findings, PlantView
from models.state import Field


@dataclass(frozen=True)
class FeedSilent:
    """No telemetry for longer than `least_s` and than `intervals` of the plant's intervals.

    A plant that never sent anything is being set up and is not judged. A solar plant's silence in the dark
    costs nothing yet, so it is told as information.
    """

    least_s: float = 1800.0
    intervals: float = 2.5
    critical_s: float = 6 * 3600.0

    name: str = "feed_silent"
    fields: tuple[Field, ...] = ()
    per_unit: bool = False
    opens_after: int = 1
    closes_after: int = 2

    def look(self, view: PlantView) -> Findings:
        limit_s = np.maximum(self.least_s, self.intervals * view.resolution_s)
        asleep = view.is_solar & ~view.daylight
        severity = np.where(asleep, INFO, np.where(view.silent_s >= self.critical_s, CRITICAL, WARNING))
        return Findings(
            active=view.silent_s > limit_s,
            judged=np.isfinite(view.silent_s),
            severity=severity.astype(np.int8),
            expected_kw=view.expected[:, -1, 1],
            actual_kw=np.full(view.capacity_kw.shape, np.nan),
            evidence={"silent_s": view.silent_s, "limit_s": limit_s},
        )

    def describe(self, case: Case) -> str:
        return f"{case.who} has sent no telemetry for {case.evidence['silent_s'] / 60:,.0f} min"
