"""How fast a process reads the journal: from where it begins to where its last commit stands at the end."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from statistics import median
from typing import Final

from confluent_kafka import TopicPartition

from benchmarks.speed.machine import Pinned, busy_s, cpu_s, most_mb, proportional_mb, resident_mb
from infra.kafka import consumer
from infra.settings import Settings

POLL_S: Final = 0.05
ANSWER_S: Final = 20.0


@dataclass(frozen=True)
class Rate:
    """One run over `records`: wall time, CPU of the process (all threads) and of the broker beside it.

    `others_cores`: how many cores' worth of time went to processes that have nothing to do with the run.
    Memory, of the largest process: `steady_mb` is the median of what it held while the clock ran, `peak_mb`
    the most that it ever held, its start and its restore included, `shared_mb` what it held in the end with
    what it shares with others counted in parts.
    """

    records: int
    seconds: float
    cpu_s: float
    broker_cpu_s: float = 0.0
    steady_mb: float = 0.0
    peak_mb: float = 0.0
    shared_mb: float = 0.0
    others_cores: float = 0.0

    @property
    def per_s(self) -> float:
        """Records a second."""
        return self.records / self.seconds

    @property
    def cpu_us(self) -> float:
        """CPU microseconds a record."""
        return self.cpu_s / self.records * 1e6

    @property
    def broker_cpu_us(self) -> float:
        """The broker's CPU microseconds a record."""
        return self.broker_cpu_s / self.records * 1e6


class Commits:
    """What a group has committed behind where it began. Asked from a client of its own that joins nothing."""

    def __init__(self, settings: Settings, group: str, begins: Mapping[tuple[str, int], int]) -> None:
        self._client = consumer(settings, group)
        self._asked = [TopicPartition(*place) for place in begins]
        self._begins = begins

    def done(self) -> int:
        """Records that count as read."""
        found = self._client.committed(self._asked, timeout=ANSWER_S)
        return sum(max(0, one.offset - self._begins[one.topic, one.partition]) for one in found)

    def close(self) -> None:
        self._client.close()


def measure(
    records: int,
    broker_pid: int,
    done: Callable[[], int],
    pids: Callable[[], list[int]],
    check: Callable[[], None],
    limit_s: float,
    from_first: bool = False,
) -> Rate:
    """Watch processes from now, or from the first record that is done, until all is or the time is over.

    :param done: how many of the records are done for good
    :param check: raises where a process has ended
    :raises RuntimeError: nothing was done within the limit
    """
    start = _Reading(done(), pids(), broker_pid)
    deadline_s = time.monotonic() + limit_s
    held_mb, waiting = [0.0], from_first
    while (count := done()) < records and time.monotonic() < deadline_s:
        check()
        if waiting and count > 0:
            start, waiting = _Reading(count, pids(), broker_pid), False
            deadline_s = time.monotonic() + limit_s
        held_mb.append(max(resident_mb(pid) for pid in pids()))
        time.sleep(POLL_S)
    end = _Reading(count, pids(), broker_pid)
    if waiting or end.done <= start.done:
        raise RuntimeError(f"no results within {limit_s:.0f} s")
    return replace(
        end.since(start),
        steady_mb=median(held_mb),
        peak_mb=max(map(most_mb, pids())),
        shared_mb=max(map(proportional_mb, pids())),
    )


class _Reading:
    """The clocks at one moment."""

    def __init__(self, done: int, pids: list[int], broker_pid: int) -> None:
        self.done, self.at_s = done, time.monotonic()
        self.cpu_s, self.broker_cpu_s = sum(map(cpu_s, pids)), cpu_s(broker_pid)
        self.others_s = busy_s() - self.cpu_s - self.broker_cpu_s - time.process_time()

    def since(self, start: _Reading) -> Rate:
        seconds = self.at_s - start.at_s
        return Rate(
            records=self.done - start.done,
            seconds=seconds,
            cpu_s=self.cpu_s - start.cpu_s,
            broker_cpu_s=self.broker_cpu_s - start.broker_cpu_s,
            others_cores=max(0.0, self.others_s - start.others_s) / seconds,
        )


def wait_for(child: Pinned, words: str, never: str, limit_s: float = 300.0) -> float:
    """Wait until a child says something; returns how long that took.

    Raises:
        RuntimeError: it ended, said what it should never say, or nothing of the kind in time.
    """
    began_s = time.monotonic()
    while words not in (said := child.said()):
        child.check()
        if never in said:
            raise RuntimeError(f"it said {never!r} (log: {child.log})")
        if time.monotonic() - began_s > limit_s:
            raise RuntimeError(f"it did not say {words!r} in {limit_s:.0f} s (log: {child.log})")
        time.sleep(0.005)
    return time.monotonic() - began_s
