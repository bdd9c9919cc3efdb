"""A setpoint holds the plant below what it could make."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.detect.common import recent
from models.detect.view import F8, INFO, Bools, Case, Findings, PlantView
from models.state import Field


@dataclass(frozen=True)
class Curtailment:
    """The plant makes what a setpoint below capacity allows, while more is expected, for half an hour.

    Where no expectation is known, power has to stay on the setpoint within `tight_share` all that time.
    Plants that are given no setpoint are never said to be curtailed. It is an instruction, not a fault:
    severity is info.
    """

    full_share: float = 0.98
    slack_share: float = 0.03
    tight_share: float = 0.015
    least_s: int = 1800

    name: str = "curtailment"
    fields: tuple[Field, ...] = ()
    per_unit: bool = False
    opens_after: int = 1
    closes_after: int = 2

    def look(self, view: PlantView) -> Findings:
        capacity_kw = view.capacity_kw[:, None]
        expected_kw = view.expected[..., 1]
        off_kw = np.abs(view.power_kw - view.setpoint_kw)
        limited = view.setpoint_kw < self.full_share * capacity_kw
        more = expected_kw > view.setpoint_kw + self.slack_share * capacity_kw
        clearly = more & (off_kw <= self.slack_share * capacity_kw)
        blindly = np.isnan(expected_kw) & (off_kw <= self.tight_share * capacity_kw)
        held = limited & (clearly | blindly)
        window = recent(view, self.least_s)
        active = (~window | held).all(axis=1) | (view.is_open(self.name) & held[:, -1])
        return Findings(
            active=active,
            judged=np.isfinite(view.power_kw[:, -1]) & self._awake(view, active),
            severity=np.full(active.shape, INFO, np.int8),
            expected_kw=expected_kw[:, -1],
            actual_kw=view.power_kw[:, -1],
            evidence={"setpoint_kw": view.setpoint_kw[:, -1], "setpoint_share": self._share(view)},
        )

    def _awake(self, view: PlantView, active: Bools) -> Bools:
        """In the dark a solar plant's setpoint says nothing, but the end of a limit is seen at any time."""
        limited = view.setpoint_kw[:, -1] < self.full_share * view.capacity_kw
        return ~view.is_solar | view.daylight | (~limited & ~active)

    def _share(self, view: PlantView) -> F8:
        return view.setpoint_kw[:, -1] / view.capacity_kw

    def describe(self, case: Case) -> str:
        return f"{case.who} is held at {case.evidence['setpoint_kw']:,.0f} kW by its setpoint"
