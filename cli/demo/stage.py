"""What every stage of the demo works with: the run's servers and processes, its watch and its screen."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cli.demo.children import Child, Children
from cli.demo.faults import Injected
from cli.demo.plan import Plan
from cli.demo.screen import Screen
from cli.demo.watch import Behind, Record, Watch
from schemas.errors import ServiceUnavailable

if TYPE_CHECKING:
    from infra.settings import Settings

_LOOK_EVERY_S = 0.1
_PATIENCE_S = 240.0


@dataclass
class Stage:
    """One run of the demo. `seconds`: what each part took; the rest is what happened, for the judgement."""

    plan: Plan
    settings: Settings
    children: Children
    screen: Screen
    seconds: dict[str, float] = field(default_factory=dict)
    injected: list[Injected] = field(default_factory=list)
    repeated: int = 0
    silences: list[Record] = field(default_factory=list)
    releases: list[tuple[str, str]] = field(default_factory=list)
    worker_pids: dict[str, int] = field(default_factory=dict)
    killed_ms: int | None = None
    _watch: Watch | None = None
    _processes: dict[str, Child] = field(default_factory=dict)

    @property
    def watch(self) -> Watch:
        """The watch, once the topics are there."""
        if self._watch is None:
            self._watch = Watch(self.settings)
        return self._watch

    @contextmanager
    def part(self, title: str) -> Iterator[None]:
        """Say what begins, and remember what it took."""
        self.screen.say(f"-- {title}")
        began_s = time.monotonic()
        yield
        self.seconds[title] = round(time.monotonic() - began_s, 1)

    def start(self, name: str, *arguments: str) -> Child:
        """Start a process that is to run until it is told to end."""
        self._processes[name] = self.children.start(name, *arguments)
        return self._processes[name]

    def process(self, name: str) -> Child:
        """The process of that name that runs now."""
        return self._processes[name]

    def look(self, doing: str) -> None:
        """One turn of waiting: whatever has failed is raised, the view is drawn."""
        self.children.check()
        self.watch.check()
        self.screen.show(self.watch.seen, doing)
        time.sleep(_LOOK_EVERY_S)

    def wait(self, doing: str, until: Callable[[], bool], patience_s: float = _PATIENCE_S) -> None:
        """Look on until something is so; raises `ServiceUnavailable` when nothing moves for too long."""
        moved_s, state = time.monotonic(), self._state()
        while not until():
            self.look(doing)
            if self._state() != state:
                moved_s, state = time.monotonic(), self._state()
            if time.monotonic() - moved_s > patience_s:
                raise ServiceUnavailable(f"{doing}: nothing has moved for {patience_s:.0f} s")

    def _state(self) -> tuple[object, ...]:
        seen = self.watch.seen
        return seen.counts.total(), seen.behind and (dict(seen.behind.groups), dict(seen.behind.topics))

    def caught_up(self, *groups: str) -> Callable[[], bool]:
        """Whether these groups have read all that was in the log when this was called, and all since."""
        began_s = time.monotonic()
        return lambda: self._at_end(began_s, lambda behind: not any(behind.groups[g] for g in groups))

    def read_by(self, group: str, topic: str) -> Callable[[], bool]:
        """Whether a group has read all of one topic."""
        began_s = time.monotonic()
        return lambda: self._at_end(began_s, lambda behind: not behind.topics[group, topic])

    def _at_end(self, since_s: float, done: Callable[[Behind], bool]) -> bool:
        behind = self.watch.seen.behind
        return behind is not None and behind.asked_s > since_s and done(behind)

    def close(self) -> None:
        """Stop watching."""
        if self._watch is not None:
            self._watch.close()
        self.screen.close()
