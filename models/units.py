"""The units of a fleet's plants: who they are, and columns with one row for each of them.

The rows of a plant's units stand side by side (its block), so a plant pays for its own units and for no
other's. It moves when it has outgrown its block, which happens while its units are seen for the first time.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from models.state import Field, FleetState

I8 = NDArray[np.int64]

MOST: Final = 1000  # units of a plant that are told apart; more would make a state too large for a record
LONGEST_ID: Final = 200
NO_ROW: Final = -1
NOBODY: Final = 0  # row of a unit that is not there: nothing is ever learned of it
_EXACT: Final = 8


class Units:
    """Names and columns. `names`: units of a plant by slot, in the order in which they were first seen, which
    is that of their rows. `first` and `room`: the plant's block, by slot.
    """

    def __init__(self, fields: Iterable[Field]) -> None:
        self.columns = FleetState(tuple(f for f in fields if f.per_unit))
        self.columns.append(NOBODY + 1)
        self.names: dict[int, list[str]] = {}
        self.first, self.room = np.zeros(16, np.int64), np.zeros(16, np.int64)
        self._left: dict[int, list[int]] = {}  # blocks that are free again, by length

    def add(self, slot: int) -> None:
        """A plant without units."""
        if slot >= len(self.first):
            more = np.zeros(slot + 1 + slot // 4 - len(self.first), np.int64)
            self.first, self.room = np.append(self.first, more), np.append(self.room, more)
        self.names[slot] = []

    def free(self, slot: int) -> None:
        """Forget the units of a plant."""
        if self.names.pop(slot, None):
            self._leave(slot)

    def block(self, slot: int) -> slice:
        """Rows of a plant: its units, and room for more."""
        return slice(int(self.first[slot]), int(self.first[slot] + self.room[slot]))

    def rows(self, slot: int) -> slice:
        """Rows of the units that a plant has."""
        first = int(self.first[slot])
        return slice(first, first + len(self.names[slot]))

    def places(self, slot: int, unit_ids: list[str]) -> Sequence[int]:
        """Where distinct units of a plant stand in its block, in the order given; new ones are taken in, and
        `NO_ROW` stands for one that there is no room for.
        """
        if self.names[slot][: len(unit_ids)] == unit_ids:
            return range(len(unit_ids))
        known = {name: place for place, name in enumerate(self.names[slot])}
        for unit_id in unit_ids:
            if unit_id not in known and len(known) < MOST and len(unit_id) <= LONGEST_ID:
                known[unit_id] = len(known)
        self.names[slot] = list(known)
        self._make_room(slot, len(known))
        return [known.get(unit_id, NO_ROW) for unit_id in unit_ids]

    def row(self, slot: int) -> dict[str, NDArray[Any]]:
        """A copy of the rows of a plant's units, column by column."""
        return self.columns.row(self.rows(slot))

    def put(self, slot: int, names: list[str], rows: dict[str, NDArray[Any]]) -> None:
        """Write a plant's units back. States of before held as many rows as the largest plant had units."""
        self.names[slot] = list(names)
        self._make_room(slot, len(names))
        kept = {f.name: rows[f.name][: len(names)] for f in self.columns.fields if f.name in rows}
        self.columns.put_rows(int(self.first[slot]), kept)

    def _make_room(self, slot: int, units: int) -> None:
        """A block for so many units; what was learned of those that are there goes with them."""
        room = int(self.room[slot])
        if units <= room:
            return
        length = _length(max(units, room + room // 2))
        first, old = self._take(length), self.block(slot)
        kept = self.columns.row(old)
        if room:
            self._leave(slot)
        self.first[slot], self.room[slot] = first, length
        self.columns.put_rows(int(self.first[slot]), kept)

    def _take(self, length: int) -> int:
        """The first row of a free block, the shortest that is long enough, or of a new one."""
        found = min((left for left, firsts in self._left.items() if firsts and left >= length), default=None)
        if found is None:
            return self.columns.append(length)
        first = self._left[found].pop()
        if found > length:
            self._left.setdefault(found - length, []).append(first + length)
        return first

    def _leave(self, slot: int) -> None:
        self.columns.blank(self.block(slot))
        self._left.setdefault(int(self.room[slot]), []).append(int(self.first[slot]))
        self.first[slot] = self.room[slot] = 0


def _length(units: int) -> int:
    """Rows of a block: as many as there are units, or up to an eighth more, so that blocks fit again."""
    step = max(1, 2 ** (units.bit_length() - 4))
    return units if units <= _EXACT else -(-units // step) * step
