"""Telemetry arrives that no meter of this plant could have measured."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.detect.view import CRITICAL, WARNING, Case, Findings, PlantView
from models.state import Field


@dataclass(frozen=True)
class ImpossibleValue:
    """Records were refused as out of range since the previous issue; critical where nothing else arrives."""

    name: str = "impossible_value"
    fields: tuple[Field, ...] = ()
    per_unit: bool = False
    opens_after: int = 1
    closes_after: int = 2

    def look(self, view: PlantView) -> Findings:
        active = view.impossible > 0
        actual_kw = np.where(active, view.impossible_kw, np.nan)
        alone = np.isnan(view.power_kw[:, -1])
        return Findings(
            active=active,
            judged=active | (view.silent_s <= 2 * view.resolution_s),
            severity=np.where(alone, CRITICAL, WARNING).astype(np.int8),
            expected_kw=np.full(active.shape, np.nan),
            actual_kw=actual_kw,
            evidence={"records": view.impossible.astype(np.float64), "share": actual_kw / view.capacity_kw},
        )

    def describe(self, case: Case) -> str:
        share = case.evidence.get("share", 0.0)
        hint = ": is it in W?" if abs(share) > 20 else ": is capacity_kw right?" if share > 1 else ""
        return (
            f"{case.who} reports {case.actual_kw:,.0f} kW with {case.capacity_kw:,.0f} kW of capacity{hint}"
        )
