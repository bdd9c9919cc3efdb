"""Where the CPU of the hot path goes, in this process and without Kafka: decode, apply, encode.

    python -m benchmarks.profile [--units 8] [--two-stage] [--records 500000] [--plain]

The same records as in `make bench`, of the plants that fall into one of its twelve partitions.
"""

from __future__ import annotations

import cProfile
import pstats
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray

from benchmarks.speed import jobs
from benchmarks.speed.journal import PARTITIONS, DataSet
from cli.main import run as run_command
from infra.topics import JOURNAL
from models import release_file
from models.engine import Engine
from models.release import Release
from models.steps import EngineSettings
from schemas.codec import Codec
from schemas.records import ReleaseRecord
from streams import meter, turns
from streams.checkpoints import partition_of
from streams.records import PlainRecords


@click.command(epilog="Example:  python -m benchmarks.profile --units 8 --sort tottime")
@click.option("--plants", default=1000, show_default=True)
@click.option("--units", default=0, show_default=True)
@click.option("--scan-s", type=int, help="[10 without units, else 60]")
@click.option("--two-stage", is_flag=True, help="With a forecast for each plant every 15 min.")
@click.option("--records", default=1_000_000, show_default=True, help="Of all partitions; one is profiled.")
@click.option("--batch", default=2000, show_default=True)
@click.option("--plain", is_flag=True, help="Only CPU per step, without the profiler's own cost.")
@click.option("--sort", default="tottime", show_default=True)
@click.option("--lines", default=45, show_default=True)
@click.option("--home", type=click.Path(path_type=Path), default=Path(".gridcast/bench"), show_default=True)
def command(
    plants: int, units: int, scan_s: int | None, two_stage: bool, records: int, batch: int,
    plain: bool, sort: str, lines: int, home: Path,
) -> None:  # fmt: skip
    """Profile one partition's part of a data set."""
    data = jobs.data_set("profile", plants, units, scan_s or (60 if units else 10), records, two_stage)
    codec = Codec()
    engine, load = _engine()
    cut = list(_batches(data, codec, batch, home, load))
    head, rest = cut[0], cut[1:]
    turns.process(codec, [(engine, head)])
    spent: dict[str, float] = defaultdict(float)
    profiler = cProfile.Profile()
    forecasts = sum(len(_spent(spent, codec, engine, one, profiler, plain)) for one in rest)
    count = sum(len(one.offsets) for one in rest)
    each = ", ".join(f"{step} {used / count * 1e6:.2f}" for step, used in spent.items())
    print(f"{count:,} records, {len(engine.plants)} plants, {forecasts:,} outputs; CPU us a record: {each}")
    if not plain:
        pstats.Stats(profiler).sort_stats(sort).print_stats(lines)


def _spent(
    spent: dict[str, float],
    codec: Codec,
    engine: Engine,
    one: PlainRecords,
    profiler: cProfile.Profile,
    plain: bool,
) -> list[object]:
    """What `streams.turns.process` does, with the CPU of its steps."""

    @contextmanager
    def timed(step: str) -> Iterator[None]:
        began_s = time.process_time()
        yield
        spent[step] += time.process_time() - began_s

    before, meter.timed = meter.timed, timed
    try:
        if not plain:
            profiler.enable()
        return list(turns.process(codec, [(engine, one)]).records)
    finally:
        profiler.disable()
        meter.timed = before


def _engine() -> tuple[Engine, dict[str, bytes]]:
    """An engine whose releases come out of a dictionary, by hash."""
    artifacts: dict[str, bytes] = {}

    def load(record: ReleaseRecord) -> Release:
        return release_file.load(artifacts[record.artifact_sha256])

    return Engine(EngineSettings(), load), artifacts


def _batches(
    data: DataSet, codec: Codec, size: int, home: Path, artifacts: dict[str, bytes]
) -> Iterator[PlainRecords]:
    """The head, then the telemetry of partition 0 in batches."""
    mine = np.array([partition_of(p.encode(), PARTITIONS) == 0 for p in data.fleet.plant_ids])
    first = [(v.plant_id.encode(), v) for v in data.fleet.versions(data.issue_every_s)]
    kept = [(key, v) for i, (key, v) in enumerate(first) if mine[i]]
    payloads = codec.encode("PlantVersion", [v.to_avro() for _, v in kept])
    head = list(zip([key for key, _ in kept], payloads, strict=True))
    if data.two_stage:
        from benchmarks.speed.release import journal_head, released

        artifact = released(data, home)
        artifacts[artifact.record.artifact_sha256] = artifact.content
        wanted = {p for i, p in enumerate(data.fleet.plant_ids) if mine[i]}
        head += [
            (one.key or b"", one.value or b"") for one in journal_head(data, codec, artifact.record, wanted)
        ]
    pairs = _pairs(data, codec, mine)
    head += next(pairs)
    yield _records(head, 0)
    offset, waiting = len(head), list[tuple[bytes, bytes]]()
    for more in pairs:
        waiting += more
        while len(waiting) >= size:
            yield _records(waiting[:size], offset)
            offset, waiting = offset + size, waiting[size:]


def _pairs(data: DataSet, codec: Codec, mine: NDArray[np.bool_]) -> Iterator[list[tuple[bytes, bytes]]]:
    keys = [plant_id.encode() for plant_id in data.fleet.plant_ids]
    for block in data.fleet.scans(data.scans):
        rows = block.take(np.flatnonzero(mine[block.plant]))
        bodies = codec.encode_arrow("Telemetry", rows.to_arrow(data.fleet.plant_ids))
        yield [(keys[plant], body) for plant, body in zip(rows.plant.tolist(), bodies, strict=True)]


def _records(pairs: list[tuple[bytes, bytes]], first: int) -> PlainRecords:
    offsets = np.arange(first, first + len(pairs), dtype=np.int64)
    return PlainRecords(JOURNAL, 0, offsets, [key for key, _ in pairs], [body for _, body in pairs])


if __name__ == "__main__":
    sys.exit(run_command(sys.argv[1:], command, "python -m benchmarks.profile"))
