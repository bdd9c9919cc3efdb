"""What a finding is, and the columns of a plant that findings are made from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import Any, Final

import numpy as np

from producers.table import Floats, Longs
from schemas.records import PlantKind, PlantVersion

DAY_MS: Final = 86_400_000
HOUR_MS: Final = 3_600_000


class Weight(StrEnum):
    """How much a finding matters, from what cannot be used at all to what is only good to know."""

    STOPS = "stops"
    MUCH = "much"
    SOME = "some"
    LITTLE = "little"


#: The heaviest first.
HEAVIEST_FIRST: Final = tuple(Weight)


@dataclass(frozen=True)
class Finding:
    """One thing that looks wrong. `row` is the first that shows it; `share` is how much of all it touches, of
    `of` ("rows", "energy", "time"); `do` is what to do about it.
    """

    kind: str
    weight: Weight
    plant: str | None
    file: str
    row: int | None
    column: str | None
    what: str
    do: str
    share: float | None = None
    of: str = "rows"

    def plain(self) -> dict[str, Any]:
        """The finding for `--json`."""
        share = None if self.share is None else round(self.share, 6)
        of = None if share is None else self.of
        return {**vars(self), "weight": self.weight.value, "share": share, "of": of}


@dataclass(frozen=True)
class Columns:
    """The n rows of a plant in the order of its file. `row` i8[n] where a person finds each, `stamp_ms` i8[n]
    the ends of intervals, `power_kw` f8[n] with NaN where missing, `step_ms` the commonest step,
    `known_given` whether the file says when each was known, `registry` the file of the plants,
    `sensors` the other columns, f8[n] each.
    """

    plant: PlantVersion
    file: str
    row: Longs
    stamp_ms: Longs
    power_kw: Floats
    step_ms: int
    known_given: bool = False
    registry: str = "plants.csv"
    sensors: Mapping[str, Floats] = field(default_factory=dict)

    @cached_property
    def share(self) -> Floats:
        """Power as a share of capacity, f8[n]."""
        return self.power_kw / self.plant.capacity_kw

    @cached_property
    def known(self) -> Floats:
        """The shares that there are."""
        return self.share[np.isfinite(self.share)]

    @cached_property
    def order(self) -> Longs:
        """The places of the rows by stamp, the last of each stamp alone: it is the one that counts."""
        order = np.argsort(self.stamp_ms, kind="stable")
        stamps = self.stamp_ms[order]
        last = np.append(stamps[1:] != stamps[:-1], True)[: stamps.size]
        once: Longs = order[last]
        return once

    @property
    def days(self) -> float:
        """From the first stamp to the last."""
        return float(np.ptp(self.stamp_ms)) / DAY_MS if self.stamp_ms.size else 0.0

    @property
    def is_solar(self) -> bool:
        return self.plant.kind is PlantKind.SOLAR

    def at(self, place: int | np.int64) -> int:
        """The row of a place."""
        return int(self.row[place])

    def finding(
        self,
        kind: str,
        weight: Weight,
        what: str,
        do: str,
        row: int | None = None,
        column: str | None = "power_kw",
        share: float | None = None,
        of: str = "rows",
    ) -> Finding:
        """A finding of this plant and file."""
        return Finding(kind, weight, self.plant.plant_id, self.file, row, column, what, do, share, of)

    def of_registry(self, kind: str, weight: Weight, what: str, do: str, column: str) -> Finding:
        """A finding of what the registry says of this plant."""
        return self.of_file(self.registry, kind, weight, what, do, column)

    def of_file(self, file: str, kind: str, weight: Weight, what: str, do: str, column: str) -> Finding:
        """A finding of this plant in another file, of no row in particular."""
        return Finding(kind, weight, self.plant.plant_id, file, None, column, what, do)


Found = Iterator[Finding]


def by_share(share: float, little: float, some: float) -> Weight:
    """The weight of what touches this share of all: little under the first limit, some under the second."""
    if share < little:
        return Weight.LITTLE
    return Weight.SOME if share < some else Weight.MUCH


def percent(share: float) -> str:
    """A share for people: two digits that count, whole from ten on."""
    return f"{share:.0%}" if share >= 0.0995 else f"{share * 100:.2g} %".replace(" %", "%")
