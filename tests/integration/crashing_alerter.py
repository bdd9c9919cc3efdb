"""An alerter that ends itself with SIGKILL at one point of its work.

`CRASH_POINT` names the point, `CRASH_CHANNEL` the channel where it is a channel's.
"""

from __future__ import annotations

import os
import signal
import time
from typing import Any

from cli.main import main
from consumers.alerts import store
from consumers.alerts.outbox import Outbox

POINT = os.environ.get("CRASH_POINT", "")
CHANNEL = os.environ.get("CRASH_CHANNEL", "")

KILLED_BEFORE_COMMIT = "alerts written, before the transaction's commit"
KILLED_BEFORE_SENT = "noted that it is handed over, before the first byte"
KILLED_AFTER_SENT = "the other side has said yes, before that is noted"

_save = store.rows.save
_hand_over, _settle = Outbox.hand_over, Outbox.settle


def at(point: str, channel: str = "") -> None:
    """End this process if it is at the point that was asked for."""
    if point == POINT and channel == CHANNEL:
        os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(5)  # a signal to oneself may take a moment


def save(cursor: Any, alerts: Any, notices: Any, rules: Any) -> None:
    _save(cursor, alerts, notices, rules)
    if notices:
        at(KILLED_BEFORE_COMMIT)


def hand_over(self: Outbox, delivery: Any) -> None:
    _hand_over(self, delivery)
    at(KILLED_BEFORE_SENT, self.channel)


def settle(self: Outbox, delivery: Any, outcome: Any) -> str:
    at(KILLED_AFTER_SENT, self.channel)
    return _settle(self, delivery, outcome)


if __name__ == "__main__":
    store.rows.save = save  # type: ignore[assignment]
    Outbox.hand_over = hand_over  # type: ignore[method-assign]
    Outbox.settle = settle  # type: ignore[method-assign]
    main()
