"""Arrow batches of `WeatherRun` records as `WeatherRun` objects: thousands of numbers each, few names."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from schemas.errors import DecodeError
from schemas.records import AreaPoint, WeatherRun, checked_columns

Floats = NDArray[np.float64]
Longs = NDArray[np.int64]


def weather_runs(batch: pa.RecordBatch) -> list[WeatherRun | DecodeError]:
    """One run for each row, or why it is none; the batch has all of today's fields."""
    valid_at = _Lists.of(batch.column("valid_at"))
    times_ms: Longs = valid_at.items.to_numpy()
    columns, points = _Columns.of(batch.column("columns")), _Points.of(batch.column("points"))
    plain = batch.select(["plant_id", "source", "published_at", "known_at", "journaled"]).to_pylist()
    runs: list[WeatherRun | DecodeError] = []
    for row, record in enumerate(plain):
        own_times_ms = times_ms[valid_at.of_row(row)].copy()
        try:
            runs.append(_run(record, own_times_ms, columns, points, row))
        except DecodeError as error:
            runs.append(error)
    return runs


def _run(
    record: dict[str, Any], valid_at_ms: Longs, columns: "_Columns", points: "_Points", row: int
) -> WeatherRun:
    return WeatherRun(
        plant_id=record["plant_id"],
        source=record["source"],
        published_at_ms=record["published_at"],
        known_at_ms=record["known_at"],
        valid_at_ms=valid_at_ms,
        columns=columns.of_row(row, len(valid_at_ms)),
        points=points.of_row(row, len(valid_at_ms)),
        journaled=record["journaled"],
    )


@dataclass(frozen=True, slots=True)
class _Lists:
    """A list column: where each row's items stand, and the items."""

    offsets: list[int]
    items: pa.Array

    @classmethod
    def of(cls, column: pa.ListArray) -> Self:
        # pyarrow has no offsets for a column without rows.
        offsets = column.offsets.to_pylist() if len(column) else [0]
        return cls(offsets, column.values)

    def of_row(self, row: int) -> slice:
        return slice(self.offsets[row], self.offsets[row + 1])


@dataclass(frozen=True, slots=True)
class _Columns:
    """All weather columns of all rows."""

    rows: _Lists
    names: list[str]
    values: _Lists
    numbers: Floats

    @classmethod
    def of(cls, column: pa.ListArray) -> Self:
        rows = _Lists.of(column)
        values = _Lists.of(rows.items.field("values"))
        numbers: Floats = values.items.to_numpy(zero_copy_only=False)
        return cls(rows, rows.items.field("name").to_pylist(), values, numbers)

    def of_row(self, row: int, size: int) -> dict[str, Floats]:
        """Copied, so that a run that is kept does not keep its whole batch."""
        which = range(*self.rows.of_row(row).indices(len(self.names)))
        return checked_columns(((self.names[at], self._copied(at)) for at in which), size)

    def _copied(self, at: int) -> Floats:
        return self.numbers[self.values.of_row(at)].copy()


@dataclass(frozen=True, slots=True)
class _Points:
    """All area points of all rows."""

    rows: _Lists
    plain: list[dict[str, Any]]
    columns: _Columns

    @classmethod
    def of(cls, column: pa.ListArray) -> Self:
        rows = _Lists.of(column)
        names = ("point_id", "latitude", "longitude")
        plain = pa.RecordBatch.from_arrays([rows.items.field(name) for name in names], names).to_pylist()
        return cls(rows, plain, _Columns.of(rows.items.field("columns")))

    def of_row(self, row: int, size: int) -> tuple[AreaPoint, ...]:
        which = range(*self.rows.of_row(row).indices(len(self.plain)))
        return tuple(AreaPoint(**self.plain[at], columns=self.columns.of_row(at, size)) for at in which)
