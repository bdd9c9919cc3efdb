"""How often what was published held: counts of each plant by lead time and day, of the newest month.

Counted as scores count (`models/score.py`): an edge of the 80 % band where it can be seen, each hour, those
of outages too. Only shown: nothing is forecast or learned from these counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.fleet import Fleet
from models.pending import Due
from models.score import HIGH_LEVEL, LOW_LEVEL, VISIBLE_SHARE
from models.state import Field
from models.steps import LEADS_S

I8 = NDArray[np.int64]
F8 = NDArray[np.float64]

DAY_MS: Final = 86_400_000
DAYS_KEPT: Final = 31
LOW, HIGH = 0, 1
_SHAPE: Final = (DAYS_KEPT, len(LEADS_S), 2)
FIELDS: Final = (
    Field("cover_day", "i4", (DAYS_KEPT,), -1, optional=True),
    Field("cover_seen", "i2", _SHAPE, optional=True),
    Field("cover_missed", "i2", _SHAPE, optional=True),
)


@dataclass(frozen=True)
class Counts:
    """Of N plants by lead time how often each edge of the band could be seen, and how often it was missed;
    (N, leads, 2), the lower edge first.
    """

    seen: I8
    missed: I8

    @property
    def inside(self) -> F8:
        """Share inside the band, (N, leads); an edge that was never seen has its nominal tenth, NaN where
        neither was.
        """
        nominal = np.array([LOW_LEVEL, 1.0 - HIGH_LEVEL])
        outside = np.where(self.seen > 0, self.missed / np.maximum(self.seen, 1), nominal)
        return np.where(self.met > 0, 1.0 - outside.sum(axis=-1), np.nan)

    @property
    def met(self) -> I8:
        """How many forecasts that could miss have met their actuals, (N, leads)."""
        return np.asarray(self.seen.max(axis=-1))

    def pooled(self) -> Counts:
        """All plants as one, (1, leads, 2)."""
        return Counts(self.seen.sum(axis=0, keepdims=True), self.missed.sum(axis=0, keepdims=True))


def note(fleet: Fleet, slots: I8, valid_ms: I8, due: Due, actual: F8) -> None:
    """Count forecasts that have met their actuals, in shares of capacity, NaN where nothing came."""
    state = fleet.state
    day = valid_ms // DAY_MS
    place = day % DAYS_KEPT
    new = state["cover_day"][slots, place] < day
    for name in ("cover_seen", "cover_missed"):
        state[name][slots[new], place[new]] = 0
    state["cover_day"][slots[new], place[new]] = day[new]
    low, high = (due.shares[..., fleet.settings.level(p)] for p in (LOW_LEVEL, HIGH_LEVEL))
    met = due.found & np.isfinite(actual)
    seen = np.stack([met & (low > VISIBLE_SHARE), met & (high > VISIBLE_SHARE)], axis=-1)
    missed = seen & np.stack([actual < low, actual > high], axis=-1)
    there = state["cover_day"][slots, place] == day  # a clock that jumped back counts no more
    rows = slots[there], place[there]
    state["cover_seen"][rows] += seen[there].astype(np.int16)
    state["cover_missed"][rows] += missed[there].astype(np.int16)


def counts(fleet: Fleet, days: int) -> Counts:
    """What was counted of every row of the fleet in the newest days of its plant's own clock."""
    slots = np.arange(fleet.state.size)
    day = fleet.state["cover_day"][slots]
    newest = fleet.state["clock_ms"][slots] // DAY_MS
    kept = ((day >= 0) & (day > newest[:, None] - days))[..., None, None]
    seen, missed = (fleet.state[name][slots] for name in ("cover_seen", "cover_missed"))
    return Counts((seen * kept).sum(axis=1, dtype=np.int64), (missed * kept).sum(axis=1, dtype=np.int64))
