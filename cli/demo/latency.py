"""From the record that brought the time of an issue to its forecast, by Kafka's own clock."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

#: So many forecasts of a plant in a row, each this soon after its record: the outage is over. A single one
#: may only have been the last record of a batch that had waited.
PROMPT_MS, IN_A_ROW = 1000, 12
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

    Forecasts that waited for the restart after the kill are told apart: of each plant those from the kill
    until they were prompt again, `waited` in all, over `outage_s` at most.
    """
    prompt, waited, back_ms = [np.empty(0, np.int64)], 0, killed_ms or 0
    for plant_id, (from_ms, to_ms) in spans.items():
        issued = _issues(appended_ms, plant_id, from_ms, to_ms)
        if not issued.size:
            continue
        triggered = clocks[plant_id].reached(issued)
        answered = np.array([appended_ms[plant_id, at] for at in issued.tolist()], np.int64)
        late = np.zeros(issued.shape, np.bool_)
        if killed_ms is not None:
            late, back = _waited(triggered, answered, killed_ms)
            back_ms = max(back_ms, back)
        prompt.append((answered - triggered)[~late])
        waited += int(late.sum())
    return _latency(np.concatenate(prompt), waited, (back_ms - (killed_ms or 0)) / 1000)


def _waited(triggered: I8, answered: I8, killed_ms: int) -> tuple[NDArray[np.bool_], int]:
    """Which of a plant's forecasts waited for the restart, and when [ms] the first one came that had not."""
    after = np.flatnonzero(answered > killed_ms)
    in_a_row = ended = 0
    for place, row in enumerate(after.tolist()):
        in_a_row = in_a_row + 1 if answered[row] - triggered[row] <= PROMPT_MS else 0
        ended = place + 1 - in_a_row
        if in_a_row == IN_A_ROW:
            break
    late = np.zeros(answered.shape, np.bool_)
    late[after[:ended]] = True
    back = after[ended : ended + 1]
    return late, int(answered[back[0]]) if back.size else int(answered.max(initial=killed_ms))


def _issues(issues: Iterable[tuple[str, int]], plant_id: str, from_ms: int, to_ms: int) -> I8:
    return np.array(
        sorted(at for plant, at in issues if plant == plant_id and from_ms <= at < to_ms), np.int64
    )


def _latency(prompt_ms: I8, waited: int, outage_s: float) -> Latency:
    p50, p99 = np.percentile(prompt_ms, (50, 99)) if prompt_ms.size else (float("nan"), float("nan"))
    return Latency(prompt_ms.size, round(float(p50), 1), round(float(p99), 1), waited, outage_s)
