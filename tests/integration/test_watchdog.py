"""A worker that stands still says so, then ends, so that a supervisor starts another one."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress

import httpx
import pytest

from infra.settings import Settings
from infra.topics import JOURNAL, PLANTS
from streams.ending import EXIT_CRASHED
from tests.integration.hanging_worker import HANGING_KW
from tests.integration.workers import (
    PLANT_IDS,
    RunningWorker,
    await_true,
    caught_up,
    committed,
    hours_of_telemetry,
    plant_versions,
    running,
    send,
    telemetry,
)

STALL_S = 6.0
WAYS = ("engine", "loop", "commits", "lock", "no")


@pytest.fixture
def workers(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, RunningWorker]]:
    """One worker for each way to hang, each in a group of its own, with some hours done and committed."""
    send(settings, plant_versions())
    with ExitStack() as stack:
        made = {}
        for way in WAYS:
            monkeypatch.setenv("HANG", way)
            worker = running(
                settings,
                module="tests.integration.hanging_worker",
                worker_group=group(settings, way).worker_group,
                stall_s=STALL_S,
            )
            made[way] = stack.enter_context(worker)
        send(settings, hours_of_telemetry(0, 2))
        for way, worker in made.items():
            await_true(lambda way=way: done(settings, way), 120, worker)  # type: ignore[misc]
        yield made


def group(settings: Settings, way: str) -> Settings:
    return settings.model_copy(update={"worker_group": f"hanging-{way}"})


def done(settings: Settings, way: str) -> bool:
    return all(caught_up(group(settings, way), topic) for topic in (PLANTS, JOURNAL))


def stalled(worker: RunningWorker) -> set[str]:
    """What the probe says stands still while it answers 503."""
    with suppress(httpx.HTTPError):
        answer = worker.probe("/health")
        if answer.status_code == 503:
            return {one["what"] for one in answer.json()["stalled"] if one["since"].endswith("Z")}
    return set()


def test_each_way_to_hang_is_told_before_it_ends_the_process(
    settings: Settings, workers: dict[str, RunningWorker]
) -> None:
    send(settings, [telemetry(PLANT_IDS[3], 130, HANGING_KW)])
    held = {way: committed(group(settings, way)) for way in ("engine", "loop")}
    told: dict[str, set[str]] = {way: set() for way in WAYS}
    codes: dict[str, int] = {}
    deadline_s = time.monotonic() + 90
    while len(codes) < len(WAYS) - 1 and time.monotonic() < deadline_s:
        for way, worker in workers.items():
            code = worker.process.poll()
            if code is not None:
                codes[way] = code
            elif way != "lock":  # it cannot answer: its probe is one more thread of Python's
                told[way] |= stalled(worker)
    said = {way: worker.said() for way, worker in workers.items()}

    crashed = dict.fromkeys(("engine", "loop", "commits"), EXIT_CRASHED)
    assert codes == {**crashed, "lock": -signal.SIGALRM}, said
    assert any(what.startswith(f"{JOURNAL}[") for what in told["engine"]), told
    assert any(what.startswith("the commits of") for what in told["commits"]), told
    assert told["loop"], told
    for way in crashed:
        assert any("has not moved for" in line for line in _errors(said[way])), said[way]
    assert "hanging_worker.py" in said["lock"], "the stack of the thread that hangs"

    # Whose records are years old, and who is at the end, is not stalled: it has waited as long.
    assert told["no"] == set()
    assert workers["no"].probe("/health").status_code == 200
    for way, before in held.items():
        assert committed(group(settings, way)) == before, "nothing unfinished was committed"


def _errors(said: str) -> list[str]:
    return [line for line in said.splitlines() if line.startswith("error:")]
