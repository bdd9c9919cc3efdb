"""How the sink is doing: metrics by batch, a line in the log now and then, and the answers to probes."""

import logging
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from consumers.intake import Intake
from consumers.reading import Reading
from consumers.staging import Counts
from consumers.tables import TABLES
from infra import metrics
from infra.health import Verdict
from infra.stalls import Stall, now_epoch_s, warned_after_s
from infra.topics import JOURNAL

_log = logging.getLogger(__name__)

_SHOW_EVERY_S: Final = 30.0


def show_tables() -> None:
    """Every table counts from 0 on, or its first conflict would be no rise."""
    for table in TABLES:
        metrics.SINK_CONFLICTS.labels(table.name)


@dataclass
class Progress:
    """What the loop tells about itself. Probes read it from another thread and change nothing.

    Times are of the monotonic clock, in seconds. `steps` counts whatever has come back, `writes` what
    PostgreSQL has done of it; `stalls` is what the watchdog has last seen to stand still.
    """

    stall_s: float = 60.0
    ever_wrote: bool = False
    placed: bool = False
    trouble: str = ""
    behind: int = 0
    steps: int = 0
    writes: int = 0
    stalls: Sequence[Stall] = ()
    moved_at: float = field(default_factory=time.monotonic)
    beat_at: float = field(default_factory=time.monotonic)
    trouble_at: float = field(default_factory=time.monotonic)
    rows: Counter[str] = field(default_factory=Counter)
    _shown_at: float = field(default_factory=time.monotonic)

    def step(self) -> None:
        """Something that could have hung has come back."""
        self.steps += 1

    def written(self) -> None:
        """PostgreSQL has taken a piece of what it was given: slow is not stalled."""
        self.step()
        self.writes += 1
        self.beat_at = self.moved_at = time.monotonic()

    def beat(self, reading: Reading) -> None:
        """The loop has come round."""
        self.step()
        self.beat_at = time.monotonic()
        self.placed = reading.placed
        lag = reading.lag() if reading.placed else {}
        self.behind = sum(lag.values())
        for (topic, partition), records in lag.items():
            metrics.LAG_RECORDS.labels(topic, str(partition)).set(records)
        if not self.behind:
            self.moved_at = self.beat_at
        if self.beat_at - self._shown_at > _SHOW_EVERY_S and self.rows:
            self._show()

    def waiting(self) -> None:
        """There is no partition for this sink, which is nobody's fault."""
        self.moved_at = time.monotonic()

    def count(self, intake: Intake, counts: Mapping[str, Counts]) -> None:
        """A batch is in the tables."""
        for table, one in counts.items():
            metrics.SINK_ROWS.labels(table).inc(one.written)
            metrics.SINK_REPEATS.labels(table).inc(one.repeats)
            metrics.SINK_CONFLICTS.labels(table).inc(one.differing)
            metrics.RECORDS.labels(JOURNAL, "correction").inc(one.corrections)
            self.rows[table] += one.written
        for (topic, reason), records in intake.refused.items():
            metrics.REJECTED.labels(topic, reason).inc(records)
        for (topic, partition), known_at_ms in intake.newest_known_at_ms.items():
            metrics.NEWEST_KNOWN_AT.labels(topic, str(partition)).set(known_at_ms / 1000)
        self.ever_wrote = True
        self.moved_at = time.monotonic()

    def wrote(self, seconds: float) -> None:
        """How long the newest batch took from Kafka to PostgreSQL."""
        metrics.BATCH_SECONDS.labels("sink").observe(seconds)

    def away(self, why: str) -> None:
        """A server does not answer: said once, counted each time."""
        metrics.SINK_RETRIES.inc()
        if not self.trouble:
            _log.warning("%s; trying on", why)
        if not self.trouble:
            self.trouble_at = time.monotonic()
        self.trouble = why
        self.step()
        self.beat_at = time.monotonic()

    def answered(self) -> None:
        """What was asked for was done."""
        if self.trouble:
            _log.info("going on")
        self.trouble = ""

    def health(self) -> Verdict:
        """Whether records that wait have moved on lately; else what stands still, since when, and why."""
        now, late_s = time.monotonic(), warned_after_s(self.stall_s)
        still_s, silent_s = now - self.moved_at, now - self.beat_at
        stalled = [one.told(now_epoch_s()) for one in self.stalls if one.share_s >= late_s]
        away_s = now - self.trouble_at if self.trouble else 0.0
        good = not (stalled or silent_s >= late_s or away_s >= late_s or (self.behind and still_s >= late_s))
        times = {"still_s": still_s, "silent_s": silent_s, "away_s": away_s}
        detail = {"behind": self.behind, **{name: round(s, 1) for name, s in times.items()}}
        return Verdict(good, {**detail, "stalled": stalled, "trouble": self.trouble})

    def ready(self) -> Verdict:
        """Whether records can be taken now."""
        return Verdict(self.placed and not self.trouble, {"placed": self.placed, "trouble": self.trouble})

    def _show(self) -> None:
        rows = ", ".join(f"{table} {count}" for table, count in sorted(self.rows.items()) if count)
        _log.info("rows written since the start: %s; %d records behind", rows or "none", self.behind)
        self._shown_at = self.beat_at
