"""What is done to the system: each fault strikes, lasts for a while and is over when its function returns."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from random import Random

from tests.chaos.crew import Crew
from tests.chaos.inject import Injector
from tests.chaos.servers import Server

#: Longer than a session of the group (6 s), so that others take over and the sleeper wakes up as a stranger.
FROZEN_S = (7.0, 10.0)
SHUT_S = (0.5, 9.0)
AWAY_S = (0.0, 4.0)
SLOW_S = 0.15
FULL_S = 4.0
FILE_LIMITS = (65_536, 1_048_576)
MOST_WORKERS = 4


@dataclass(frozen=True)
class Stage:
    """All that a fault can lay hands on."""

    crew: Crew
    kafka: Server
    postgres: Server
    injector: Injector
    chance: Random

    def one(self, kind: str) -> str | None:
        """A member of a kind, None where its work is over."""
        names = self.crew.names(kind)
        return self.chance.choice(names) if names else None

    def rest(self, bounds_s: tuple[float, float]) -> None:
        """Let it last."""
        time.sleep(self.chance.uniform(*bounds_s))


Fault = Callable[[Stage], None]


def kill(kind: str) -> Fault:
    """SIGKILL to a process of ours."""

    def strike(stage: Stage) -> None:
        name = stage.one(kind)
        if name is not None:
            stage.crew.kill(name)

    return strike


def freeze(kind: str) -> Fault:
    """SIGSTOP for longer than a session, then on."""

    def strike(stage: Stage) -> None:
        name = stage.one(kind)
        if name is not None:
            stage.crew.freeze(name)
            stage.rest(FROZEN_S)
            stage.crew.thaw(name)

    return strike


def kill_server(name: str) -> Fault:
    """SIGKILL to a server, which is started again after a while."""

    def strike(stage: Stage) -> None:
        server = _server(stage, name)
        server.kill()
        stage.rest(AWAY_S)
        server.start()

    return strike


def freeze_server(name: str) -> Fault:
    """SIGSTOP to a server."""

    def strike(stage: Stage) -> None:
        server = _server(stage, name)
        server.freeze()
        stage.rest(FROZEN_S)
        server.thaw()

    return strike


def shut(name: str) -> Fault:
    """Every connection is cut, and new ones for a while."""

    def strike(stage: Stage) -> None:
        door = _server(stage, name).door
        door.shut()
        stage.rest(SHUT_S)
        door.open()

    return strike


def slow(name: str) -> Fault:
    """Each block of bytes takes longer."""

    def strike(stage: Stage) -> None:
        door = _server(stage, name).door
        door.delay_s = SLOW_S
        stage.rest(SHUT_S)
        door.delay_s = 0.0

    return strike


def fill(name: str) -> Fault:
    """The disk is full: no file may grow; a server that gives up is started again when there is room."""

    def strike(stage: Stage) -> None:
        server = _server(stage, name)
        server.limit_files(stage.chance.choice(FILE_LIMITS))
        time.sleep(FULL_S)
        server.limit_files(None)
        time.sleep(0.5)  # one that was about to give up does so now
        if not server.alive:
            server.start()

    return strike


def add_worker(stage: Stage) -> None:
    """One more worker, or one fewer where there are many."""
    names = stage.crew.names("worker")
    if len(names) >= MOST_WORKERS:
        remove_worker(stage)
    else:
        stage.crew.add(f"worker-{time.monotonic_ns()}", "worker")


def remove_worker(stage: Stage) -> None:
    """SIGTERM to one of three or more workers; to any, and a new one, where there are two."""
    names = stage.crew.names("worker")
    if len(names) <= 2:
        stage.crew.add(f"worker-{time.monotonic_ns()}", "worker")
    code = stage.crew.remove(stage.chance.choice(names))
    stage.crew.endings["worker told to end: code 0" if code == 0 else f"worker told to end: code {code}"] += 1


def delay_topic(stage: Stage) -> None:
    """A weather run is known now and comes late: the telemetry after it is on the journal first."""
    payload = stage.injector.weather_run()
    stage.rest(SHUT_S)
    stage.injector.send_run(payload)


def poison(stage: Stage) -> None:
    """Records that must be refused."""
    stage.injector.poison()


def bad_release(stage: Stage) -> None:
    """A release that must be refused."""
    stage.injector.bad_release()


#: How often each stands in the deck.
DECK: dict[str, tuple[int, Fault]] = {
    "kill_worker": (4, kill("worker")),
    "kill_sink": (2, kill("sink")),
    "kill_producer": (2, kill("producer")),
    "kill_kafka": (2, kill_server("kafka")),
    "kill_postgres": (2, kill_server("postgres")),
    "freeze_worker": (2, freeze("worker")),
    "freeze_sink": (1, freeze("sink")),
    "freeze_producer": (1, freeze("producer")),
    "freeze_kafka": (1, freeze_server("kafka")),
    "freeze_postgres": (1, freeze_server("postgres")),
    "add_worker": (1, add_worker),
    "remove_worker": (1, remove_worker),
    "cut_kafka": (1, shut("kafka")),
    "cut_postgres": (1, shut("postgres")),
    "slow_kafka": (1, slow("kafka")),
    "slow_postgres": (1, slow("postgres")),
    "delay_topic": (1, delay_topic),
    "poison": (2, poison),
    "fill_kafka": (1, fill("kafka")),
    "fill_postgres": (1, fill("postgres")),
    "bad_release": (1, bad_release),
}


def deal(chance: Random, count: int, only: Collection[str] = ()) -> list[str]:
    """`count` faults in random order: the whole deck, or `only` some, again and again.

    Where the deck does not fit as a whole, each fault stands in it once.
    """
    dealt: list[str] = []
    wanted = {name: times for name, (times, _) in DECK.items() if not only or name in only}
    while len(dealt) < count:
        full = sum(wanted.values()) <= count
        deck = [name for name, times in wanted.items() for _ in range(times if full else 1)]
        chance.shuffle(deck)
        dealt += deck
    return dealt[:count]


def _server(stage: Stage, name: str) -> Server:
    return stage.kafka if name == "kafka" else stage.postgres
