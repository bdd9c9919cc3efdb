"""What waits to be sent by one channel, and what became of it.

A channel belongs to one alerter at a time: the one that holds its lock in PostgreSQL, which PostgreSQL
itself takes back when that alerter's connection is gone. Steps of a delivery:

1. next       the oldest that is due, and has nothing of the same alert before it     waiting
2. hand over  committed before the first byte that the other side could act on        handed
3. send       the other side says yes, not yet, or no
4. settle     delivered, waiting for its next try, or dead (and then a dead letter)

Who takes the lock and finds a row `handed` knows that its sender died between 2 and 4.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

from consumers.alerts.rules import DEAD
from consumers.alerts.store import Base

if TYPE_CHECKING:
    from psycopg2.extensions import connection as Connection
    from psycopg2.extensions import cursor as Cursor

#: Marks the locks of channels among all of this database.
_LOCKS: Final = 7_205_759


@dataclass(frozen=True, slots=True)
class Delivery:
    """A notice on its way to one address: tried `attempts` times before, waiting for `age_s`."""

    notice_id: str
    channel: str
    target: str
    attempts: int
    age_s: float
    event: str
    alert_id: str
    made_at: datetime
    first_notice_id: str
    detail: str = ""
    handed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Sent:
    """The other side has taken it."""


@dataclass(frozen=True, slots=True)
class Later:
    """It was not taken: to be tried again, after `wait_s` where the other side said how long."""

    why: str
    wait_s: float | None = None


@dataclass(frozen=True, slots=True)
class Never:
    """It was refused, and would be again."""

    why: str


Outcome = Sent | Later | Never


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a channel tries: pauses grow from `first_s` to `longest_s`, until `give_up_after_s`."""

    first_s: float
    longest_s: float
    give_up_after_s: float

    def pause_s(self, attempts: int) -> float:
        """The pause after so many attempts; some is left to chance, so that not all come at once."""
        grown = min(self.first_s * 2.0 ** min(attempts - 1, 30), self.longest_s)
        return grown * random.uniform(0.8, 1.0)


class Outbox(Base):
    """The deliveries of one channel."""

    def __init__(self, connect: Callable[[], Connection], channel: str, patience: Patience) -> None:
        super().__init__(connect)
        self.channel = channel
        self._patience = patience
        self._owns: Connection | None = None

    @property
    def owned(self) -> bool:
        """Whether the lock was taken on the connection that there is now."""
        return self._server is not None and self._owns is self._server

    def take_over(self) -> bool:
        """Whether this alerter sends for the channel from now on."""
        with self.transaction() as cursor:
            cursor.execute("select pg_try_advisory_lock(%s, %s)", (_LOCKS, _number(self.channel)))
            held = bool((cursor.fetchone() or (False,))[0])
        self._owns = self._server if held else None
        return held

    def in_doubt(self) -> list[Delivery]:
        """What a sender that died had handed over."""
        with self.transaction() as cursor:
            return _deliveries(cursor, "d.state = 'handed' and d.channel = %s", self.channel)

    def next(self) -> Delivery | None:
        """The oldest that is due and has nothing of its alert and address before it."""
        with self.transaction() as cursor:
            found = _deliveries(
                cursor,
                "d.state = 'waiting' and d.channel = %s and d.next_try_at <= now() and not exists ("
                " select from alert_deliveries b where b.alert_id = d.alert_id and b.channel = d.channel"
                " and b.target = d.target and b.number < d.number and b.state in ('waiting', 'handed'))",
                self.channel,
                limit=1,
            )
        return found[0] if found else None

    def waiting(self) -> int:
        """How many are not delivered yet."""
        with self.transaction() as cursor:
            cursor.execute(
                "select count(*) from alert_deliveries where channel = %s and state in ('waiting', 'handed')",
                (self.channel,),
            )
            return int((cursor.fetchone() or (0,))[0])

    def hand_over(self, delivery: Delivery) -> None:
        """Note that the other side may know of it from now on."""
        with self.transaction() as cursor:
            _set(cursor, delivery, "state = 'handed', handed_at = now()")

    def settle(self, delivery: Delivery, outcome: Outcome) -> str:
        """Write down what became of it, in a word: delivered, retried, refused or given_up."""
        with self.transaction() as cursor:
            if isinstance(outcome, Sent):
                _set(
                    cursor, delivery,
                    "state = 'delivered', ended_at = now(), detail = '', attempts = attempts + 1",
                )  # fmt: skip
                return "delivered"
            if isinstance(outcome, Later) and delivery.age_s < self._patience.give_up_after_s:
                pause_s = self._patience.pause_s(delivery.attempts + 1)
                wait_s = max(pause_s, outcome.wait_s or 0.0)
                _set(
                    cursor, delivery,
                    "state = 'waiting', attempts = attempts + 1, detail = %s,"
                    " next_try_at = now() + make_interval(secs => %s)",
                    outcome.why, min(wait_s, max(self._patience.longest_s, pause_s)),
                )  # fmt: skip
                return "retried"
            gave_up = isinstance(outcome, Later)
            why = f"nobody took it in {delivery.age_s:.0f} s: {outcome.why}" if gave_up else outcome.why
            _set(
                cursor, delivery,
                "state = 'dead', ended_at = now(), attempts = attempts + 1, detail = %s", why,
            )  # fmt: skip
            _dead_letter(cursor, delivery, why)
            return "given_up" if gave_up else "refused"

    def again(self, delivery: Delivery) -> None:
        """What a sender that died had handed over is sent once more, under the same identity."""
        with self.transaction() as cursor:
            _set(cursor, delivery, "state = 'waiting', next_try_at = now()")

    def arrived(self, delivery: Delivery) -> None:
        """What a sender that died had handed over was found on the other side."""
        with self.transaction() as cursor:
            _set(cursor, delivery, "state = 'delivered', ended_at = now(), attempts = attempts + 1")

    def leave(self, delivery: Delivery, why: str) -> None:
        """What a sender that died had handed over is not sent again; somebody is told that it is in doubt."""
        with self.transaction() as cursor:
            _set(cursor, delivery, "state = 'in_doubt', ended_at = now(), detail = %s", why)
            _dead_letter(cursor, delivery, why)


def _deliveries(cursor: Cursor, which: str, channel: str, limit: int = 1000) -> list[Delivery]:
    cursor.execute(
        "select d.notice_id, d.channel, d.target, d.attempts,"
        " extract(epoch from now() - d.queued_at)::float8, n.event, d.alert_id, n.made_at,"
        " f.notice_id, d.detail, d.handed_at"
        " from alert_deliveries d join alert_notices n using (notice_id)"
        " join alert_notices f on f.alert_id = d.alert_id and f.number = 1"
        f" where {which} order by d.next_try_at, d.queued_at, d.notice_id limit {limit}",
        (channel,),
    )
    return [Delivery(*row) for row in cursor.fetchall()]


def _set(cursor: Cursor, delivery: Delivery, change: str, *values: object) -> None:
    cursor.execute(
        f"update alert_deliveries set {change} where notice_id = %s and channel = %s and target = %s",
        (*values, delivery.notice_id, delivery.channel, delivery.target),
    )


def _dead_letter(cursor: Cursor, delivery: Delivery, why: str) -> None:
    """The same notice for the topic of dead letters. One that is dead there already stays as it is."""
    way = f"{delivery.channel}:{delivery.target}" if delivery.target else delivery.channel
    cursor.execute(
        "insert into alert_deliveries (notice_id, channel, target, alert_id, number, state, detail)"
        " select notice_id, %s, %s, alert_id, number, 'waiting', %s from alert_notices where notice_id = %s"
        " on conflict do nothing",
        (DEAD, way, why, delivery.notice_id),
    )


def _number(channel: str) -> int:
    """The channel as the number that PostgreSQL's locks take."""
    return int.from_bytes(hashlib.sha256(channel.encode()).digest()[:4], "big", signed=True)
