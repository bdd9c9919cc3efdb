"""`make fuzz RECORDS=n SEED=s`: noise and bent records through the worker's and the sink's own code.

Ends with 1 and the episode's kind and seed where anything breaks; the figures go to
`.gridcast/fuzz/results.json`. The same seed makes the same records.
"""

from __future__ import annotations

import json
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.fuzz.episode import KINDS, Found, outputs, run

EPISODE = 50_000
HOURS = 6
PROCESSES = min(os.cpu_count() or 1, 2)
MOST_MEMORY_MB = 1500
RESULTS = Path(".gridcast/fuzz/results.json")


@dataclass(frozen=True)
class Episode:
    """A journal of one kind, with what its records are made from."""

    kind: str
    seed: int
    count: int


def play(one: Episode) -> Found:
    """One episode; `outputs` ones are of the topics that the sink reads."""
    try:
        if one.kind.startswith("outputs"):
            return outputs(one.seed, one.count, bend=one.kind.endswith("mutated"))
        return run(one.seed, KINDS[one.kind](one.seed, one.count), HOURS)
    except Exception as error:
        raise AssertionError(f"{one}: {type(error).__name__}: {error}") from error


def episodes(kind: str, records: int, seed: int) -> list[Episode]:
    """`records` of a kind, an engine of its own for each so many."""
    sizes = [min(EPISODE, records - start) for start in range(0, records, EPISODE)]
    return [Episode(kind, seed + number, size) for number, size in enumerate(sizes)]


def fuzz(kind: str, records: int, seed: int) -> dict[str, Any]:
    """All episodes of a kind; what became of their records."""
    started_s = time.monotonic()
    total = Found()
    with ProcessPoolExecutor(PROCESSES) as pool:
        for found in pool.map(play, episodes(kind, records, seed)):
            total.records += found.records
            total.used += found.used
            total.forecasts += found.forecasts
            total.sink_rows += found.sink_rows
            total.reasons.update(found.reasons)
            total.sink_reasons.update(found.sink_reasons)
            total.slowest_batch_s = max(total.slowest_batch_s, found.slowest_batch_s)
            total.memory_mb = max(total.memory_mb, found.memory_mb)
    took_s = time.monotonic() - started_s
    return _report(total, took_s)


def _report(total: Found, took_s: float) -> dict[str, Any]:
    return {
        "records": total.records,
        "seconds": round(took_s, 1),
        "records_per_s": round(total.records / took_s),
        "used": total.used,
        "refused": dict(total.reasons.most_common()),
        "refused_by_sink": dict(total.sink_reasons.most_common()),
        "forecasts": total.forecasts,
        "rows": total.sink_rows,
        "slowest_batch_cpu_s": round(total.slowest_batch_s, 1),
        "memory_mb": total.memory_mb,
    }


def main() -> int:
    """The whole run; 0 where nothing broke."""
    records, seed = int(os.environ.get("RECORDS") or 1_000_000), int(os.environ.get("SEED") or 1)
    results: dict[str, Any] = {"seed": seed}
    for kind in ("random", "mutated", "outputs-random", "outputs-mutated"):
        results[kind] = fuzz(kind, records, seed)
        print(kind, json.dumps(results[kind]), flush=True)
        RESULTS.parent.mkdir(parents=True, exist_ok=True)
        RESULTS.write_text(json.dumps(results, indent=2) + "\n")
        if results[kind]["memory_mb"] > MOST_MEMORY_MB:
            print(f"{kind} took {results[kind]['memory_mb']} MB, more than {MOST_MEMORY_MB}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
