"""The order of a worker's writes, and what stands between a batch and its ack."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from infra.ending import EXIT_CRASHED
from infra.kafka import Outgoing
from infra.settings import isolated
from infra.topics import JOURNAL, WEATHER_RUNS
from models.engine import Engine
from models.release import cold_start
from models.steps import EngineSettings
from streams.forward import Forwarder
from streams.partition import Partition
from streams.records import PlainRecords
from streams.restore import Restorer
from streams.worker import Worker
from tests.integration.crashing_worker import kind_of
from tests.integration.workers import CODEC, PLANT_IDS, hours_of_telemetry, plant_versions, weather_runs

ONE = PLANT_IDS[0].encode()


class SlowOutlet:
    """Acknowledges what it is given when it is let; `log` is what began and what was acknowledged."""

    def __init__(self) -> None:
        self.log: list[str] = []
        self.open = asyncio.Event()
        self.open.set()

    async def send(self, records: Sequence[Outgoing]) -> int:
        self.log.append(kind_of(records))
        await asyncio.sleep(0.01)
        await self.open.wait()
        self.log.append(f"{kind_of(records)} acknowledged")
        return 0


def a_worker(home: Path, outlet: SlowOutlet, round_every_s: float = 1e-6) -> Worker:
    """It owns a partition of which nothing is known, and writes a round after each batch unless told."""
    settings = isolated(home, checkpoint_every_s=round_every_s)

    def engine() -> Engine:
        return Engine(EngineSettings(levels=settings.levels), lambda _: cold_start())

    worker = Worker(settings, CODEC, outlet.send, Restorer(settings, CODEC, engine))
    worker.partitions[0] = Partition(0, engine(), 0, 0)
    return worker


def some_hours() -> PlainRecords:
    bodies = [plant_versions()[0].value, *(one.value for one in hours_of_telemetry(0, 3) if one.key == ONE)]
    return PlainRecords(JOURNAL, 0, np.arange(len(bodies)), [ONE] * len(bodies), bodies)


def test_outputs_then_states_then_the_marker_each_acknowledged_before_the_next(tmp_path: Path) -> None:
    async def told() -> list[str]:
        outlet = SlowOutlet()
        await a_worker(tmp_path, outlet).handle(some_hours(), -1)
        return outlet.log

    kinds = ("outputs", "states", "marker")
    assert asyncio.run(told()) == [line for kind in kinds for line in (kind, f"{kind} acknowledged")]


def test_a_batch_is_not_done_before_what_it_led_to_is_acknowledged(tmp_path: Path) -> None:
    async def done_early() -> bool:
        outlet = SlowOutlet()
        outlet.open.clear()
        worker = a_worker(tmp_path, outlet, round_every_s=3600.0)
        handling = asyncio.create_task(worker.handle(some_hours(), -1))
        while not outlet.log and not handling.done():
            await asyncio.sleep(0.01)
        early, _ = await asyncio.wait([handling], timeout=0.5)
        assert outlet.log == ["outputs"]
        outlet.open.set()
        await handling
        return bool(early)

    assert not asyncio.run(done_early())


def test_a_public_topics_batch_is_not_done_before_its_copies_are_acknowledged() -> None:
    async def done_early() -> bool:
        outlet = SlowOutlet()
        outlet.open.clear()
        runs = PlainRecords(WEATHER_RUNS, 0, np.arange(1), [ONE], [weather_runs()[0].value])
        handling = asyncio.create_task(Forwarder(CODEC, outlet.send, 4).handle(runs))
        early, _ = await asyncio.wait([handling], timeout=0.5)
        outlet.open.set()
        await handling
        assert outlet.log == ["for the journal", "for the journal acknowledged"]
        return bool(early)

    assert not asyncio.run(done_early())


BREAKS = """
import asyncio, sys
from types import SimpleNamespace
import numpy as np
from infra.settings import isolated
from pathlib import Path
from streams.app import WorkerApp
from streams.transport import RecordBatch
home = Path(sys.argv[1])
app = WorkerApp("test", broker="kafka://localhost:1", datadir=sys.argv[1], store="memory://",
                batch_topics=frozenset({"journal"}), batch_records=1)
app.parts = SimpleNamespace(settings=isolated(home))
async def breaks():
    raise {"cancelled": asyncio.CancelledError, "unknown": ZeroDivisionError}[sys.argv[2]]()
asyncio.run(app.acked_after(breaks(), RecordBatch("journal", 0, np.array([7]), [b"a"], [b"x"], 0, 1)))
print("went on")
"""


@pytest.mark.parametrize("what", ["cancelled", "unknown"])
def test_whatever_breaks_a_batch_ends_the_process_before_it_is_acked(what: str, tmp_path: Path) -> None:
    """Leaving the loop body acks, cancelled or not; so the process must not get that far."""
    done = subprocess.run(
        [sys.executable, "-c", BREAKS, str(tmp_path), what], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == EXIT_CRASHED, done.stderr
    assert "error: journal[0] 7 to 7" in done.stderr
    assert "went on" not in done.stdout
