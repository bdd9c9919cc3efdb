"""What the owner of a stranger's files says of them: zone, stamps, unit, names, the plant."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from zoneinfo import ZoneInfo

from producers.csv_file import CANONICAL, Dialect


class Stamp(StrEnum):
    """Which end of its interval a stamp marks."""

    START = "start"
    END = "end"


class Unit(StrEnum):
    """What power is counted in; `shift` is how far the decimal point goes on the way to kW."""

    W = "W"
    KW = "kW"
    MW = "MW"

    @property
    def shift(self) -> int:
        return {Unit.W: -3, Unit.KW: 0, Unit.MW: 3}[self]


@dataclass(frozen=True)
class Guesses:
    """Everything that can be said; as it is made it says that the files are canonical.

    `names` are pairs (old, new); `files` gives a table's file where it has another name; `plant` is the row
    of `plants.csv` where there is none.
    """

    timezone: ZoneInfo | None = None
    stamp: Stamp | None = None
    unit: Unit | None = None
    names: tuple[tuple[str, str], ...] = ()
    dropped: tuple[str, ...] = ()
    time_format: str | None = None
    ignore_offset: bool = False
    dialect: Dialect = CANONICAL
    files: Mapping[str, str] = field(default_factory=dict)
    plant: Mapping[str, str] = field(default_factory=dict)
