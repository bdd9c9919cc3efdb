"""`weather.csv.gz` of a folder from what an archive said: one run a day."""

from __future__ import annotations

import csv
import gzip
import io
import math
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import numpy as np

from producers.weather.answers import HOUR_MS, Floats, Longs, Place
from producers.weather.archives import Span

_DAY_MS: Final = 24 * HOUR_MS
_RUN_H: Final = 48


@dataclass(frozen=True)
class Series:
    """Everything that came of one place: hours i8[n], rising; columns f8[n], NaN where missing."""

    valid_at_ms: Longs
    columns: dict[str, Floats]


def write_runs(
    path: Path, plants: Mapping[str, Place], said: Mapping[Place, Series], days: Span, source: str
) -> tuple[int, dict[str, int]]:
    """The file, which appears whole or not at all; how many rows, and how many runs of each plant."""
    names = list(dict.fromkeys(name for series in said.values() for name in series.columns))
    counts = dict.fromkeys(plants, 0)
    text = io.StringIO()
    write = csv.writer(text, lineterminator="\n").writerow
    write(["plant_id", "source", "published_at", "valid_at", *names])
    rows = 0
    for plant_id, place in plants.items():
        for published_ms, run in _runs(said[place], days):
            counts[plant_id] += 1
            rows += len(run.valid_at_ms)
            for line in _lines(run, names):
                write([plant_id, source, _stamp(published_ms), *line])
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    # The time in a gzip header would make every call another file.
    partial.write_bytes(gzip.compress(text.getvalue().encode(), 9, mtime=0))
    partial.replace(path)
    return rows, counts


def _runs(series: Series, days: Span) -> Iterator[tuple[int, Series]]:
    """A run a day of what is known of the 48 hours from its beginning."""
    known = np.any([np.isfinite(values) for values in series.columns.values()], axis=0)
    for published_ms in range(days.from_ms, days.to_ms, _DAY_MS):
        ends_ms = published_ms + _RUN_H * HOUR_MS
        inside = known & (series.valid_at_ms >= published_ms) & (series.valid_at_ms <= ends_ms)
        if inside.any():
            columns = {name: values[inside] for name, values in series.columns.items()}
            yield published_ms, Series(series.valid_at_ms[inside], columns)


def _lines(run: Series, names: Sequence[str]) -> Iterator[list[str]]:
    for row, at_ms in enumerate(run.valid_at_ms.tolist()):
        cells = (float(run.columns[name][row]) if name in run.columns else math.nan for name in names)
        yield [_stamp(at_ms), *("" if math.isnan(cell) else f"{cell:.7g}" for cell in cells)]


def _stamp(time_ms: int) -> str:
    return f"{datetime.fromtimestamp(time_ms / 1000, UTC):%Y-%m-%dT%H:%M:%SZ}"
