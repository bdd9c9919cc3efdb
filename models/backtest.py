"""A backtest: the engine fed from a folder's journal as a worker would be, trained on nothing but the past.

For each training time R: train on what was known before R, put the release into the journal before the first
record known at R or later, then feed the records up to the next R. What comes before the first R is fed in
silence, so that windows and open events are what they would be in a worker that has run for a while.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Final, Protocol

from models.engine import Engine
from models.outputs import Outputs
from schemas.errors import ReleaseRefused
from schemas.journal import JournalBatch, TelemetryColumns
from schemas.records import ReleaseRecord

#: How long before the first issue a worker is taken to have run.
WARM_UP_MS: Final = 45 * 86_400_000

#: `told(known_at_ms)`: the records known until then are done.
Told = Callable[[int], None]


class Feed(Protocol):
    """A journal in the order in which things were known."""

    def standing(self, known_at_ms: int) -> JournalBatch:
        """The plant versions known before a time, and the runs that still speak of later times."""

    def between(self, from_ms: int, to_ms: int) -> Iterator[JournalBatch]:
        """What became known in [from, to)."""

    def room_before(self, known_at_ms: int) -> int:
        """An offset before the first record known at a time or later that no record has."""


def run(
    feed: Feed,
    engine: Engine,
    train: Callable[[int], ReleaseRecord],
    trainings_ms: Sequence[int],
    to_ms: int,
    sink: Callable[[Outputs], None],
    told: Told = lambda _known_at_ms: None,
) -> Counter[str]:
    """Feed the engine until `to_ms`; from the first of `trainings_ms` on `sink` hears what it says.

    :param train: a release from what was known before a time; the engine can load it by its record
    :returns: the engine's counts from the first training on
    :raises ReleaseRefused: the engine does not take a release that was just trained
    """
    start = trainings_ms[0]
    engine.apply(feed.standing(start - WARM_UP_MS), speak=False)
    for batch in feed.between(start - WARM_UP_MS, start):
        engine.apply(batch, speak=False)
        told(batch.known_at_ms)
    counts: Counter[str] = Counter()
    for begin, end in zip(trainings_ms, [*trainings_ms[1:], to_ms], strict=True):
        _take_up(engine, train(begin), feed.room_before(begin))
        for batch in feed.between(begin, end):
            outputs = engine.apply(batch)
            counts.update(outputs.counts)
            sink(outputs)
            told(batch.known_at_ms)
    return counts


def _take_up(engine: Engine, release: ReleaseRecord, offset: int) -> None:
    batch = JournalBatch(
        topic="",
        partition=0,
        telemetry=TelemetryColumns.empty(),
        controls=[(offset, release)],
        bad=[],
        last_offset=offset,
        known_at_ms=release.known_at_ms,
        size=1,
    )
    for refused in engine.apply(batch).rejected:
        raise ReleaseRefused(f"{release.name} {release.version}: {refused.detail}")
