"""Which intervals a forecast is for: the plant's resolution to 6 h, then whole hours to 48 h."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

I8 = NDArray[np.int64]
F8 = NDArray[np.float64]

LEADS_S: Final = (900, 3600, 7200, 10800, 21600, 43200, 86400, 172800)
DEFAULT_LEVELS: Final = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)


@dataclass(frozen=True)
class EngineSettings:
    """What is forecast, and how often.

    :param levels: quantile levels published, rising, with 0.1, 0.5 and 0.9 among them
    :param fine_until_s: lead time up to which the plant's resolution is kept
    :param step_s: one step for all lead times (a backtest's), else None
    :param issue_every_s: one issue interval for all plants (a backtest's), else the registry's
    :param blind: no actual reaches a forecast in any way: no correction, no calibration
    """

    levels: tuple[float, ...] = DEFAULT_LEVELS
    fine_until_s: int = 21_600
    coarse_s: int = 3_600
    horizon_s: int = 172_800
    step_s: int | None = None
    issue_every_s: int | None = None
    blind: bool = False

    def __post_init__(self) -> None:
        if not {0.1, 0.5, 0.9} <= set(self.levels) or list(self.levels) != sorted(set(self.levels)):
            raise ValueError(f"levels must rise and hold 0.1, 0.5 and 0.9; got {self.levels}")

    def level(self, value: float) -> int:
        """Place of a level among those published."""
        return self.levels.index(value)

    def interval_at(self, lead_s: int, resolution_s: I8) -> I8:
        """Length [s] of the step that ends this long after the issue, for plants of these resolutions."""
        if self.step_s is not None:
            return np.full_like(resolution_s, self.step_s)
        return resolution_s if lead_s <= self.fine_until_s else np.maximum(self.coarse_s, resolution_s)


@dataclass(frozen=True)
class Steps:
    """Steps of N issues: ends [ms UTC] and lengths [s], shape (N, S) each."""

    valid_at_ms: I8
    interval_s: I8

    def lead_s(self, issued_at_ms: I8) -> F8:
        """Time from the issue to the end of each step [s], shape (N, S)."""
        return np.asarray((self.valid_at_ms - issued_at_ms[:, None]) / 1000.0)


def steps_of(issued_at_ms: I8, resolution_s: int, settings: EngineSettings) -> Steps:
    """Steps of issues of plants of one resolution; ends are whole multiples of the step in UTC."""
    fine_s = settings.step_s or resolution_s
    coarse_s = settings.step_s or max(settings.coarse_s, resolution_s)
    reach_s = settings.horizon_s if settings.step_s else min(settings.fine_until_s, settings.horizon_s)
    fine = _ends(issued_at_ms, fine_s, reach_s // fine_s)
    if reach_s == settings.horizon_s:
        return Steps(fine, np.full(fine.shape, fine_s, np.int64))
    turn = issued_at_ms + reach_s * 1000
    coarse = _ends(turn, coarse_s, (settings.horizon_s - reach_s) // coarse_s)
    lengths = np.concatenate([np.full(fine.shape, fine_s), np.full(coarse.shape, coarse_s)], axis=1)
    return Steps(np.concatenate([fine, coarse], axis=1), lengths.astype(np.int64))


def _ends(after_ms: I8, step_s: int, count: int) -> I8:
    """The next ``count`` whole multiples of the step after each time."""
    first = after_ms // (step_s * 1000) + 1
    return np.asarray((first[:, None] + np.arange(count)) * (step_s * 1000))
