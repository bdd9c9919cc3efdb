"""From the record that brought the time of an issue to its forecast, by Kafka's own clock."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

#: A forecast this soon after its record ends an outage of the worker.
PROMPT_MS = 1000
I8 = NDArray[np.int64]


@dataclass
class Clock:
    """The records of one plant that move its time, as the journal has them: stamps and append times [ms]."""

    event_time_ms: list[int] = field(default_factory=list)
    appended_ms: list[int] = field(default_factory=list)

    def add(self, event_time_ms: int, appended_ms: int) -> None:
        """The next record."""
        self.event_time_ms.append(event_time_ms)
        self.appended_ms.append(appended_ms)

    def reached(self, issued_at_ms: I8) -> I8:
        """When Kafka took the first record whose stamp is at or after each issue, shape (n,)."""
        newest = np.maximum.accumulate(np.array(self.event_time_ms, np.int64))
        return np.asarray(np.array(self.appended_ms, np.int64)[np.searchsorted(newest, issued_at_ms)])


@dataclass(frozen=True)
class Latency:
    """Milliseconds from trigger to forecast, of n forecasts; and of the kill: how long forecasts waited."""

    n: int
    p50_ms: float
    p99_ms: float
    waited: int
    outage_s: float


def latency(
    appended_ms: Mapping[tuple[str, int], int],
    clocks: Mapping[str, Clock],
    spans: Mapping[str, tuple[int, int]],
    killed_ms: int | None,
) -> Latency:
    """Over the issues of the paced stream, `spans` by plant: [from, to) in ms of issue time.

    Forecasts that waited for the restart after the kill are told apart: from the kill to the first forecast
    that was prompt again, `waited` of them, over `outage_s`.
    """
    triggered, answered = _pairs(appended_ms, clocks, spans)
    if killed_ms is None or not triggered.size:
        return _latency(answered - triggered, np.empty(0, np.int64), 0.0)
    after = (answered > killed_ms) & (answered - triggered <= PROMPT_MS) & (triggered > killed_ms)
    back_ms = int(answered[after].min()) if after.any() else int(answered.max())
    waiting = (answered > killed_ms) & (triggered < back_ms)
    return _latency((answered - triggered)[~waiting], answered[waiting], (back_ms - killed_ms) / 1000)


def _pairs(
    appended_ms: Mapping[tuple[str, int], int],
    clocks: Mapping[str, Clock],
    spans: Mapping[str, tuple[int, int]],
) -> tuple[I8, I8]:
    """Append times of triggers and of forecasts, shape (n,) each."""
    triggers, answers = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    for plant_id, (from_ms, to_ms) in spans.items():
        issued = _issues(appended_ms, plant_id, from_ms, to_ms)
        if issued.size:
            triggers.append(clocks[plant_id].reached(issued))
            answers.append(np.array([appended_ms[plant_id, at] for at in issued.tolist()], np.int64))
    return np.concatenate(triggers), np.concatenate(answers)


def _issues(issues: Iterable[tuple[str, int]], plant_id: str, from_ms: int, to_ms: int) -> I8:
    return np.array(
        sorted(at for plant, at in issues if plant == plant_id and from_ms <= at < to_ms), np.int64
    )


def _latency(prompt_ms: I8, waited: I8, outage_s: float) -> Latency:
    p50, p99 = np.percentile(prompt_ms, (50, 99)) if prompt_ms.size else (float("nan"), float("nan"))
    return Latency(prompt_ms.size, round(float(p50), 1), round(float(p99), 1), waited.size, outage_s)
