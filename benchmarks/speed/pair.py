"""Two workers of one group against one: what a record costs both together."""

from __future__ import annotations

from benchmarks.speed.journal import Loaded
from benchmarks.speed.machine import cores
from benchmarks.speed.ours import READY, ready, worker
from benchmarks.speed.rate import Commits, Rate, measure


def run(loaded: Loaded, limit_s: float = 300.0) -> Rate:
    """One run; the clock starts when both are ready with partitions of their own."""
    settings = loaded.fresh()
    with worker(settings, cores()[0], "first") as first, worker(settings, cores()[1], "second") as second:
        both = first, second
        for child in both:
            ready(child)
        pids = [child.pid for child in both]
        commits = Commits(settings, settings.worker_group, loaded.begins)

        def check() -> None:
            for child in both:
                child.check()

        found = measure(loaded.records, loaded.broker_pid, commits.done, lambda: pids, check, limit_s)
        commits.close()
        shares = [_partitions(child.said()) for child in both]
        if min(shares) == 0:
            raise RuntimeError(f"one of the two workers had nothing to do: partitions {shares}")
        for child in both:
            child.stop()
    return found


def _partitions(said: str) -> int:
    """How many partitions a worker was last given."""
    last = said.rpartition(READY)[2].partition("]")[0]
    return len(last.split(",")) if last.strip() else 0
