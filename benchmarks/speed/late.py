"""Latency: from handing a plant's record to Kafka to the append time of the forecast that it triggered.

10,000 records a second are offered by 1,000 plants, each ten times a second; event time runs thirty times as
fast as the clock, so a forecast of each plant falls due every half minute. `spread`: at a moment of its own
for each plant. `at_once`: at the same one for all, and each scan of all plants comes in one burst.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from benchmarks.speed import ours
from benchmarks.speed.fleet import Scans
from benchmarks.speed.journal import Loaded
from benchmarks.speed.machine import cores
from infra.kafka import Delivery, Outgoing, enqueue, poll, producer
from infra.settings import Settings
from infra.topic_reader import read
from infra.topics import FORECASTS, JOURNAL
from schemas.codec import Codec

I8 = NDArray[np.int64]
OFFERED_PER_S: Final = 10_000
FASTER: Final = 30
ISSUE_MS: Final = 900_000
WARM_S: Final = 12.0
LASTS_S: Final = 75.0
LINGER_MS: Final = 5
#: Within a burst's tenth of a second the records of `spread` are sent in so many parts.
PARTS: Final = 20
_SETTLES_S: Final = 3.0


@dataclass(frozen=True)
class Latency:
    """Milliseconds over n forecasts; `missing` are those that were due and did not come."""

    p50_ms: float
    p99_ms: float
    n: int
    missing: int
    offered_per_s: float


@dataclass(frozen=True)
class Sent:
    """What was sent: plant, stamp and the moment (ms of the clock) of each record, shape (n,)."""

    plant: I8
    event_ms: I8
    sent_ms: NDArray[np.float64]


def run(loaded: Loaded, at_once: bool) -> Latency:
    """One run on a worker of its own."""
    loaded.spoil()
    settings = loaded.fresh()
    script = _script(loaded, at_once)
    with ours.worker(settings, cores()[0]) as child:
        ours.ready(child)
        sent = play(settings, loaded, script, 1 if at_once else PARTS, child.check)
        time.sleep(_SETTLES_S)
        child.check()
        child.stop()
    return judged(settings, loaded.data.fleet.plant_ids, sent)


@dataclass(frozen=True)
class _Slot:
    """What is sent in one tenth of a second."""

    rows: Scans
    payloads: list[bytes]


def _script(loaded: Loaded, at_once: bool) -> list[_Slot]:
    """Everything, encoded beforehand."""
    fleet, codec = loaded.data.fleet, Codec()
    step_ms = fleet.scan_s * 1000
    ahead_ms = np.arange(fleet.plants) % (ISSUE_MS // step_ms) * step_ms * (not at_once)
    scans = fleet.scans(int(LASTS_S * OFFERED_PER_S / fleet.plants), at_once=1)
    next(scans)
    made = []
    for block in scans:
        stamps = block.event_time_ms + ahead_ms[block.plant]
        rows = replace(block, event_time_ms=stamps, known_at_ms=stamps + 500)
        made.append(_Slot(rows, codec.encode_arrow("Telemetry", rows.to_arrow(fleet.plant_ids))))
    return made


def play(
    settings: Settings, loaded: Loaded, script: list[_Slot], parts: int, check: Callable[[], None]
) -> Sent:
    """Send at the pace that was promised."""
    client, delivery = producer(settings, linger_ms=LINGER_MS), Delivery()
    keys = [plant_id.encode() for plant_id in loaded.data.fleet.plant_ids]
    slot_s = loaded.data.fleet.plants / OFFERED_PER_S
    began_s = time.monotonic()
    sent_ms: list[float] = []
    for number, slot in enumerate(script):
        plants = slot.rows.plant.tolist()
        for part in range(parts):
            _wait_until(client, began_s + (number + part / parts) * slot_s)
            for row in range(part * len(plants) // parts, (part + 1) * len(plants) // parts):
                sent_ms.append(time.time() * 1000)
                enqueue(client, Outgoing(JOURNAL, keys[plants[row]], slot.payloads[row]), delivery)
        if number % 50 == 0:
            check()
    client.flush(30.0)
    delivery.check()
    return Sent(
        np.concatenate([slot.rows.plant for slot in script]),
        np.concatenate([slot.rows.event_time_ms for slot in script]),
        np.array(sent_ms),
    )


def _wait_until(client: Any, at_s: float) -> None:
    poll(client, 0)
    while (left_s := at_s - time.monotonic()) > 0:
        poll(client, min(left_s, 0.002))


def judged(settings: Settings, plant_ids: list[str], sent: Sent) -> Latency:
    """Each forecast that was due after the warm-up against the record that brought its time."""
    appended = _appended(settings)
    waited: list[float] = []
    missing = 0
    began_ms, ended_ms = float(sent.sent_ms[0]), float(sent.sent_ms[-1])
    for number, plant_id in enumerate(plant_ids):
        mine = np.flatnonzero(sent.plant == number)
        stamps, moments = np.maximum.accumulate(sent.event_ms[mine]), sent.sent_ms[mine]
        for due_ms in range(int(-(-stamps[0] // ISSUE_MS)) * ISSUE_MS, int(stamps[-1]), ISSUE_MS):
            triggered_ms = float(moments[np.searchsorted(stamps, due_ms)])
            if triggered_ms < began_ms + WARM_S * 1000:
                continue
            if (plant_id, due_ms) in appended:
                waited.append(appended[plant_id, due_ms] - triggered_ms)
            else:
                missing += 1
    p50, p99 = np.percentile(waited, (50, 99)) if waited else (float("nan"), float("nan"))
    rate = len(sent.sent_ms) / (ended_ms - began_ms) * 1000
    return Latency(round(float(p50), 1), round(float(p99), 1), len(waited), missing, round(rate))


def _appended(settings: Settings) -> dict[tuple[str, int], int]:
    """By plant and issue when Kafka took the forecast, its first copy."""
    codec, found = Codec(), dict[tuple[str, int], int]()
    for messages in read(settings, FORECASTS):
        for message in messages:
            _, record = codec.decode(message.value())
            found.setdefault((record["plant_id"], record["issued_at"]), message.timestamp()[1])
    return found
