"""Time where a folder is silent: ticks as a worker would have written them, or one at each issue."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from models.validate import FIRST_TIME_MS, MAX_AHEAD_MS
from producers.folder import Folder
from producers.table import Flags, Ints, Longs
from schemas.records import PlantVersion

#: How long an issue time waits for telemetry before a tick brings it.
DELAY_S: Final = 60


@dataclass(frozen=True)
class Ticks:
    """m ticks in order of time. `plant` i4[m] points into the folder's plants."""

    plant: Ints
    event_time_ms: Longs
    known_at_ms: Longs

    def __len__(self) -> int:
        return len(self.plant)


def no_ticks() -> Ticks:
    """None at all."""
    none = np.empty(0, np.int64)
    return Ticks(none.astype(np.int32), none, none)


def gap_ticks(folder: Folder, delay_s: int = DELAY_S) -> Ticks:
    """A tick for each issue time T that no telemetry of the plant has reached `delay_s` after T.

    They lie between the plant's first record and its last. Telemetry that the worker will refuse for its
    clock reaches nothing.
    """
    delay_ms = delay_s * 1000
    parts = [
        _of_plant(number, _missed(folder, number, plant_id, delay_ms), delay_ms)
        for number, plant_id in enumerate(folder.plant_ids)
    ]
    return _joined(parts)


def issue_ticks(folder: Folder, every_s: int, from_ms: int, to_ms: int) -> Ticks:
    """A tick of every plant at each multiple of `every_s` in [from, to), known at that very time.

    With these an issue uses what was known by its time, and nothing that came in the minute after.
    """
    due = _multiples(from_ms, to_ms - 1, every_s * 1000)
    return _joined([_of_plant(number, due, 0) for number in range(len(folder.plant_ids))])


def _of_plant(number: int, due_ms: Longs, delay_ms: int) -> Ticks:
    return Ticks(np.full(len(due_ms), number, np.int32), due_ms, due_ms + delay_ms)


def _joined(parts: list[Ticks]) -> Ticks:
    if not parts:
        return no_ticks()
    plant = np.concatenate([part.plant for part in parts])
    event_time_ms = np.concatenate([part.event_time_ms for part in parts])
    known_at_ms = np.concatenate([part.known_at_ms for part in parts])
    order = np.lexsort((plant, event_time_ms))
    return Ticks(plant[order], event_time_ms[order], known_at_ms[order])


def _missed(folder: Folder, number: int, plant_id: str, delay_ms: int) -> Longs:
    """The issue times of a plant that its telemetry has not reached in time."""
    telemetry = folder.telemetry
    rows = np.flatnonzero((telemetry.plant == number) & _believable(folder))
    known_ms, stamps = telemetry.known_at_ms[rows], telemetry.event_time_ms[rows]
    published = [run.known_at_ms for run in folder.runs if run.plant_id == plant_id]
    records = np.append(known_ms, np.array(published, np.int64))
    if not records.size:
        return records
    order = np.argsort(known_ms, kind="stable")
    known_ms, reached = known_ms[order], np.maximum.accumulate(stamps[order])
    due = [
        _multiples(max(start, int(records.min())), min(end, int(records.max()) - delay_ms), every_ms)
        for start, end, every_ms in _spans(folder.plants, plant_id)
    ]
    times_ms = np.concatenate(due)
    seen = np.searchsorted(known_ms, times_ms + delay_ms, side="right") - 1
    newest = reached[seen] if reached.size else np.full(len(times_ms), -1)
    return times_ms[(seen < 0) | (newest < times_ms)]


def _believable(folder: Folder) -> Flags:
    telemetry = folder.telemetry
    ahead = telemetry.event_time_ms > telemetry.known_at_ms + MAX_AHEAD_MS
    believable: Flags = (telemetry.event_time_ms >= FIRST_TIME_MS) & ~ahead
    return believable


def _spans(plants: list[PlantVersion], plant_id: str) -> Iterator[tuple[int, int, int]]:
    """From, until and issue interval [ms] of each version of a plant, as they were known."""
    versions = [plant for plant in plants if plant.plant_id == plant_id]
    ends = [plant.known_at_ms - 1 for plant in versions[1:]] + [np.iinfo(np.int64).max]
    for version, end in zip(versions, ends, strict=True):
        yield version.known_at_ms, end, version.issue_every_s * 1000


def _multiples(first_ms: int, last_ms: int, step_ms: int) -> Longs:
    """Every multiple of a step from `first_ms` to `last_ms`, both included."""
    return np.arange(-(-first_ms // step_ms), last_ms // step_ms + 1, dtype=np.int64) * step_ms
