"""`results.json`: what was measured, in the shape that others script against, and which floors it keeps.

Pure but for the file. Raw figures stand under `figures`; the other keys are made of them. A figure that did
not run is null, never a guess.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from benchmarks.speed import machine

Document = dict[str, Any]
RATES: Final = ("ingest", "whole", "plain_loop", "ceiling", "faust", "quix", "bytewax")
SHAPES: Final = ("spread", "at_once")
#: A machine that had more to do than this when the run began is called noisy.
QUIET_LOAD: Final = 0.5
MB_EACH_FURTHER_1000: Final = 120


class Results:
    """The figures so far."""

    def __init__(self, path: Path) -> None:
        self._path = path
        found: Document = json.loads(path.read_text()) if path.exists() else {}
        self.figures: Document = found.get("figures", {})
        self._run: Document = found.get("run", {})

    def begin(self, arguments: list[str]) -> None:
        """A run starts."""
        self._run = {
            "command": " ".join(["python -m benchmarks.run", *arguments]),
            "commit": machine.commit(),
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
            "machine": machine.about(),
            "load_at_start": machine.load_1min(),
            "load_at_end": None,
        }

    def add(self, name: str, found: Document, load_before: float, runs: int) -> None:
        """A figure is done."""
        about = {
            "run_at": self._run["at"],
            "commit": machine.commit(),
            "runs": runs,
            "load": [load_before, machine.load_1min()],
        }
        self.figures[name] = found | about
        self._run["load_at_end"] = machine.load_1min()
        self._write()

    def _write(self) -> None:
        partial = self._path.with_suffix(".partial")
        partial.write_text(json.dumps(document(self.figures, self._run), indent=1))
        partial.replace(self._path)


def document(figures: Document, run: Document) -> Document:
    """The whole of `results.json`."""
    made: Document = {
        key: {name: figures.get(name, {}).get(key) for name in RATES}
        for key in ("cpu_us_per_record", "records_per_s")
    }
    latency, memory = figures.get("latency", {}), figures.get("memory", {})
    made |= {
        "latency_ms": {shape: {p: latency.get(shape, {}).get(p) for p in ("p50", "p99")} for shape in SHAPES},
        "restore_s": figures.get("restore", {}).get("restore_s"),
        "memory_mb": {plants: memory.get(plants) for plants in ("1000", "2000")},
        "sink_rows_per_s": figures.get("sink", {}).get("rows_per_s"),
        "backtest_s_per_plant_year": figures.get("plant_year", {}).get("backtest_s"),
        "training_s_per_plant_year": figures.get("plant_year", {}).get("training_s"),
        "two_workers_cpu_ratio": _ratio(_cpu(figures, "two_workers"), _cpu(figures, "ingest")),
    }
    return made | {"floors": floors(figures), "run": run, "figures": figures}


@dataclass(frozen=True)
class Floor:
    """What was promised of a figure: `least` or `most`."""

    name: str
    unit: str
    value: Callable[[Document], float | None]
    least: float | None = None
    most: float | None = None

    def judged(self, figures: Document) -> Document:
        """The floor with what was measured; `kept` is null where nothing was."""
        value = self.value(figures)
        kept = None
        if value is not None:
            kept = (self.least is None or value >= self.least) and (self.most is None or value <= self.most)
        told = {"name": self.name, "unit": self.unit, "least": self.least, "most": self.most}
        return told | {"value": value, "kept": kept}


def floors(figures: Document) -> list[Document]:
    """Every floor, kept or not."""
    return [floor.judged(figures) for floor in FLOORS]


def _of(name: str, *keys: str) -> Callable[[Document], float | None]:
    def value(figures: Document) -> float | None:
        found: Any = figures.get(name, {})
        for key in keys:
            found = found.get(key) if isinstance(found, dict) else None
        return found if isinstance(found, int | float) else None

    return value


def _cpu(figures: Document, name: str) -> float | None:
    return _of(name, "cpu_us_per_record")(figures)


def _ratio(over: float | None, under: float | None) -> float | None:
    return None if over is None or not under else round(over / under, 3)


def _against_ingest(name: str) -> Callable[[Document], float | None]:
    return lambda figures: _ratio(_cpu(figures, name), _cpu(figures, "ingest"))


def _further(figures: Document) -> float | None:
    one, two = (_of("memory", plants)(figures) for plants in ("1000", "2000"))
    return None if one is None or two is None else round(two - one, 1)


FLOORS: Final = (
    Floor("ingest without units, one core", "records/s", _of("ingest", "records_per_s"), least=200_000),
    Floor("ingest with 8 units, one core", "records/s", _of("ingest_units", "records_per_s"), least=120_000),
    Floor("plain loop that only decodes, over ingest", "x CPU", _against_ingest("plain_loop"), least=1.0),
    Floor("Quix Streams over ingest", "x CPU", _against_ingest("quix"), least=10),
    Floor("idiomatic Faust over ingest", "x CPU", _against_ingest("faust"), least=40),
    Floor("whole job, one core", "records/s", _of("whole", "records_per_s"), least=80_000),
    Floor("whole job, one core", "forecasts/s", _of("whole", "forecasts_per_s"), least=5_300),
    Floor("latency, spread, p50", "ms", _of("latency", "spread", "p50"), most=60),
    Floor("latency, spread, p99", "ms", _of("latency", "spread", "p99"), most=250),
    Floor("latency, all at once, p99", "ms", _of("latency", "at_once", "p99"), most=400),
    Floor("restore, 1,000 plants", "s", _of("restore", "restore_s"), most=10),
    Floor("memory, 1,000 plants", "MB", _of("memory", "1000"), most=400),
    Floor("memory, 1,000 plants more", "MB", _further, most=MB_EACH_FURTHER_1000),
    Floor("sink", "rows/s", _of("sink", "rows_per_s"), least=40_000),
    Floor("two workers over one", "x CPU", _against_ingest("two_workers"), most=1.15),
)
