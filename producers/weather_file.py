"""`weather.csv[.gz]` of a canonical folder: rows become runs, each with the grid points of its area."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from producers.problems import Problems
from producers.table import Floats, Ints, Longs, Table, numbers, texts, times
from producers.telemetry_file import plant_numbers
from schemas.records import AreaPoint, WeatherRun

NEEDED: Final = ("plant_id", "source", "published_at", "valid_at")
#: Most points of other plants beside a run: the nearest where positions are known.
AREA_POINTS: Final = 16

Place = tuple[float | None, float | None]


@dataclass(frozen=True)
class _Rows:
    """The file's columns, sorted by plant, source, time of publication and valid time."""

    plant: Ints
    source: Ints
    published_ms: Longs
    valid_ms: Longs
    values: dict[str, Floats]

    def take(self, rows: Longs | slice) -> _Rows:
        values = {name: column[rows] for name, column in self.values.items()}
        return _Rows(
            self.plant[rows], self.source[rows], self.published_ms[rows], self.valid_ms[rows], values
        )


def weather_runs(
    table: Table, plant_ids: dict[str, int], places: Sequence[Place], now_ms: int, problems: Problems
) -> list[WeatherRun]:
    """The runs of a file by time of publication, with their areas. `places`: where each plant stands."""
    before = problems.count
    sources, rows = _rows(table, plant_ids, now_ms, problems)
    if problems.count > before or not len(table):
        return []
    rows = _sorted_once(table.file, rows, problems)
    ids = list(plant_ids)
    runs = _with_areas(_runs(rows, ids, sources), ids, places)
    _note_hindsight(table.file, runs, problems)
    return sorted(runs, key=lambda run: (run.published_at_ms, plant_ids[run.plant_id], run.source))


def _rows(
    table: Table, plant_ids: dict[str, int], now_ms: int, problems: Problems
) -> tuple[list[str], _Rows]:
    plant = plant_numbers(table, plant_ids, problems)
    source, sources = texts(table, "source", problems)
    published_ms = times(table, "published_at", problems)
    valid_ms = times(table, "valid_at", problems)
    names = [name for name in table.columns if name not in NEEDED]
    if not names:
        problems.add(table.file, 1, None, "has no weather column: add one, as wind_speed_100m_ms")
    values = {name: numbers(table, name, problems) for name in names}
    ahead = np.flatnonzero(published_ms > now_ms)
    what = "lies in the future: a run counts from when it was published"
    problems.add_rows(table.file, ((int(table.row[i]), what) for i in ahead), "published_at")
    return sources, _Rows(plant, source, published_ms, valid_ms, values)


def _sorted_once(file: str, rows: _Rows, problems: Problems) -> _Rows:
    """Sorted, with the last of the rows that stand for the same plant, run and valid time."""
    rows = rows.take(np.lexsort((rows.valid_ms, rows.published_ms, rows.source, rows.plant)))
    last = np.append(_changes(rows, with_valid=True)[1:], True)
    if not last.all():
        problems.note(
            f"{file}: {int((~last).sum())} rows repeat a valid time of their run; the last one counts"
        )
    return rows.take(np.flatnonzero(last))


def _changes(rows: _Rows, with_valid: bool) -> np.ndarray:
    columns: list[Ints | Longs] = [rows.plant, rows.source, rows.published_ms]
    if with_valid:
        columns.append(rows.valid_ms)
    changed = np.zeros(len(rows.plant), np.bool_)
    changed[:1] = True
    for column in columns:
        changed[1:] |= column[1:] != column[:-1]
    return changed


def _runs(rows: _Rows, ids: list[str], sources: list[str]) -> list[WeatherRun]:
    starts = np.flatnonzero(_changes(rows, with_valid=False))
    ends = np.append(starts[1:], len(rows.plant))
    made = []
    for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
        published_ms = int(rows.published_ms[start])
        run = WeatherRun(
            plant_id=ids[rows.plant[start]],
            source=sources[rows.source[start]],
            published_at_ms=published_ms,
            known_at_ms=published_ms,
            valid_at_ms=rows.valid_ms[start:end],
            columns={name: column[start:end] for name, column in rows.values.items()},
            journaled=True,
        )
        made.append(run)
    return made


def _with_areas(runs: list[WeatherRun], ids: list[str], places: Sequence[Place]) -> list[WeatherRun]:
    """Each run with the other plants' columns of the same source and publication, at its own valid times."""
    together: dict[tuple[str, int], dict[str, WeatherRun]] = {}
    for run in runs:
        together.setdefault((run.source, run.published_at_ms), {})[run.plant_id] = run
    neighbours = {plant: _nearest(i, ids, places) for i, plant in enumerate(ids)}
    where = dict(zip(ids, places, strict=True))
    made = []
    for run in runs:
        others = together[run.source, run.published_at_ms]
        near = [plant for plant in neighbours[run.plant_id] if plant in others][:AREA_POINTS]
        points = tuple(_point(others[plant], where[plant], run.valid_at_ms) for plant in near)
        made.append(replace(run, points=points))
    return made


def _nearest(own: int, ids: list[str], places: Sequence[Place]) -> list[str]:
    """The other plants, nearest first; those without a position last, in their own order."""
    latitude, longitude = places[own]

    def distance(i: int) -> float:
        lat, lon = places[i]
        if latitude is None or longitude is None or lat is None or lon is None:
            return np.inf
        east = (lon - longitude + 180) % 360 - 180
        return float(np.hypot(lat - latitude, east * np.cos(np.radians(latitude))))

    return [ids[i] for i in sorted((i for i in range(len(ids)) if i != own), key=distance)]


def _point(run: WeatherRun, place: Place, valid_at_ms: Longs) -> AreaPoint:
    if np.array_equal(run.valid_at_ms, valid_at_ms):
        columns = run.columns
    else:
        at = np.searchsorted(run.valid_at_ms, valid_at_ms)
        at = np.minimum(at, len(run.valid_at_ms) - 1)
        same = run.valid_at_ms[at] == valid_at_ms
        columns = {name: np.where(same, column[at], np.nan) for name, column in run.columns.items()}
    return AreaPoint(run.plant_id, *place, columns)


def _note_hindsight(file: str, runs: list[WeatherRun], problems: Problems) -> None:
    late = sum(1 for run in runs if run.valid_at_ms[-1] <= run.published_at_ms)
    if late:
        problems.note(
            f"{file}: {late} runs were published after all that they speak of; they help no forecast"
        )
