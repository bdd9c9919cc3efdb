"""gridcast's own processes under a supervisor: whoever ends is started again, as an operator's would be."""

from __future__ import annotations

import signal
import threading
import time
from collections import Counter
from dataclasses import dataclass, field

from cli.demo.children import Child, Children

_LOOK_EVERY_S = 0.25
_PAUSE_S = 1.0


@dataclass
class Member:
    """A process that is wanted. `ends`: its work may be over, and then it is not started again."""

    name: str
    command: tuple[str, ...]
    ends: bool
    child: Child
    ended_s: float | None = None

    @property
    def running(self) -> bool:
        """Whether the process is there."""
        return self.child.process.poll() is None


@dataclass
class Crew:
    """Starts, watches and ends members. `endings` counts how they ended by themselves."""

    children: Children
    endings: Counter[str] = field(default_factory=Counter)
    _members: dict[str, Member] = field(default_factory=dict)
    _lock: threading.RLock = field(default_factory=threading.RLock)
    _closing: threading.Event = field(default_factory=threading.Event)

    def start(self) -> None:
        """Begin to watch."""
        threading.Thread(target=self._watch, name="chaos-crew", daemon=True).start()

    def add(self, name: str, *command: str, ends: bool = False) -> None:
        """Start `gridcast COMMAND` under a name and keep it running."""
        with self._lock:
            self._members[name] = Member(name, command, ends, self._launch(name, command))

    def names(self, kind: str) -> list[str]:
        """Members of a kind that are wanted: workers, sinks, producers."""
        with self._lock:
            return sorted(name for name in self._members if name.startswith(kind))

    def kill(self, name: str) -> None:
        """SIGKILL; the supervisor starts it again."""
        with self._lock:
            self._members[name].child.process.kill()

    def freeze(self, name: str) -> None:
        """SIGSTOP."""
        self._signal(name, signal.SIGSTOP)

    def thaw(self, name: str) -> None:
        """SIGCONT."""
        self._signal(name, signal.SIGCONT)

    def remove(self, name: str, patience_s: float = 90.0) -> int:
        """SIGTERM, for good; returns the exit code."""
        with self._lock:
            member = self._members.pop(name)
        return self.children.stop(member.child, patience_s)

    def running(self, name: str) -> bool:
        """Whether a member's work goes on: it runs, or will run again."""
        with self._lock:
            return name in self._members

    def close(self) -> None:
        """Watch no more, end everybody."""
        self._closing.set()
        with self._lock:
            for member in self._members.values():
                if member.running:
                    member.child.process.send_signal(signal.SIGCONT)
            self._members.clear()
        self.children.end_all()

    def _signal(self, name: str, number: signal.Signals) -> None:
        with self._lock:
            if name in self._members and self._members[name].running:
                self._members[name].child.process.send_signal(number)

    def _launch(self, name: str, command: tuple[str, ...]) -> Child:
        # Two workers of one home share its folder and not its log.
        return self.children.start(command[0], *command[1:], log=name)

    def _watch(self) -> None:
        while not self._closing.wait(_LOOK_EVERY_S):
            with self._lock:
                for member in list(self._members.values()):
                    self._look_after(member)

    def _look_after(self, member: Member) -> None:
        if member.running:
            return
        code = member.child.process.returncode
        if member.ended_s is None:
            member.ended_s = time.monotonic()
            self._count(member, code)
        if member.ends and code == 0:
            del self._members[member.name]
        elif time.monotonic() - member.ended_s >= _PAUSE_S:
            member.child, member.ended_s = self._launch(member.name, member.command), None

    def _count(self, member: Member, code: int) -> None:
        if code > 0:
            said = member.child.said().strip().splitlines()
            reason = next((line for line in reversed(said) if line.startswith("error: ")), "no reason given")
            self.endings[f"{member.name} {code} {reason[:160]}"] += 1
