"""The state of a fleet as columns: one array for each field, one row (slot) for each plant.

A field whose shape begins with ``"U"`` has a row for each unit instead (`models/units.py`). Rows are cut out
for a checkpoint and put back by name, so a state written before a field existed can still be read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

PER_UNIT: Final = "U"


@dataclass(frozen=True)
class Field:
    """One column of the fleet's state.

    :param shape: axes after the plant axis; the first may be `PER_UNIT`
    :param fill: value of a row that nothing has been learned for
    :param optional: a state without it is whole all the same, so it is not part of the layout
    """

    name: str
    dtype: str
    shape: tuple[int | str, ...] = ()
    fill: float = 0
    optional: bool = False

    @property
    def per_unit(self) -> bool:
        """Whether each unit of a plant has a value."""
        return self.shape[:1] == (PER_UNIT,)

    def blank(self, rows: int) -> Array:
        """Rows that nothing has been learned for."""
        shape = rows, *(int(size) for size in self.shape[self.per_unit :])
        if self.fill == 0:
            return np.zeros(shape, np.dtype(self.dtype))  # zeros that are never touched take no memory
        return np.full(shape, self.fill, np.dtype(self.dtype))


@dataclass
class FleetState:
    """Columns by name. Rows up to ``size`` are or were in use; those of ``vacant`` are free again."""

    fields: tuple[Field, ...]
    columns: dict[str, Array] = field(default_factory=dict)
    room: int = 16
    size: int = 0
    vacant: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        for f in self.fields:
            self.columns[f.name] = f.blank(self.room)

    def __getitem__(self, name: str) -> Array:
        return self.columns[name]

    def add(self) -> int:
        """A row that nothing has been learned for."""
        return self.vacant.pop() if self.vacant else self.append(1)

    def append(self, rows: int) -> int:
        """The first of so many new rows side by side."""
        if self.size + rows > self.room:
            more = max(16, self.room // 8)  # room for nobody is memory
            self._grow(max(self.size + rows, self.room + more))
        self.size += rows
        return self.size - rows

    def blank(self, rows: int | slice) -> None:
        """Forget all that was learned of a row, or of several."""
        for f in self.fields:
            self.columns[f.name][rows] = f.fill

    def free(self, slot: int) -> None:
        """Forget all that was learned of a row, so that another plant may have it."""
        self.blank(slot)
        self.vacant.append(slot)

    def _grow(self, rows: int) -> None:
        for f in self.fields:
            column = f.blank(rows)
            column[: self.size] = self.columns[f.name][: self.size]
            self.columns[f.name] = column
        self.room = rows

    def row(self, slot: int | slice) -> dict[str, Array]:
        """A copy of one row, or of several side by side, column by column."""
        return {f.name: np.array(self.columns[f.name][slot]) for f in self.fields}

    def put(self, slot: int, row: dict[str, Array]) -> None:
        """Write a row back; columns that it lacks, and places that it lacks in one, are left as they are."""
        for f in self.fields:
            if f.name in row:
                values = row[f.name]
                place: tuple[int | slice, ...] = (slot, *(slice(n) for n in values.shape))
                self.columns[f.name][place] = values

    def put_rows(self, first: int, rows: dict[str, Array]) -> None:
        """The same of rows side by side, from the first of them on."""
        for f in self.fields:
            if f.name in rows:
                values = rows[f.name]
                places = slice(first, first + len(values)), *(slice(n) for n in values.shape[1:])
                self.columns[f.name][places] = values


class Rows(Mapping[str, Array]):
    """Some rows of columns by name, to be worked on. Those side by side are worked on where they stand,
    others are cut out when they are asked for, and go back with `put_back`.

    :param rows: a slice, or row numbers of the shape `shape`
    """

    def __init__(self, state: FleetState, rows: NDArray[np.int64] | slice, shape: tuple[int, ...]) -> None:
        self._state, self._rows, self._shape = state, rows, shape
        self._cut: dict[str, Array] = {}

    def __getitem__(self, name: str) -> Array:
        if name not in self._cut:
            column = self._state.columns[name]
            self._cut[name] = column[self._rows].reshape(*self._shape, *column.shape[1:])
        return self._cut[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._state.columns)

    def __len__(self) -> int:
        return len(self._state.columns)

    def put_back(self) -> None:
        """Write back what was cut out."""
        if not isinstance(self._rows, slice):
            for name, values in self._cut.items():
                self._state.columns[name][self._rows] = values


def side_by_side(rows: NDArray[np.int64]) -> bool:
    """Whether each row follows the one before."""
    return rows.size > 0 and bool((np.diff(rows) == 1).all())


def layout_of(fields: Iterable[Field]) -> str:
    """What a snapshot must hold, in one line, for the reader of a checkpoint topic."""
    needed = (f for f in fields if not f.optional)
    return ";".join(f"{f.name}:{f.dtype}{list(f.shape)}".replace(" ", "") for f in needed)
