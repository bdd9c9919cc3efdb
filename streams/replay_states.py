"""From where a replay can begin: for each plant the nearest state before it, and what the log still holds.

`worker.checkpoints` keeps one state of each plant and day. A state will do when no issue of the range was
made in it yet and every later record of its plant is still in the journal.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from safetensors.numpy import load

from models.snapshot import Held, Refusal, Snapshot, refusals_from, releases_from
from schemas.codec import Codec
from streams.checkpoints import read_state

if TYPE_CHECKING:
    from confluent_kafka import Message


@dataclass
class PlantStates:
    """What is kept of one plant's states.

    `nearest`: the last one before the range. `reachable`: the first one whose later records are all in the
    log. `oldest_offset`, `newest_offset`: journal offsets of all its states.
    """

    nearest: Snapshot | None = None
    reachable: Snapshot | None = None
    oldest_offset: int = -1
    newest_offset: int = -1


@dataclass(frozen=True)
class Start:
    """Where a partition's replay begins: states by plant, and the first journal record to read.

    `expected`: the plants that must have passed the end of the range before reading may stop. `refused`: the
    releases that were refused when they were heard first; `judged`: the last journal record that was judged.
    """

    states: list[Snapshot]
    offset: int
    releases: list[Held]
    expected: frozenset[str]
    refused: tuple[Refusal, ...] = ()
    judged: int = -1


@dataclass
class States:
    """The states of one journal partition that a replay from `from_ms` may begin with.

    `layout`: that of today's engine; a state of another one only shows that its plant was there. `first`:
    the first journal record that the log holds. `plants`: only these, None for all.
    """

    layout: str
    first: int
    from_ms: int
    plants: Collection[str] | None = None
    marked_offset: int = -1
    _releases: str = "[]"
    _by_plant: dict[str, PlantStates] = field(default_factory=dict)

    def add(self, codec: Codec, messages: Iterable[Message]) -> None:
        """Take in records of `worker.checkpoints` in the order of the log."""
        for message in messages:
            if message.value() is not None:
                self.take(*read_state(codec, message))

    def take(self, name: str, record: dict[str, Any]) -> None:
        """Take in one record."""
        if name == "Marker":
            self.marked_offset, self._releases = record["journal_offset"], record["releases"]
        elif self.plants is None or record["plant_id"] in self.plants:
            names = ("plant_id", "day", "journal_offset", "layout", "state")
            self._state(Snapshot(*(record[name] for name in names)))

    def _state(self, state: Snapshot) -> None:
        known = self._by_plant.setdefault(state.plant_id, PlantStates(oldest_offset=state.journal_offset))
        at = state.journal_offset
        known.oldest_offset = min(known.oldest_offset, at)
        known.newest_offset = max(known.newest_offset, at)
        if state.layout != self.layout:
            return
        if at + 1 >= self.first and (known.reachable is None or at < known.reachable.journal_offset):
            known.reachable = state
        if (known.nearest is None or at > known.nearest.journal_offset) and self._before(state):
            known.nearest = state

    def _before(self, state: Snapshot) -> bool:
        """Whether the state has made no issue of the range."""
        day = datetime.fromtimestamp(self.from_ms / 1000, UTC).date().isoformat()
        return state.day < day or (state.day == day and issued_ms(state) < self.from_ms)

    def out_of_reach(self) -> dict[str, int | None]:
        """Plants whose past before the range is no longer in the log, and from when on each can be replayed.

        None: not at all. Where no state was ever written down, nobody can say whose past is missing: then
        the plant is "".
        """
        if self.marked_offset < 0 and not self._by_plant and self.first > 0:
            return {"": None}
        return {
            plant_id: _after(known.reachable)
            for plant_id, known in self._by_plant.items()
            if not self._in_reach(known)
        }

    def _in_reach(self, known: PlantStates) -> bool:
        if known.nearest is None:
            return self.first == 0 or known.oldest_offset >= self.first  # its whole life is in the log
        at = known.nearest.journal_offset
        silent_since = at == known.newest_offset and self.marked_offset + 1 >= self.first
        return at + 1 >= self.first or silent_since

    @property
    def known(self) -> frozenset[str]:
        """The plants that have a state."""
        return frozenset(self._by_plant)

    def start(self, unknown: frozenset[str] = frozenset()) -> Start:
        """Where to begin, once every plant is in reach; `unknown` are plants that have no state anywhere."""
        chosen = [known.nearest for known in self._by_plant.values() if known.nearest is not None]
        unstated = len(chosen) < len(self._by_plant)
        # A plant without any state was registered after the last marker.
        places = [self.marked_offset, *(one.journal_offset for one in chosen)]
        offset = self.first if unstated else max(min(places) + 1, self.first)
        releases = [held for held in releases_from(self._releases) if held.offset < offset]
        chosen.sort(key=lambda one: one.journal_offset)
        refused = tuple(refusals_from(self._releases))
        return Start(chosen, offset, releases, self.known | unknown, refused, self.marked_offset)


def issued_ms(state: Snapshot) -> int:
    """When the plant of a state last issued, -1 for never."""
    return int(load(state.state)["state.issued_ms"][0])


def _after(state: Snapshot | None) -> int | None:
    """The first issue time after a state."""
    if state is None:
        return None
    columns = load(state.state)
    return int(columns["state.issued_ms"][0] + columns["state.every_s"][0] * 1000)
