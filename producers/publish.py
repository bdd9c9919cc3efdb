"""A folder to the topics, in the order in which its records were known, at a chosen speed, resumable.

A stretch of the order is sent and acknowledged, then the place is written down; a kill in between sends
at most that stretch again, and the worker drops an identical repeat. What is published of one place:

    plant version   journal and `plants`
    weather run     journal and `weather.forecasts`, marked as journaled
    telemetry, tick journal
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from infra.kafka import Outgoing
from infra.topics import JOURNAL, PLANTS, WEATHER_RUNS
from producers.encode import payloads
from producers.kafka_out import Out
from producers.keys import version_key
from producers.order import Journal, Kind
from producers.resume import Bookmark
from producers.table import Longs
from schemas.codec import Codec
from schemas.records import PlantVersion

TOPICS: Final = (JOURNAL, PLANTS, WEATHER_RUNS)
AT_ONCE: Final = 5000
#: Longest pause at a given speed, so that progress is shown and a signal is heard.
_NAP_S: Final = 0.5

#: `told(records, known_at_ms)`: so many records more are acknowledged, the newest known then.
Told = Callable[[int, int], None]


@dataclass(frozen=True)
class Sent:
    """What a publication did. `resumed` counts records that an earlier run had sent already."""

    records: int
    resumed: int
    by_kind: dict[str, int]
    first_known_ms: int
    last_known_ms: int
    seconds: float


@dataclass(frozen=True)
class Range:
    """The places of a journal to be published: those in `[start, stop)`, after the plants known before."""

    start: int
    stop: int

    @classmethod
    def between(cls, journal: Journal, from_ms: int | None, to_ms: int | None) -> Range:
        """What became known in [from, to); None leaves an end open."""
        start = 0 if from_ms is None else journal.place_of(from_ms)
        stop = len(journal) if to_ms is None else journal.place_of(to_ms)
        return cls(start, max(start, stop))


def publish(
    journal: Journal,
    part: Range,
    out: Out,
    codec: Codec,
    speed: float,
    bookmark: Bookmark,
    told: Told = lambda _records, _known_at_ms: None,
) -> Sent:
    """Send a range of a folder's journal. `speed` N is N times real time by `known_at`, 0 as fast as it goes.

    Raises:
        ServiceUnavailable: Kafka did not take a stretch; calling again goes on from the bookmark.
    """
    began = time.monotonic()
    start = min(part.start + bookmark.done(), part.stop)
    before = journal.plants_before(part.start)
    out.send(_outgoing(journal, codec, before))
    sent = np.zeros(len(Kind), np.int64)
    for first, stop in _stretches(journal, start, part.stop, speed):
        out.send(_outgoing(journal, codec, np.arange(first, stop)))
        bookmark.write(stop - part.start)
        sent += np.bincount(journal.kind[first:stop], minlength=len(Kind))
        told(stop - first, int(journal.known_at_ms[stop - 1]))
    bookmark.remove()
    known = journal.known_at_ms[part.start : part.stop]
    return Sent(
        records=int(sent.sum()),
        resumed=start - part.start,
        by_kind={kind.name.lower(): int(sent[kind]) for kind in Kind},
        first_known_ms=int(known[0]) if known.size else -1,
        last_known_ms=int(known[-1]) if known.size else -1,
        seconds=time.monotonic() - began,
    )


def _stretches(journal: Journal, start: int, stop: int, speed: float) -> Iterator[tuple[int, int]]:
    """Places to be sent together, each when its time has come."""
    if speed <= 0:
        for first in range(start, stop, AT_ONCE):
            yield first, min(first + AT_ONCE, stop)
        return
    if start >= stop:
        return
    began, began_ms = time.monotonic(), int(journal.known_at_ms[start])
    while start < stop:
        passed_ms = (time.monotonic() - began) * 1000 * speed
        due = int(np.searchsorted(journal.known_at_ms[:stop], began_ms + passed_ms, side="right"))
        end = min(due, start + AT_ONCE)
        if end > start:
            yield start, end
            start = end
        else:
            wait_ms = journal.known_at_ms[start] - began_ms - passed_ms
            time.sleep(min(_NAP_S, max(0.001, float(wait_ms) / 1000 / speed)))


def _outgoing(journal: Journal, codec: Codec, places: Longs) -> Iterator[Outgoing]:
    for place, payload in zip(places.tolist(), payloads(journal, codec, places), strict=True):
        kind = journal.kind[place]
        key = journal.plant_at(place).encode()
        yield Outgoing(JOURNAL, key, payload)
        if kind == Kind.RUN:
            yield Outgoing(WEATHER_RUNS, key, payload)
        elif kind == Kind.PLANT:
            yield Outgoing(PLANTS, _plant_key(journal, place), payload)


def _plant_key(journal: Journal, place: int) -> bytes:
    plant = journal.control(place)
    assert isinstance(plant, PlantVersion)
    return version_key(plant.plant_id, plant.valid_from_ms)
