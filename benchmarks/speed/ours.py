"""The real worker, as `gridcast worker` starts it, on one core."""

from __future__ import annotations

import sys
import time
from typing import Final

from benchmarks.speed.journal import Loaded
from benchmarks.speed.machine import Pinned, cores
from benchmarks.speed.rate import Commits, Rate, measure, wait_for
from infra.settings import Settings, isolated_environment
from infra.topic_reader import read, spans
from infra.topics import FORECASTS, REJECTED
from schemas.codec import Codec

READY: Final = "ready: partitions ["
#: A whole head with its weather is read in silence before the clock starts; beside others that takes long.
STALL_S: Final = 900.0
LOOKED_AT: Final = 50  # newest forecasts of each partition


def worker(settings: Settings, core: int | None, name: str = "worker") -> Pinned:
    """Start a worker with these settings."""
    told = {
        "kafka": settings.kafka,
        "worker_group": settings.worker_group,
        "commit_every_s": settings.commit_every_s,
        "checkpoint_every_s": settings.checkpoint_every_s,
        "stall_s": STALL_S,
    }
    log = settings.home / "logs" / f"{name}-{time.monotonic_ns()}.log"
    environment = isolated_environment(settings.home, **told)
    return Pinned([sys.executable, "-m", "cli", "worker"], environment, log, core)


def run(loaded: Loaded, limit_s: float = 300.0) -> Rate:
    """One run of a new group over the whole journal: the clock starts when the worker is ready to read."""
    settings = loaded.fresh()
    with worker(settings, cores()[0]) as child:
        ready(child)
        commits = Commits(settings, settings.worker_group, loaded.begins)
        found = measure(
            loaded.records, loaded.broker_pid, commits.done, lambda: [child.pid], child.check, limit_s
        )
        commits.close()
        if child.stop() != 0:
            raise RuntimeError(f"the worker did not end well: {child.said()[-1500:]}")
    refused = sum(span.end - span.first for span in spans(settings, REJECTED).values())
    if refused:
        raise RuntimeError(f"the worker refused {refused} records of a sound fleet (log: {child.log})")
    return found


def ready(child: Pinned) -> None:
    """Wait until a worker has restored its plants.

    :raises RuntimeError: it ended, or left records of the head out
    """
    wait_for(child, READY, never="is poison")


def forecasts(loaded: Loaded, model: str) -> int:
    """How many forecasts a run has left, all but strays by the model that was released.

    :raises RuntimeError: they are of another model or without weather: it was not the job that was meant
    """
    held = spans(loaded.settings, FORECASTS)
    newest = {partition: max(span.first, span.end - LOOKED_AT) for partition, span in held.items()}
    codec = Codec()
    some = [
        codec.decode(message.value())[1]
        for messages in read(loaded.settings, FORECASTS, newest)
        for message in messages
    ]
    strays = [one for one in some if one["model"] != model or one["rung"][0] != 0]
    if not some or len(strays) > len(some) // 10:
        raise RuntimeError(
            f"{len(strays)} of {len(some)} forecasts are not by {model} on weather and telemetry"
        )
    return sum(span.end - span.first for span in held.values())
