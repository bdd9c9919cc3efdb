"""Records to rows: the columns of a table as cells of COPY.

Pure: what comes out depends on the records alone. A record that no table can hold raises `RecordRefused`; the
caller finds out which one it was by offering fewer.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from consumers import copy_binary as cell
from consumers import tables
from consumers.copy_binary import Cells
from consumers.tables import Table
from schemas.errors import Reason, RecordRefused
from schemas.journal import TelemetryColumns
from schemas.records import PlantVersion, ReleaseRecord, WeatherRun

Record = Mapping[str, Any]
Placed = tuple[int, Any]

FIRST_MONTH: Final = (2000 - 1970) * 12
LAST_MONTH: Final = (2100 - 1970) * 12


@dataclass(frozen=True)
class Rows:
    """Rows for one table: cells of each column, and the months (since 1970-01) that they fall into."""

    table: Table
    cells: tuple[Cells, ...]
    months: frozenset[int]

    def __len__(self) -> int:
        return len(self.cells[0])

    def take(self, places: Sequence[int] | NDArray[np.int64]) -> "Rows":
        """The rows at `places`."""
        taken = pa.array(places, pa.int64())
        return Rows(self.table, tuple(column.take(taken) for column in self.cells), self.months)

    @staticmethod
    def concat(parts: "Sequence[Rows]") -> "Rows":
        """All rows of the parts, which are of one table."""
        if len(parts) == 1:
            return parts[0]
        columns = zip(*(part.cells for part in parts), strict=True)
        cells = tuple(pa.concat_arrays(column) for column in columns)
        return Rows(parts[0].table, cells, frozenset[int]().union(*(part.months for part in parts)))

    def column(self, name: str) -> Cells:
        """The cells of one column."""
        return self.cells[self.table.names.index(name)]


def from_records(table: Table, records: Sequence[Record]) -> Rows:
    """Rows of Avro records whose fields are named as the table's columns; times in milliseconds UTC.

    Raises:
        RecordRefused: a value that PostgreSQL cannot hold, or a time outside 2000 to 2099.
    """
    cells = tuple(
        _MAKERS[pg_type]([record[name] for record in records]) for name, pg_type in table.columns.items()
    )
    times_ms = [record[table.month_of] for record in records] if table.month_of else []
    return Rows(table, cells, months_of(table, times_ms))


def from_telemetry(rows: TelemetryColumns, partition: int) -> Rows:
    """Rows of accepted telemetry, n of them in offset order; ticks must not be among them."""
    counts = np.bincount(rows.units.row, minlength=len(rows)).astype(np.int64)
    columns: dict[str, Cells] = {
        "plant_id": cell.words(rows.plant, rows.plant_ids),
        "event_time": cell.numbers("timestamptz", rows.event_time_ms),
        "known_at": cell.numbers("timestamptz", rows.known_at_ms),
        "unit_ids": cell.word_arrays(cell.words(rows.units.unit, rows.units.unit_ids), counts),
        "unit_power_kw": cell.number_arrays("double precision", rows.units.power_kw, counts),
        "unit_wind_speed_ms": cell.number_arrays("double precision", rows.units.wind_speed_ms, counts),
        "journal_partition": cell.numbers("integer", np.full(len(rows), partition)),
        "journal_offset": cell.numbers("bigint", rows.offset),
    }
    for name in ("power_kw", "setpoint_kw", "wind_speed_ms", "temperature_c", "poa_irradiance_w_m2"):
        columns[name] = cell.nullable_floats(getattr(rows, name))
    return _in_order(tables.TELEMETRY, columns, rows.event_time_ms)


def from_plants(plants: Sequence[tuple[int, PlantVersion]], partition: int) -> Rows:
    """Rows of plant versions with their journal offsets."""
    return from_records(tables.PLANTS, [one.to_avro() | _place(partition, at) for at, one in plants])


def from_releases(releases: Sequence[ReleaseRecord]) -> Rows:
    """Rows of releases."""
    return from_records(
        tables.RELEASES, [one.to_avro() | {"manifest": _manifest(one.manifest)} for one in releases]
    )


def from_runs(runs: Sequence[tuple[int, WeatherRun]], partition: int) -> Rows:
    """Rows of weather runs with their journal offsets."""
    records = [_run_record(run) | _place(partition, at) for at, run in runs]
    return from_records(tables.WEATHER_RUNS, records)


def _run_record(run: WeatherRun) -> dict[str, Any]:
    point_columns = [column for point in run.points for column in point.columns.items()]
    return {
        "plant_id": run.plant_id,
        "source": run.source,
        "published_at": run.published_at_ms,
        "known_at": run.known_at_ms,
        "valid_at": run.valid_at_ms,
        "column_names": list(run.columns),
        "column_values": _joined(list(run.columns.values())),
        "point_ids": [point.point_id for point in run.points],
        "point_latitudes": [_or_nan(point.latitude) for point in run.points],
        "point_longitudes": [_or_nan(point.longitude) for point in run.points],
        "point_column_counts": [len(point.columns) for point in run.points],
        "point_column_names": [name for name, _ in point_columns],
        "point_column_values": _joined([values for _, values in point_columns]),
    }


def _joined(columns: list[NDArray[np.float64]]) -> NDArray[np.float64]:
    return np.concatenate(columns) if columns else np.empty(0)


def _or_nan(value: float | None) -> float:
    return float("nan") if value is None else value


def _place(partition: int, offset: int) -> dict[str, int]:
    return {"journal_partition": partition, "journal_offset": offset}


def _manifest(text: str) -> Any:
    """The manifest as JSON; one that is no JSON is kept as a JSON string: no release is dropped for it."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def _in_order(table: Table, columns: Mapping[str, Cells], month_of_ms: NDArray[np.int64]) -> Rows:
    return Rows(table, tuple(columns[name] for name in table.names), months_of(table, month_of_ms))


def months_of(table: Table, times_ms: Sequence[int] | NDArray[np.int64]) -> frozenset[int]:
    """The partitions of these times: months since 1970-01; none for a table without partitions."""
    if table.month_of is None:
        return frozenset()
    times = np.asarray(times_ms, dtype=np.int64).astype("datetime64[ms]")
    months = np.unique(times.astype("datetime64[M]").astype(np.int64))
    if len(months) and (months[0] < FIRST_MONTH or months[-1] >= LAST_MONTH):
        raise RecordRefused(Reason.POISON, f"{table.month_of} is not between 2000 and 2099")
    return frozenset(months.tolist())


def _number_cells(pg_type: str) -> Callable[[list[Any]], Cells]:
    def make(values: list[Any]) -> Cells:
        missing = np.array([value is None for value in values], dtype=np.bool_)
        return cell.numbers(pg_type, _array([0 if value is None else value for value in values]), missing)

    return make


def _float_cells(values: list[float | None]) -> Cells:
    return cell.nullable_floats(np.array(values, dtype=np.float64))


def _array_cells(pg_type: str) -> Callable[[list[Any]], Cells]:
    dtype = np.float64 if pg_type == "double precision" else np.int64

    def make(values: list[Sequence[Any]]) -> Cells:
        lengths = np.array([len(row) for row in values], dtype=np.int64)
        flat = np.fromiter(chain.from_iterable(values), dtype, count=int(lengths.sum()))
        return cell.number_arrays(pg_type, flat, lengths)

    return make


def _array(values: list[int]) -> NDArray[np.int64]:
    try:
        return np.array(values, dtype=np.int64)
    except OverflowError as error:
        raise RecordRefused(Reason.POISON, "a number has more than 64 bits") from error


_MAKERS: Final[Mapping[str, Callable[[list[Any]], Cells]]] = {
    "text": cell.texts,
    "bytea": cell.blobs,
    "jsonb": cell.documents,
    "text[]": cell.text_arrays,
    "double precision": _float_cells,
    **{name: _number_cells(name) for name in ("bigint", "integer", "smallint", "boolean", "timestamptz")},
    **{
        f"{name}[]": _array_cells(name)
        for name in ("double precision", "integer", "smallint", "boolean", "timestamptz")
    },
}
