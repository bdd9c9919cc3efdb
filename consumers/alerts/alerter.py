"""The alerter's loop: be placed by PostgreSQL, hear, write alerts and notices, look at what time makes due.

What is to be sent stands in PostgreSQL with the offsets it came of; the couriers send it from there.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from consumers.alerts.courier import Courier
from consumers.alerts.hearing import TOPICS, hear
from consumers.alerts.signals import Heard
from consumers.alerts.stalls import StallWatch
from consumers.alerts.store import AlertStore
from consumers.patiently import Patiently
from consumers.progress import Progress
from consumers.reading import BatchLimits, Reading
from consumers.store import Place, Step
from infra import metrics
from infra.stalls import Standing, now_epoch_s
from schemas.codec import Codec

_log = logging.getLogger(__name__)

_LOOK_EVERY_S: Final = 1.0
#: What of the waits belongs to no partition: stalls.
_NOWHERE: Final = ("", -1)


@dataclass
class Alerter:
    """Runs until `stopped`. `give_up_s`: how long a server may be away before anything was ever written."""

    reading: Reading
    store: AlertStore
    codec: Codec
    limits: BatchLimits
    couriers: Sequence[Courier]
    stalls: StallWatch
    stopped: Callable[[], bool]
    give_up_s: float
    progress: Progress = field(default_factory=Progress)
    _looked_at: float = 0.0

    def run(self) -> None:
        """Hear and write until told to stop.

        Raises:
            LogTruncated: retention ate records that were never heard.
            ServiceUnavailable: a server did not come up in `give_up_s`.
            GridcastError: something that trying again does not mend.
        """
        for _ in self._patiently.turns(TOPICS, self.reading.place, self._turn):
            self._check_threads()

    def standing(self, stall_s: float) -> dict[str, Standing]:
        """For the watchdog: the couriers."""
        return {f"channel {one.channel}": one.standing(stall_s) for one in self.couriers}

    def _turn(self) -> None:
        records: list[Heard] = self.reading.gather(self.limits)
        if records:
            started = time.monotonic()
            self._patiently(lambda: self._hear(records))
            self.reading.commit()
            self.progress.wrote(time.monotonic() - started)
        if self._is_time():
            self._patiently(self._elapse)

    def _hear(self, records: Sequence[Heard]) -> None:
        ends = {(one.topic, one.partition): one.offset + 1 for one in records}
        steps = {place: Step(self.reading.at[place], end) for place, end in ends.items()}
        told = self.store.take(hear(self.codec, records), steps)
        self.reading.at.update(ends)
        for topic, _ in ends:
            metrics.RECORDS.labels(topic, "taken").inc(sum(one.topic == topic for one in records))
        if told:
            self._wake()

    def _is_time(self) -> bool:
        """Waits are looked at where all that was logged has been heard: what ends one may stand there."""
        behind = any(self.reading.lag().values()) if self.reading.placed else True
        return not behind and time.monotonic() - self._looked_at >= _LOOK_EVERY_S

    def _elapse(self) -> None:
        places: list[Place] = [*self.reading.at, _NOWHERE]
        told = self.store.elapse(places, round(now_epoch_s() * 1000))
        if not self._looked_at:
            self._say_abandoned()
        self._looked_at = time.monotonic()
        self.progress.ever_wrote = True
        if told:
            self._wake()

    def _say_abandoned(self) -> None:
        for channel, count in self.store.abandoned([one.channel for one in self.couriers]).items():
            _log.warning("%d notices wait for the channel %s, which the rules no longer have", count, channel)

    def _wake(self) -> None:
        for courier in self.couriers:
            courier.wake()

    def _check_threads(self) -> None:
        """What ended one of the threads ends the alerter."""
        for error in [self.stalls.error, *(one.error for one in self.couriers)]:
            if error is not None:
                raise error

    @property
    def _patiently(self) -> Patiently:
        return Patiently(self.reading, self.progress, self.stopped, self.give_up_s)
