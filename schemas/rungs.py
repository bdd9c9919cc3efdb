"""The degradation ladder: what a step of a forecast was made of. The numbers stand in every forecast."""

from __future__ import annotations

from enum import IntEnum
from typing import Final


class Rung(IntEnum):
    """What a step had to go by."""

    BOTH = 0
    WEATHER_ONLY = 1
    TELEMETRY_ONLY = 2
    CLIMATOLOGY = 3
    PHYSICAL_START = 4

    @property
    def title(self) -> str:
        """For a person."""
        return self.name.lower().replace("_", " ")


#: From the best to the worst. The physical start came last to the numbers and is not the worst.
LADDER: Final = (
    Rung.BOTH,
    Rung.WEATHER_ONLY,
    Rung.PHYSICAL_START,
    Rung.TELEMETRY_ONLY,
    Rung.CLIMATOLOGY,
)
#: Place of each number on the ladder: `PLACE[rung]`.
PLACE: Final = tuple(LADDER.index(rung) for rung in Rung)
