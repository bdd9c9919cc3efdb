"""Sends what waits for one channel, in a thread of its own: a slow address holds no other one up."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Final, Literal, Protocol

from consumers.alerts.outbox import Delivery, Never, Outbox, Outcome
from infra import metrics
from infra.stalls import Standing
from schemas.errors import GridcastError, ServiceUnavailable

_log = logging.getLogger(__name__)

_LOOK_EVERY_S: Final = 1.0
_AWAY_S: Final = 1.0
#: How an attempt may end: the labels of `gridcast_alert_deliveries_total`.
OUTCOMES: Final = ("delivered", "retried", "refused", "given_up", "in_doubt")
IN_DOUBT: Final = "the alerter ended while it was being taken over: whether it arrived is not known"


class Sender(Protocol):
    """One way out."""

    def send(self, delivery: Delivery, handing_over: Callable[[], None]) -> Outcome:
        """Try once; call `handing_over` before the first byte that the other side could act on."""

    def has_arrived(self, delivery: Delivery) -> bool | None:
        """Whether the other side has what was handed over; None where it cannot be asked."""


class Courier:
    """Sends for one channel until `close`, as long as it holds its lock. `error`: what ended it."""

    def __init__(
        self, outbox: Outbox, sender: Sender, after_crash: Literal["again", "leave"], timeout_s: float
    ) -> None:
        self._outbox = outbox
        self._sender = sender
        self._after_crash = after_crash
        self._timeout_s = timeout_s
        self._closing = threading.Event()
        self._woken = threading.Event()
        self._busy = False
        self._steps = 0
        self.error: Exception | None = None
        self.trouble = ""
        for outcome in OUTCOMES:  # counted from 0 on, or the first notice that is lost would be no rise
            metrics.ALERT_DELIVERIES.labels(self.channel, outcome)
        self._thread = threading.Thread(target=self._run, name=f"courier-{self.channel}", daemon=True)

    @property
    def channel(self) -> str:
        """The name of its channel."""
        return self._outbox.channel

    def start(self) -> None:
        """Begin to send."""
        self._thread.start()

    def wake(self) -> None:
        """Something new waits."""
        self._woken.set()

    def close(self) -> None:
        """End after what is being sent."""
        self._closing.set()
        self._woken.set()
        if self._thread.ident is not None:
            self._thread.join(2 * self._timeout_s)

    def standing(self, stall_s: float) -> Standing:
        """For the watchdog: an attempt has its own time-outs, several of them one after the other."""
        return Standing(self._steps, self._busy, max(1.0, 10 * self._timeout_s / stall_s))

    def _run(self) -> None:
        try:
            while not self._closing.is_set():
                self._turn()
        except Exception as error:  # noqa: BLE001 - raised by the alerter's loop: no channel dies in silence
            self.error = error
        finally:
            self._outbox.close()

    def _turn(self) -> None:
        try:
            moved = self._take_over() if not self._outbox.owned else self._send_next()
            self.trouble = ""
        except ServiceUnavailable as error:
            self._away(error)
            moved = True
        self._busy = False
        if not moved:
            self._woken.wait(_LOOK_EVERY_S)
            self._woken.clear()

    def _take_over(self) -> bool:
        """Take the channel, and settle what the one before had in hand; False where another one has it."""
        if not self._outbox.take_over():
            return False
        _log.info("sending for %s", self.channel)
        for delivery in self._outbox.in_doubt():
            self._resolve(delivery)
        return True

    def _resolve(self, delivery: Delivery) -> None:
        arrived = self._sender.has_arrived(delivery)
        if arrived:
            self._outbox.arrived(delivery)
            self._count("delivered", delivery)
        elif arrived is False or self._after_crash == "again":
            self._outbox.again(delivery)
        else:
            self._outbox.leave(delivery, IN_DOUBT)
            self._count("in_doubt", delivery)
            _log.error("%s to %s: %s", delivery.notice_id, self._where(delivery), IN_DOUBT)

    def _send_next(self) -> bool:
        delivery = self._outbox.next()
        metrics.ALERT_WAITING.labels(self.channel).set(0 if delivery is None else self._outbox.waiting())
        if delivery is None:
            return False
        self._busy = True
        self._steps += 1
        started = time.monotonic()
        outcome = self._attempt(delivery)
        metrics.BATCH_SECONDS.labels("send").observe(time.monotonic() - started)
        self._settle(delivery, outcome)
        return True

    def _attempt(self, delivery: Delivery) -> Outcome:
        try:
            return self._sender.send(delivery, lambda: self._outbox.hand_over(delivery))
        except GridcastError:
            raise
        except Exception as error:  # noqa: BLE001 - one notice that breaks its sender must not stop the others
            return Never(f"it cannot be sent: {type(error).__name__}: {error}")

    def _settle(self, delivery: Delivery, outcome: Outcome) -> None:
        """What is known of a delivery is written down however long PostgreSQL is away."""
        while True:
            self._steps += 1
            try:
                became = self._outbox.settle(delivery, outcome)
                break
            except ServiceUnavailable as error:
                if self._closing.is_set():
                    raise
                self._away(error)
        self._count(became, delivery)
        why = getattr(outcome, "why", "")
        if became == "retried":
            _log.warning("%s to %s: %s; trying on", delivery.notice_id, self._where(delivery), why)
        elif became != "delivered":
            _log.error("%s to %s: %s: %s", delivery.notice_id, self._where(delivery), became, why)

    def _count(self, became: str, delivery: Delivery) -> None:
        metrics.ALERT_DELIVERIES.labels(self.channel, became).inc()
        if became == "delivered":
            metrics.ALERT_SECONDS.labels(self.channel).observe(delivery.age_s)

    def _where(self, delivery: Delivery) -> str:
        return f"{self.channel} ({delivery.target})" if delivery.target else self.channel

    def _away(self, error: ServiceUnavailable) -> None:
        if not self.trouble:
            _log.warning("%s: %s; trying on", self.channel, error)
        self.trouble = str(error)
        self._steps += 1
        self._closing.wait(_AWAY_S)
