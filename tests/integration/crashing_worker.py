"""A worker that ends itself with SIGKILL, or sleeps with SIGSTOP, at one point of its writes.

`CRASH_POINT` names the point, `CRASH_OCCASION` (1 unless told) which time it is that counts; with
`CRASH_TOPIC` it is the forwarder that ends, after the copies of that public topic. `OTHER_LAYOUT`: its states
have other columns than those on the topic. What the worker writes is
told apart by what it is, not by who calls: the order of its writes is what is tried.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from cli.main import main
from infra.kafka import Outgoing
from infra.topics import CHECKPOINTS, JOURNAL
from streams import app, forward, outlet, restore
from streams.checkpoints import MARKER_KEY
from streams.records import Records

POINT = os.environ.get("CRASH_POINT", "")
OCCASION = int(os.environ.get("CRASH_OCCASION", "1"))
TOPIC = os.environ.get("CRASH_TOPIC", "")

FIRST_OUTPUT = "after output 1 of n"
OUTPUTS = "after all outputs"
FIRST_STATE = "after checkpoint 1 of n"
STATES = "after all checkpoints"
MARKER = "after the marker"
COMMIT = "after the commit"
LATE_STATES = "asleep before its checkpoints, killed after them"
LATE_MARKER = "asleep before its checkpoints, killed after the marker"

_send = outlet.Outlet.send
_handle = forward.Forwarder.handle
_on_committed = app.WorkerApp.on_committed
_met: dict[str, int] = {}


def is_the_occasion(kind: str) -> bool:
    """Whether this is the time that was asked for; counts it."""
    _met[kind] = _met.get(kind, 0) + 1
    return _met[kind] == OCCASION


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(60)  # a signal to oneself may take a moment


def kind_of(records: Sequence[Outgoing]) -> str:
    """What a worker sends at once is of one kind."""
    if not records:
        return "nothing"
    first = records[0]
    if first.topic == CHECKPOINTS:
        return "marker" if (first.key or b"").startswith(MARKER_KEY) else "states"
    return "for the journal" if first.topic == JOURNAL else "outputs"


async def send(self: outlet.Outlet, records: Sequence[Outgoing]) -> int:
    """As `Outlet.send`, with the crash that was asked for."""
    kind = kind_of(records)
    act = ACTS.get((POINT, kind))
    if act is None:
        return await _send(self, records)
    return await act(self, records)


async def _first_alone(self: outlet.Outlet, records: Sequence[Outgoing]) -> int:
    if len(records) > 1 and is_the_occasion("first"):
        await _send(self, records[:1])
        die()
    return await _send(self, records)


async def _all(self: outlet.Outlet, records: Sequence[Outgoing]) -> int:
    place = await _send(self, records)
    if is_the_occasion("all"):
        die()
    return place


async def _asleep_before(self: outlet.Outlet, records: Sequence[Outgoing]) -> int:
    late = is_the_occasion("late")
    if late:
        os.kill(os.getpid(), signal.SIGSTOP)
    place = await _send(self, records)
    if late and POINT == LATE_STATES:
        die()
    return place


async def _late_marker(self: outlet.Outlet, records: Sequence[Outgoing]) -> int:
    place = await _send(self, records)
    if _met.get("late", 0) >= OCCASION:
        die()
    return place


Act = Callable[[Any, Sequence[Outgoing]], Awaitable[int]]
ACTS: Mapping[tuple[str, str], Act] = {
    (FIRST_OUTPUT, "outputs"): _first_alone,
    (OUTPUTS, "outputs"): _all,
    (FIRST_STATE, "states"): _first_alone,
    (STATES, "states"): _all,
    (MARKER, "marker"): _all,
    (LATE_STATES, "states"): _asleep_before,
    (LATE_MARKER, "states"): _asleep_before,
    (LATE_MARKER, "marker"): _late_marker,
}


def on_committed(self: app.WorkerApp, offsets: Mapping[Any, int]) -> None:
    """As `WorkerApp.on_committed`, with the crash that was asked for."""
    _on_committed(self, offsets)
    if POINT == COMMIT and any(tp.topic == JOURNAL for tp in offsets) and is_the_occasion("commit"):
        die()


async def handle(self: forward.Forwarder, records: Records) -> None:
    """As `Forwarder.handle`, with a crash before its batch is acked."""
    await _handle(self, records)
    if records.topic == TOPIC:
        die()


if __name__ == "__main__":
    outlet.Outlet.send = send  # type: ignore[method-assign, assignment]
    forward.Forwarder.handle = handle  # type: ignore[method-assign]
    app.WorkerApp.on_committed = on_committed  # type: ignore[method-assign]
    if os.environ.get("OTHER_LAYOUT"):
        restore.layout_of = lambda _: "of another version"
    main()
