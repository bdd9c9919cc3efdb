"""The two sides of a plant: the champion whose forecasts are published, and the shadow beside it.

What they learn stands in columns alike: one function makes, keeps and teaches the forecasts of either.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.fleet import Fleet
from models.outlook import Outlook
from models.state import FleetState

I8 = NDArray[np.int64]


@dataclass(frozen=True)
class Learned:
    """Where the bands and the pending forecasts of N plants stand: in the fleet's state those of champions,
    in a state of their own those of shadows. ``rows`` (N,) are the plants' rows there.
    """

    columns: FleetState
    rows: I8

    def take(self, places: I8) -> Learned:
        return Learned(self.columns, self.rows[places])


@dataclass(frozen=True)
class Side:
    """N plants with those who forecast them: all their champions, or all their shadows."""

    slots: I8
    outlooks: Sequence[Outlook]
    learned: Learned

    def take(self, places: I8) -> Side:
        outlooks = [self.outlooks[place] for place in places.tolist()]
        return Side(self.slots[places], outlooks, self.learned.take(places))


def champions(fleet: Fleet, slots: I8) -> Side:
    """The champions of some plants."""
    return Side(slots, [fleet.outlooks[s] for s in slots.tolist()], Learned(fleet.state, slots))
