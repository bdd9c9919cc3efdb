"""A partition's replay that leaves out what the live worker left out: records that the engine breaks on.

An engine that has broken cannot be used any more. The replay begins again from its states, in silence up to
where it had spoken, and takes the records of the batch that broke one by one: the one that breaks alone is
poison, as it was for the worker.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from models.outputs import Outputs
from schemas.errors import GridcastError
from streams.records import Records, pick, without
from streams.replay import PartitionReplay

_log = logging.getLogger(__name__)


@dataclass
class CarefulReplay:
    """`begin` makes the replay at its start; `read` gives the journal from an offset on, in any batches.

    `poison`: what was left out so far, with what happens. `read_up_to`: the last offset read.
    """

    begin: Callable[[], PartitionReplay]
    read: Callable[[int], Iterator[Records]]
    poison: dict[int, str] = field(default_factory=dict)
    part: PartitionReplay = field(init=False)
    read_up_to: int = -1
    _spoken: int = -1
    _alone: range = range(0)

    def run(self) -> Iterator[list[Outputs]]:
        """What comes out, batch by batch, each thing once; ends when every plant has passed the range.

        Raises what the engine raised where it is no record's fault.
        """
        while True:
            try:
                yield from self._pass()
                return
            except _Broken as broken:
                self._note(broken)

    def _pass(self) -> Iterator[list[Outputs]]:
        self.part = self.begin()
        for records in self.read(self.part.start.offset):
            for piece in self._pieces(without(records, self.poison)):
                outputs = self._fed(piece)
                last = int(piece.offsets[-1])
                if last > self._spoken:
                    self._spoken = last
                    yield outputs
            self.read_up_to = max(self.read_up_to, int(records.offsets[-1]))
            if self.part.done:
                return

    def _fed(self, piece: Records) -> list[Outputs]:
        try:
            return list(self.part.feed(piece))
        except (GridcastError, MemoryError, OSError):
            raise
        except Exception as error:
            raise _Broken(piece, error) from error

    def _note(self, broken: _Broken) -> None:
        first, last = int(broken.piece.offsets[0]), int(broken.piece.offsets[-1])
        if len(broken.piece.offsets) > 1:
            self._alone = range(first, last + 1)
            return
        self.poison[first] = f"{type(broken.error).__name__}: {broken.error}"
        _log.warning("journal record %d is poison: %s", first, self.poison[first])

    def _pieces(self, records: Records) -> Iterator[Records]:
        """A batch, cut where it was spoken up to, and record by record where one is to blame."""
        offsets = records.offsets
        cuts = [self._spoken + 1, self._alone.start, self._alone.stop]
        alone = np.flatnonzero((offsets >= self._alone.start) & (offsets < self._alone.stop))
        edges = {0, len(offsets), *np.searchsorted(offsets, cuts).tolist(), *alone.tolist()}
        for first, end in pairwise(sorted(edges)):
            yield pick(records, np.arange(first, end))


class _Broken(Exception):
    """The engine broke on a piece."""

    def __init__(self, piece: Records, error: Exception) -> None:
        super().__init__(str(error))
        self.piece = piece
        self.error = error
