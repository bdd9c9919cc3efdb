"""What the probes of a worker answer: they look at progress, because a stalled agent looks alive."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass

from infra.health import Verdict
from infra.stalls import now_epoch_s, warned_after_s
from infra.topics import JOURNAL
from streams.partition import Partition
from streams.watchdog import Watchdog
from streams.worker import Worker

#: An answer of Kafka that takes longer than this is not healthy.
PATIENCE_S = 30.0


@dataclass(frozen=True, slots=True)
class Look:
    """A partition: records waiting, how long ago a batch was done, since when something is uncommitted."""

    lag: int
    batch_age_s: float
    commit_age_s: float


@dataclass(frozen=True)
class Health:
    """Reads what worker and watchdog keep. `stall_s`: after so long the watchdog ends the process."""

    worker: Worker
    watchdog: Watchdog
    stall_s: float

    def ready(self) -> Verdict:
        """Partitions are assigned and restored."""
        partitions = sorted(self.worker.partitions)
        return Verdict(self.worker.settled, {"partitions": partitions, "restored": self.worker.settled})

    def health(self) -> Verdict:
        """Kafka answers, and whatever has work waiting moves; else what stands still, since when."""
        now_s = time.monotonic()
        silent_s = now_s - self.watchdog.seen_at_s
        seen = {number: self._look(one, now_s) for number, one in sorted(self.worker.partitions.items())}
        shown = {str(number): asdict(one) for number, one in seen.items()}
        late_s = warned_after_s(self.stall_s)
        stalled = [one.told(now_epoch_s()) for one in self.watchdog.stalls if one.share_s >= late_s]
        good = silent_s < PATIENCE_S and not stalled
        return Verdict(good, {"kafka_silent_s": round(silent_s, 1), "stalled": stalled, "partitions": shown})

    def _look(self, partition: Partition, now_s: float) -> Look:
        end = self.watchdog.ends.get(JOURNAL, {}).get(partition.number, 0)
        lag = max(0, end - partition.next_offset)
        since_s = partition.uncommitted_since_s
        return Look(
            lag=lag,
            batch_age_s=round(now_s - partition.moved_at_s, 1) if lag else 0.0,
            commit_age_s=round(now_s - since_s, 1) if since_s is not None else 0.0,
        )
