"""What the weather of a fleet says of the hours around each plant's clock, at one place for all of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.forecast.base import KNOTS
from models.spans import Span, Spans

I8 = NDArray[np.int64]


class Board:
    """What the spans of a fleet's plants know of the hours around their clocks, by slot, to be read at once.
    A plant's part is written again when its span has changed or its clock has moved on, not at each issue.
    """

    ROOM: Final = 128  # hours of a plant
    BEFORE: Final = 48  # hours before the first that is asked for

    def __init__(self) -> None:
        self._room = self.ROOM
        self._clear(0)

    def _clear(self, plants: int) -> None:
        places = plants * self._room + 1
        self._knots = np.full((places, len(KNOTS)), np.nan, np.float32)
        self._physical = np.zeros(places, np.bool_)
        self._first, self._written = np.zeros(plants, np.int64), np.full(plants, -1, np.int64)
        self._starts = np.zeros(plants, np.bool_)

    def of(self, slots: I8, spans: Sequence[Span], hours: tuple[I8, I8]) -> Spans:
        """What spans know of the hours first..end - 1, (N,) each."""
        first, end = hours
        self._make_room(int(slots.max()) + 1, int((end - first).max()))
        written = np.fromiter((span.written for span in spans), np.int64, len(spans))
        old = self._first[slots]
        stale = (written != self._written[slots]) | (first < old) | (end > old + self._room)
        for row in np.flatnonzero(stale).tolist():
            self._write(int(slots[row]), spans[row], int(first[row]) - self.BEFORE)
        physical = self._physical if self._starts[slots].any() else None
        return Spans(self._knots, physical, self._first[slots], slots * self._room, self._room)

    def _make_room(self, plants: int, hours: int) -> None:
        if hours + self.BEFORE > self._room or plants > len(self._first):
            self._room = max(self._room, hours + self.BEFORE)
            self._clear(max(plants + plants // 4, len(self._first)))

    def _write(self, slot: int, span: Span, first: int) -> None:
        begin, end = max(first, span.first), min(first + self._room, span.end)
        here = slice(slot * self._room, (slot + 1) * self._room)
        knots, physical = self._knots[here], self._physical[here]
        knots[...], physical[...] = np.nan, False
        if begin < end:
            there = slice(begin - span.first, end - span.first)
            knots[begin - first : end - first] = span.knots[there]
            physical[begin - first : end - first] = span.physical[there]
        self._first[slot], self._written[slot], self._starts[slot] = first, span.written, physical.any()
