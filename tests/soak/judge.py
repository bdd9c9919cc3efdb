"""What a soak promises, judged by what was measured. No process, no server: numbers in, a verdict out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

#: Memory may grow over the second half by this share of what it was, and by this many megabytes: an allocator
#: keeps what it has. A thing that grows with each record would add hundreds.
MOST_GROWTH = 0.08
GROWTH_MB = 16.0
#: What each process may hold at any time, in megabytes, with the load of the soak.
MOST_MB = {"worker": 1200.0, "sink": 700.0, "publisher": 900.0}


@dataclass(frozen=True)
class Memory:
    """One process. `slope_mb_min`: of the trend over the second half; `growth_mb`: what that makes."""

    name: str
    peak_mb: float
    median_mb: float
    slope_mb_min: float
    growth_mb: float
    allowed_mb: float

    @property
    def broken(self) -> list[str]:
        told = []
        if self.growth_mb > self.allowed_mb:
            told.append(
                f"{self.name} grew by {self.growth_mb:.0f} MB over the second half ({self.allowed_mb:.0f})"
            )
        if self.peak_mb > MOST_MB[self.name]:
            told.append(f"{self.name} held {self.peak_mb:.0f} MB ({MOST_MB[self.name]:.0f})")
        return told


def memory(name: str, at_s: Sequence[float], rss_mb: Sequence[float]) -> Memory:
    """The trend is the median of the slopes between the minutes' medians: one spike does not bend it."""
    at, held = np.array(at_s), np.array(rss_mb)
    late = at >= at[0] + (at[-1] - at[0]) / 2
    span_s = float(at[-1] - at[late][0]) if late.any() else 0.0
    slope = _slope(at[late], held[late])
    median = float(np.median(held[late]))
    return Memory(
        name=name,
        peak_mb=float(held.max()),
        median_mb=median,
        slope_mb_min=60 * slope,
        growth_mb=slope * span_s,
        allowed_mb=MOST_GROWTH * median + GROWTH_MB,
    )


def _slope(at_s: np.ndarray, held: np.ndarray) -> float:
    """Megabytes a second, by Theil and Sen over the medians of 12 stretches."""
    stretches = [part for part in np.array_split(np.arange(len(at_s)), 12) if len(part)]
    x = np.array([np.median(at_s[part]) for part in stretches])
    y = np.array([np.median(held[part]) for part in stretches])
    i, j = np.triu_indices(len(x), 1)
    return float(np.median((y[j] - y[i]) / (x[j] - x[i]))) if i.size else 0.0


@dataclass
class Soak:
    """All that was measured, and what of it breaks a promise."""

    minutes: float
    memories: list[Memory]
    lag: dict[str, int]
    ended: dict[str, int]
    unequal: list[str]
    more: dict[str, Any] = field(default_factory=dict)

    @property
    def broken(self) -> list[str]:
        told = [line for one in self.memories for line in one.broken]
        told += [f"the {name} ended with {code}" for name, code in self.ended.items()]
        told += [
            f"the lag of the {name} never grew: it was not tried" for name, n in self.lag.items() if n <= 0
        ]
        return told + self.unequal

    def verdict(self) -> str:
        """One plain line."""
        if self.broken:
            return f"BROKEN: {'; '.join(self.broken)}"
        held = ", ".join(
            f"{one.name} {one.peak_mb:.0f} MB at most, {one.slope_mb_min:+.1f} MB/min"
            for one in self.memories
        )
        return f"kept for {self.minutes:g} min: {held}; all caught up and equal"
