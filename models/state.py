"""The state of a fleet as columns: one array for each field, one row (slot) for each plant.

A field's shape may name growing axes: ``"U"`` (units of a plant) and ``"B"`` (hours of weather base). Rows
are cut out for a checkpoint and put back by name, so a state written before a field existed can still be
read.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


@dataclass(frozen=True)
class Field:
    """One column of the fleet's state.

    :param shape: axes after the plant axis; a number, or the name of a growing axis
    :param fill: value of a row that nothing has been learned for
    :param optional: a state without it is whole all the same, so it is not part of the layout
    """

    name: str
    dtype: str
    shape: tuple[int | str, ...] = ()
    fill: float = 0
    optional: bool = False


@dataclass
class FleetState:
    """Columns by name. Rows up to ``size`` are or were in use; those of ``vacant`` are free again."""

    fields: tuple[Field, ...]
    axes: dict[str, int]
    columns: dict[str, Array] = field(default_factory=dict)
    room: int = 16
    size: int = 0
    vacant: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        for f in self.fields:
            self.columns[f.name] = self._blank(f, self.room)

    def __getitem__(self, name: str) -> Array:
        return self.columns[name]

    def _blank(self, f: Field, rows: int) -> Array:
        shape = tuple(self.axes[a] if isinstance(a, str) else a for a in f.shape)
        return np.full((rows, *shape), f.fill, np.dtype(f.dtype))

    def add(self) -> int:
        """A row that nothing has been learned for."""
        if self.vacant:
            return self.vacant.pop()
        if self.size == self.room:
            self._grow_rows(self.room + max(16, self.room // 4))  # room for nobody is memory
        self.size += 1
        return self.size - 1

    def free(self, slot: int) -> None:
        """Forget all that was learned of a row, so that another plant may have it."""
        for f in self.fields:
            self.columns[f.name][slot] = f.fill
        self.vacant.append(slot)

    def _grow_rows(self, rows: int) -> None:
        for f in self.fields:
            more = self._blank(f, rows - self.room)
            self.columns[f.name] = np.concatenate([self.columns[f.name], more])
        self.room = rows

    def widen(self, axis: str, size: int) -> None:
        """Lengthen a growing axis to at least ``size``; what is there keeps its place."""
        if size <= self.axes[axis]:
            return
        self.axes[axis] = size
        for f in self.fields:
            if axis in f.shape:
                old = self.columns[f.name]
                new = self._blank(f, self.room)
                new[tuple(slice(n) for n in old.shape)] = old
                self.columns[f.name] = new

    def row(self, slot: int, **sizes: int) -> dict[str, Array]:
        """A copy of one plant's row, column by column; ``sizes`` is what it needs of growing axes, which are
        as long as the largest plant wants them.
        """
        cut = {f.name: tuple(slice(sizes.get(str(a))) for a in f.shape) for f in self.fields}
        return {name: np.ascontiguousarray(self.columns[name][slot][part]) for name, part in cut.items()}

    def put(self, slot: int, row: dict[str, Array]) -> None:
        """Write a row back; growing axes are lengthened, columns that the row lacks are left as they are."""
        for f in self.fields:
            if f.name not in row:
                continue
            values = row[f.name]
            for axis, size in zip(f.shape, values.shape, strict=True):
                if isinstance(axis, str):
                    self.widen(axis, size)
            place: tuple[int | slice, ...] = (slot, *(slice(n) for n in values.shape))
            self.columns[f.name][place] = values


def layout_of(fields: Iterable[Field]) -> str:
    """What a snapshot must hold, in one line, for the reader of a checkpoint topic."""
    needed = (f for f in fields if not f.optional)
    return ";".join(f"{f.name}:{f.dtype}{list(f.shape)}".replace(" ", "") for f in needed)
