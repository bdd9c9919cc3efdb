"""A restore: from the assignment of the partitions to the first forecast that was not there before.

A worker carries two days of its plants' state, takes a minute of telemetry more and is killed before it has
written that down. Then records come that make every plant's next forecast due, and a new worker starts.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from confluent_kafka import ConsumerGroupState

from benchmarks.speed import ours
from benchmarks.speed.fleet import Scans
from benchmarks.speed.journal import Loaded, send
from benchmarks.speed.machine import Pinned, cores, resident_mb
from benchmarks.speed.rate import Commits
from infra.kafka import admin, producer
from infra.settings import Settings
from infra.topic_reader import read, spans
from infra.topics import CHECKPOINTS, FORECASTS, JOURNAL
from schemas.codec import Codec

NEVER_S: Final = 1e9
ISSUE_S: Final = 900
_LIMIT_S: Final = 600.0


@dataclass(frozen=True)
class Restore:
    """One restore. `all_s`: until every plant had its new forecast; `round_*`: the checkpoints of all plants,
    written at the clean end of a worker.
    """

    first_s: float
    all_s: float
    round_mb: float
    round_s: float
    memory_mb: float


def run(loaded: Loaded, count: int) -> list[Restore]:
    """Some restores, one after another, each a quarter of an hour of event time later."""
    loaded.spoil()
    settings = loaded.fresh()
    fleet = loaded.data.fleet
    scans = fleet.scans(loaded.data.scans + count * (ISSUE_S // fleet.scan_s + 1), at_once=1)
    for _ in range(loaded.data.scans + 1):
        next(scans)
    with ours.worker(settings, cores()[0]) as first:
        ours.ready(first)
        _caught_up(settings, first)
        first.stop()
    return [_once(loaded, settings, scans) for _ in range(count)]


def _once(loaded: Loaded, settings: Settings, scans: Iterator[Scans]) -> Restore:
    fleet, codec, client = loaded.data.fleet, Codec(), producer(settings)
    forgetful = settings.model_copy(update={"checkpoint_every_s": NEVER_S})
    with ours.worker(forgetful, cores()[0]) as killed:
        ours.ready(killed)
        send(client, fleet, codec, next(scans))
        _caught_up(settings, killed)
    for _ in range(ISSUE_S // fleet.scan_s):
        send(client, fleet, codec, next(scans))
    before = {partition: span.end for partition, span in spans(settings, FORECASTS).items()}
    written = {partition: span.end for partition, span in spans(settings, CHECKPOINTS).items()}
    with ours.worker(forgetful, cores()[0]) as child:
        assigned_ms = _assigned_ms(settings, child)
        ours.ready(child)
        _caught_up(settings, child)
        memory_mb = resident_mb(child.pid)
        child.stop()
    new = [message.timestamp()[1] for messages in read(settings, FORECASTS, before) for message in messages]
    states = [m for messages in read(settings, CHECKPOINTS, written) for m in messages]
    taken = [message.timestamp()[1] for message in states]
    newest = sorted(new)[: fleet.plants]
    return Restore(
        first_s=(newest[0] - assigned_ms) / 1000,
        all_s=(newest[-1] - assigned_ms) / 1000,
        round_mb=sum(len(message.value() or b"") for message in states) / 1e6,
        round_s=(max(taken) - min(taken)) / 1000,
        memory_mb=memory_mb,
    )


def _assigned_ms(settings: Settings, child: Pinned) -> float:
    """When the group had a member with partitions, by the broker's word."""
    client = admin(settings)
    while True:
        child.check()
        found = client.describe_consumer_groups([settings.worker_group])[settings.worker_group].result(10.0)
        members = [one for one in found.members if one.assignment.topic_partitions]
        if found.state == ConsumerGroupState.STABLE and members:
            return time.time() * 1000
        time.sleep(0.01)


def _caught_up(settings: Settings, child: Pinned) -> None:
    """Wait until the group has committed all that stands in the journal now."""
    ends = {partition: span.end for partition, span in spans(settings, JOURNAL).items()}
    begins = {(JOURNAL, partition): 0 for partition in ends}
    commits = Commits(settings, settings.worker_group, begins)
    deadline_s = time.monotonic() + _LIMIT_S
    try:
        while commits.done() < sum(ends.values()):
            child.check()
            if time.monotonic() > deadline_s:
                raise RuntimeError(f"the worker did not catch up in {_LIMIT_S:.0f} s (log: {child.log})")
            time.sleep(0.05)
    finally:
        commits.close()
