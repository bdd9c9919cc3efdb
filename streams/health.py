"""What the probes of a worker answer: they look at progress, because a stalled agent looks alive."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass

from infra.health import Verdict
from streams.partition import Partition
from streams.watchdog import Watchdog
from streams.worker import Worker

#: A batch, a commit or an answer of Kafka that takes longer than this is not healthy.
PATIENCE_S = 30.0


@dataclass(frozen=True, slots=True)
class Look:
    """A partition: records waiting, how long ago a batch was done, since when something is uncommitted."""

    lag: int
    batch_age_s: float
    commit_age_s: float


@dataclass(frozen=True)
class Health:
    """Reads what worker and watchdog keep."""

    worker: Worker
    watchdog: Watchdog

    def ready(self) -> Verdict:
        """Partitions are assigned and restored."""
        partitions = sorted(self.worker.partitions)
        return Verdict(self.worker.settled, {"partitions": partitions, "restored": self.worker.settled})

    def health(self) -> Verdict:
        """Kafka answers, every partition that has records waiting moves, and what it did is committed."""
        now_s = time.monotonic()
        silent_s = now_s - self.watchdog.seen_at_s
        seen = {number: self._look(one, now_s) for number, one in sorted(self.worker.partitions.items())}
        ages_s = [silent_s, *(age for one in seen.values() for age in (one.batch_age_s, one.commit_age_s))]
        shown = {str(number): asdict(one) for number, one in seen.items()}
        return Verdict(max(ages_s) < PATIENCE_S, {"kafka_silent_s": round(silent_s, 1), "partitions": shown})

    def _look(self, partition: Partition, now_s: float) -> Look:
        lag = max(0, self.watchdog.ends.get(partition.number, 0) - partition.next_offset)
        since_s = partition.uncommitted_since_s
        return Look(
            lag=lag,
            batch_age_s=round(now_s - partition.moved_at_s, 1) if lag else 0.0,
            commit_age_s=round(now_s - since_s, 1) if since_s is not None else 0.0,
        )
