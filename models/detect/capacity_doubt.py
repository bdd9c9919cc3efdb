"""A plant's highest hour does not fit the capacity of the registry."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.detect.view import WARNING, Case, Findings, PlantView
from models.state import Field


@dataclass(frozen=True)
class CapacityDoubt:
    """Strong wind or sun came and went, and the best hour stayed far under the capacity, or went over it.

    Judged while the physical start serves: a trained model has learned the plant as it is. The mean would not
    do: at the same forecast wind one farm gives twice what another does, but each comes near its capacity.
    """

    least_strong_h: float = 30.0  # at full power
    least_share: float = 0.6
    most_share: float = 1.1

    name: str = "capacity_doubt"
    fields: tuple[Field, ...] = ()
    per_unit: bool = False
    opens_after: int = 1
    closes_after: int = 2

    def look(self, view: PlantView) -> Findings:
        share, enough = view.highest_kw / view.capacity_kw, view.strong_h >= self.least_strong_h
        never = enough & (share < self.least_share)
        over = share > self.most_share
        return Findings(
            active=never | over,
            judged=enough | over,
            severity=np.full(share.shape, WARNING, np.int8),
            expected_kw=np.full(share.shape, np.nan),
            actual_kw=np.full(share.shape, np.nan),
            evidence={"highest_share": share, "strong_h": view.strong_h},
        )

    def describe(self, case: Case) -> str:
        share = case.evidence["highest_share"]
        best = f"{share * case.capacity_kw:,.0f} kW was the best hour of {case.who}"
        return f"{best}, whose capacity is said to be {case.capacity_kw:,.0f} kW: is capacity_kw right?"
