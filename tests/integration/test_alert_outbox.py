"""What the next sender of a channel finds, and does, wherever the one before ended; and whose turn it is."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from consumers.alerts.actions import acknowledge_alert, list_alerts
from consumers.alerts.courier import Courier
from consumers.alerts.outbox import Delivery, Later, Never, Outbox, Outcome, Patience, Sent
from consumers.alerts.rules import Rules
from consumers.alerts.signals import Heard, Signal, of_event
from consumers.alerts.store import AlertStore
from consumers.store import OffsetsMoved, Step
from infra.postgres import connect, migrate
from infra.settings import Settings
from infra.topics import ANOMALIES
from schemas.errors import InputError, ServiceUnavailable
from tests.integration.alert_help import Channels, event, now_ms, states
from tests.integration.conftest import own_database
from tests.integration.sink_help import ask, wait_until

QUICKLY = Patience(0.05, 0.2, 60.0)


@dataclass
class Listener:
    """The other side: `answers` in order, then yes."""

    answers: list[Outcome] = field(default_factory=list)
    has: bool | None = None
    heard: list[Delivery] = field(default_factory=list)

    def send(self, delivery: Delivery, handing_over: Callable[[], None]) -> Outcome:
        handing_over()
        self.heard.append(delivery)
        return self.answers.pop(0) if self.answers else Sent()

    def has_arrived(self, _delivery: Delivery) -> bool | None:
        return self.has


@pytest.fixture(scope="module")
def migrated(servers: Settings) -> Iterator[Settings]:
    """A database for all tests of this file: none of them needs a topic."""
    with own_database(servers) as found:
        migrate(found)
        yield found


@pytest.fixture
def settings(migrated: Settings) -> Settings:
    ask(migrated, "truncate alert_offsets, alert_deliveries, alert_notices, alerts")
    return migrated


@pytest.fixture
def rules(tmp_path: Path) -> Rules:
    return (
        Channels(tmp_path)
        .topic("grid")
        .rules('[[rule]]\nname = "a"\nclear_after = "0s"\nchannels = ["grid"]\n')
    )


def signal(plant_id: str = "wind-1", sequence: int = 0, phase: str = "open", **fields: Any) -> Signal:
    record = event(plant_id, sequence, phase, **fields)
    return of_event(record, Heard(ANOMALIES, 0, 0, None, (1, record["event_time"])))


def store_of(settings: Settings, rules: Rules) -> AlertStore:
    store = AlertStore(partial(connect, settings), rules)
    store.begin({(ANOMALIES, 0): 0})
    return store


def outbox_of(settings: Settings, patience: Patience = QUICKLY) -> Outbox:
    return Outbox(partial(connect, settings), "grid", patience)


def take(store: AlertStore, *signals: Signal, at: int = 0) -> None:
    store.take(list(signals), {(ANOMALIES, 0): Step(at, at + 1)})


def deliver(settings: Settings, listener: Listener, after_crash: str, until: Callable[[], bool]) -> Courier:
    courier = Courier(outbox_of(settings), listener, after_crash, 1.0)  # type: ignore[arg-type]
    courier.start()
    try:
        wait_until(until, "delivered", 20)
    finally:
        courier.close()
    assert courier.error is None
    return courier


def ended(settings: Settings) -> bool:
    open_ = "select count(*) from alert_deliveries where state in ('waiting', 'handed') and channel = 'grid'"
    return ask(settings, open_) == [(0,)]


@pytest.mark.parametrize(
    ("handed", "has", "after_crash", "sent", "state"),
    [
        (False, None, "leave", 1, "delivered"),
        (True, None, "leave", 0, "in_doubt"),
        (True, None, "again", 1, "delivered"),
        (True, True, "again", 0, "delivered"),
        (True, False, "leave", 1, "delivered"),
    ],
)
def test_what_a_killed_sender_had_in_hand_is_sent_unless_that_could_tell_somebody_twice(
    settings: Settings, rules: Rules, handed: bool, has: bool | None, after_crash: str, sent: int, state: str
) -> None:
    take(store_of(settings, rules), signal())
    killed = outbox_of(settings)
    assert killed.take_over()
    delivery = killed.next()
    assert delivery is not None
    if handed:
        killed.hand_over(delivery)
    killed.close()

    listener = Listener(has=has)
    deliver(settings, listener, after_crash, lambda: ended(settings))
    assert states(settings)["grid", ""] == [state]
    assert [one.notice_id for one in listener.heard] == [delivery.notice_id] * sent
    assert (("dead-letters", "grid") in states(settings)) == (state == "in_doubt")


def test_a_channel_has_one_sender_at_a_time_and_the_next_takes_over_when_its_connection_is_gone(
    settings: Settings, rules: Rules
) -> None:
    first, second = outbox_of(settings), outbox_of(settings)
    assert first.take_over() and not second.take_over()
    ask(
        settings,
        "select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory' and granted"
        " and database = (select oid from pg_database where datname = current_database())",
    )
    wait_until(second.take_over, "the second has it", 10)
    take(store_of(settings, rules), signal())
    first_listener, second_listener = Listener(), Listener()
    courier = Courier(first, first_listener, "again", 1.0)
    courier.start()
    delivery = second.next()
    assert delivery is not None
    second.settle(delivery, second_listener.send(delivery, lambda: second.hand_over(delivery)))
    courier.close()
    assert (len(first_listener.heard), len(second_listener.heard)) == (0, 1)
    second.close()


def test_a_sender_that_was_stopped_loses_its_channel_to_the_next_one(
    settings: Settings, rules: Rules
) -> None:
    take(store_of(settings, rules), signal())
    limits = {"idle_session_timeout": 0.5}
    asleep = Outbox(partial(connect, settings, "asleep", limits), "grid", QUICKLY)
    second = outbox_of(settings)
    assert asleep.take_over()
    delivery = asleep.next()
    assert delivery is not None
    assert not second.take_over()
    wait_until(second.take_over, "the second has it", 10)
    with pytest.raises(ServiceUnavailable):  # it wakes up before it has sent anything: it sends nothing
        asleep.hand_over(delivery)
    assert not asleep.owned and not asleep.take_over()
    for one in (asleep, second):
        one.close()


def test_notices_of_one_alert_keep_their_order_and_others_do_not_wait_for_them(
    settings: Settings, rules: Rules
) -> None:
    store = store_of(settings, rules)
    opened = signal("slow")
    closed = signal("slow", 1, "close", at=opened.started_at_ms)
    take(store, opened, closed, signal("quick"))
    assert ask(settings, "select state, notices from alerts where plant_id = 'slow'") == [("cleared", 2)]
    listener = Listener([Later("busy"), Later("busy", 0.1)])
    deliver(settings, listener, "again", lambda: ended(settings))
    ids = [one.notice_id for one in listener.heard]
    firsts = {one: ids.index(one) for one in ids}
    slow = [
        one
        for one in ids
        if one.startswith(ask(settings, "select alert_id from alerts where plant_id = 'slow'")[0][0])
    ]
    assert [one[-1] for one in slow] == sorted(one[-1] for one in slow)
    assert len(firsts) == 3 and len(ids) == 5


def test_who_gives_up_and_who_refuses_leaves_a_dead_letter(settings: Settings, rules: Rules) -> None:
    take(store_of(settings, rules), signal("a"), signal("b"))
    listener = Listener([Never("no"), Later("busy")])
    outbox = outbox_of(settings, Patience(0.05, 0.2, 0.0))
    courier = Courier(outbox, listener, "again", 1.0)
    courier.start()
    wait_until(lambda: ended(settings), "ended", 20)
    courier.close()
    assert states(settings)["grid", ""] == ["dead", "dead"]
    why = ask(settings, "select detail from alert_deliveries where channel = 'dead-letters' order by 1")
    assert why[0] == ("no",) and why[1][0].startswith("nobody took it")


def test_a_notice_that_breaks_its_sender_is_a_dead_letter_and_the_next_one_goes_out(
    settings: Settings, rules: Rules
) -> None:
    class Breaking(Listener):
        def send(self, delivery: Delivery, handing_over: Callable[[], None]) -> Outcome:
            if "broken" in delivery.event:
                raise KeyError("what")
            return super().send(delivery, handing_over)

    take(store_of(settings, rules), signal("broken"), signal("whole"))
    listener = Breaking()
    deliver(settings, listener, "again", lambda: ended(settings))
    assert sorted(states(settings)["grid", ""]) == ["dead", "delivered"]
    assert len(listener.heard) == 1


def test_a_batch_is_heard_once_whoever_offers_it(settings: Settings, rules: Rules) -> None:
    first, second = store_of(settings, rules), store_of(settings, rules)
    one = signal()
    errors: list[Exception] = []

    def offer(store: AlertStore) -> None:
        try:
            take(store, one)
        except OffsetsMoved as error:
            errors.append(error)

    threads = [threading.Thread(target=offer, args=(store,)) for store in (first, second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(errors) == 1
    assert ask(settings, "select count(*) from alert_notices") == [(1,)]
    assert first.offsets([(ANOMALIES, 0)]) == {(ANOMALIES, 0): 1}
    closed = signal(sequence=1, phase="close", at=one.started_at_ms)
    take(first, closed, at=1)
    take(first, one, closed, at=2)  # the same at later offsets: a worker that was killed sends them again
    assert ask(settings, "select what from alert_notices order by number") == [("raised",), ("cleared",)]
    assert ask(settings, "select count(*) from alerts") == [(1,)]


def test_who_takes_an_alert_up_ends_its_reminders_and_a_worse_one_is_told_all_the_same(
    settings: Settings, tmp_path: Path
) -> None:
    rule = '[[rule]]\nname = "a"\nrepeat_every = "1s"\nchannels = ["grid"]\n'
    rules = Channels(tmp_path).topic("grid").rules(rule)
    store = store_of(settings, rules)
    start = now_ms() - 10_000
    take(store, signal(at=start))
    assert [one.what for one in store.elapse([(ANOMALIES, 0)], start + 1500)] == ["reminder"]
    (alert,) = list_alerts(settings)
    assert acknowledge_alert(settings, rules, alert.alert_id, "mo", "on it").acked_by == "mo"
    assert acknowledge_alert(settings, rules, alert.alert_id, "li").acked_by == "mo"
    assert store.elapse([(ANOMALIES, 0)], start + 60_000) == []
    take(store, signal(sequence=1, phase="update", at=start, severity="critical"), at=1)
    told = ask(settings, "select what from alert_notices order by number")
    assert [what for (what,) in told] == ["raised", "reminder", "acknowledged", "worse"]
    with pytest.raises(InputError, match="no alert"):
        acknowledge_alert(settings, rules, "nothing", "mo")
