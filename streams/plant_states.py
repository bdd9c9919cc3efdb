"""The state of one plant as of the end of the journal, for who asks what it would forecast.

It is put together as a restore does it: the newest checkpoint of the plant, then its partition of the journal
from there to the end.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol

from cachetools import TTLCache

from infra.topic_reader import Span, read, spans
from infra.topics import CHECKPOINTS, JOURNAL
from models.engine import Engine
from models.fleet import Fleet
from models.release import Release
from models.snapshot import refusals_from, releases_from
from models.state import layout_of
from models.steps import EngineSettings
from schemas.errors import GridcastError, ServiceUnavailable
from schemas.records import ReleaseRecord
from streams.artifacts import Artifacts
from streams.checkpoints import Found, partition_of
from streams.records import Records, of_messages
from streams.replay import PartitionReplay, Range
from streams.replay_poison import CarefulReplay
from streams.replay_states import Start
from streams.restore import STATES_AT_ONCE

if TYPE_CHECKING:
    from infra.settings import Settings
    from schemas.codec import Codec

_log = logging.getLogger(__name__)

_TAIL: Final = 500  # checkpoints that are read first; a round of a partition is some hundreds
_KEPT: Final = 200  # plants whose checkpoint is remembered
_KEPT_S: Final = 60.0
_FAR_MS: Final = 1 << 60
#: So many journal records of a partition are read at most; who is so far behind has no state to ask.
_MOST_RECORDS: Final = 100_000


class Loader(Protocol):
    """Who has the releases; `artifacts.Artifacts` is one."""

    def load_release(self, record: ReleaseRecord) -> Release:
        """The models of a release. Raises `ReleaseRefused`."""


@dataclass
class PlantStates:
    """Puts states together. For one thread at a time."""

    settings: Settings
    codec: Codec
    artifacts: Loader
    _starts: TTLCache[str, Start] = field(default_factory=lambda: TTLCache(_KEPT, _KEPT_S))

    @classmethod
    def of(cls, settings: Settings, codec: Codec) -> PlantStates:
        """Releases are loaded when they are first needed, and kept."""
        return cls(settings, codec, Artifacts(settings, codec))

    def fleet_of(self, plant_id: str) -> Fleet:
        """A fleet of this plant alone, as the journal has it now; without it where nobody has registered it.

        Raises:
            ServiceUnavailable: Kafka does not answer, the worker is far behind or of another version, or what
                serves the plant cannot be loaded here.
        """
        try:
            return self._put_together(plant_id)
        except ServiceUnavailable:
            raise
        except GridcastError as error:
            _log.error("the state of %s cannot be put together here: %s", plant_id, error)
            told = "the state of this plant cannot be put together here; the log says why"
            raise ServiceUnavailable(told) from error

    def _put_together(self, plant_id: str) -> Fleet:
        held = spans(self.settings, JOURNAL)
        number = partition_of(plant_id.encode(), len(held))
        start = self._starts.get(plant_id)
        if start is None:
            start = self._start(number, plant_id, held[number])
            self._starts[plant_id] = start  # its time begins once: who asks often must not make it last
        if held[number].end - start.offset > _MOST_RECORDS:
            raise ServiceUnavailable("the worker is far behind its journal: ask again once it has caught up")
        replay = CarefulReplay(
            lambda: PartitionReplay(self._engine(), self.codec, start, Range(0, _FAR_MS, {plant_id})),
            lambda offset: self._journal(number, offset, held[number]),
        )
        for _ in replay.run():
            pass
        return replay.part.engine.fleet

    def _engine(self) -> Engine:
        return Engine(EngineSettings(levels=self.settings.levels), self.artifacts.load_release)

    def _journal(self, number: int, first: int, held: Span) -> Iterator[Records]:
        batch = self.settings.batch_records
        for messages in read(self.settings, JOURNAL, {number: first}, {number: held.end}, batch=batch):
            yield of_messages(JOURNAL, number, messages)

    def _start(self, number: int, plant_id: str, journal: Span) -> Start:
        """Where a plant's state begins. A plant without any was registered after the last marker."""
        found = self._checkpoints(number, plant_id)
        state = found.newest.get(plant_id)
        if state is not None and state.layout != layout_of(self._engine().fleet.fields):
            raise ServiceUnavailable("the worker is of another version than this service")
        offset = max(found.start, journal.first)
        if found.start < journal.first and state is None:
            raise ServiceUnavailable("no worker has written a state of this plant, and its journal is gone")
        releases = [held for held in releases_from(found.releases) if held.offset < offset]
        refused = tuple(refusals_from(found.releases))
        return Start([] if state is None else [state], offset, releases, frozenset({plant_id}), refused)

    def _checkpoints(self, number: int, plant_id: str) -> Found:
        """Read backwards: the newest marker, and the newest state of a plant that lives, are near the end."""
        held = spans(self.settings, CHECKPOINTS, only={number})[number]
        tail = _TAIL
        while True:
            first = max(held.first, held.end - tail)
            found = Found()
            for messages in read(self.settings, CHECKPOINTS, {number: first}, batch=STATES_AT_ONCE):
                found.add(self.codec, messages)
            if first == held.first or (plant_id in found.newest and found.marked_offset >= 0):
                return found
            tail *= 8
