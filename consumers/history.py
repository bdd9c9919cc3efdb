"""What was known at a time, out of PostgreSQL, as training takes it: plants, telemetry, weather runs."""

import io
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
from numpy.typing import NDArray

from consumers.stored import read_plants
from schemas.journal import TelemetryColumns, UnitColumns
from schemas.records import AreaPoint, PlantVersion, WeatherRun

if TYPE_CHECKING:
    from psycopg2.extensions import cursor

Floats = NDArray[np.float64]


class History(NamedTuple):
    """What stands in the tables. Telemetry is in the order of the journal, without ticks and units."""

    plants: list[PlantVersion]
    telemetry: TelemetryColumns
    runs: list[WeatherRun]


def read_history(cursor: "cursor", until_ms: int) -> History:
    """Everything that was known before a time.

    A corrected value counts where the correction was known by then, else the value that was sent first.
    """
    # All three as of one moment: the sink may be writing.
    cursor.execute("set transaction isolation level repeatable read, read only")
    plants = read_plants(cursor, known_before_ms=until_ms)
    return History(plants, _telemetry(cursor, until_ms), _runs(cursor, until_ms))


_SENSORS: Final = ("setpoint_kw", "wind_speed_ms", "temperature_c", "poa_irradiance_w_m2")
_KNOWN: Final = "known_at < timestamptz 'epoch' + {until} * interval '1 millisecond'"
_TELEMETRY: Final = f"""
copy (
    select
        plant_id,
        (extract(epoch from event_time) * 1000)::bigint as event_time_ms,
        (extract(epoch from known_at) * 1000)::bigint as known_at_ms,
        case
            when corrected_at < timestamptz 'epoch' + {{until}} * interval '1 millisecond' then corrected_kw
            else power_kw
        end as power_kw,
        {", ".join(_SENSORS)},
        journal_offset
    from telemetry
    where {_KNOWN}
    order by journal_partition, journal_offset
) to stdout (format csv, header)
"""


def _telemetry(cursor: "cursor", until_ms: int) -> TelemetryColumns:
    text = io.BytesIO()
    cursor.copy_expert(_TELEMETRY.format(until=int(until_ms)), text)
    text.seek(0)
    floats = dict.fromkeys(("power_kw", *_SENSORS), pa.float64())
    longs = dict.fromkeys(("event_time_ms", "known_at_ms", "journal_offset"), pa.int64())
    # A plant called NULL or NaN is a plant.
    options = pa_csv.ConvertOptions(
        column_types={"plant_id": pa.string(), **floats, **longs}, strings_can_be_null=False
    )
    multiline = pa_csv.ParseOptions(newlines_in_values=True)
    return _columns(pa_csv.read_csv(text, convert_options=options, parse_options=multiline))


def _columns(rows: pa.Table) -> TelemetryColumns:
    ids = rows.column("plant_id").chunks
    coded = (pa.concat_arrays(ids) if ids else pa.array([], pa.string())).dictionary_encode()
    power_kw = _floats(rows, "power_kw")
    return TelemetryColumns(
        offset=_longs(rows, "journal_offset"),
        plant=coded.indices.to_numpy(zero_copy_only=False).astype(np.int32),
        plant_ids=coded.dictionary.to_pylist(),
        event_time_ms=_longs(rows, "event_time_ms"),
        known_at_ms=_longs(rows, "known_at_ms"),
        is_tick=np.zeros(len(rows), np.bool_),
        power_given=~np.isnan(power_kw),
        power_kw=power_kw,
        units=UnitColumns.empty(),
        **{name: _floats(rows, name) for name in _SENSORS},
    )


def _floats(rows: pa.Table, name: str) -> Floats:
    return np.array(rows.column(name).to_numpy(), dtype=np.float64)


def _longs(rows: pa.Table, name: str) -> NDArray[np.int64]:
    return np.array(rows.column(name).to_numpy(), dtype=np.int64)


_RUNS_AT_ONCE: Final = 200
_RUNS: Final = f"""
select
    plant_id,
    source,
    (extract(epoch from published_at) * 1000)::bigint,
    (extract(epoch from known_at) * 1000)::bigint,
    array_send(valid_at),
    column_names,
    array_send(column_values),
    point_ids,
    array_send(point_latitudes),
    array_send(point_longitudes),
    point_column_counts,
    point_column_names,
    array_send(point_column_values)
from weather_runs
where {_KNOWN}
order by journal_partition, journal_offset
"""


def _runs(cursor: "cursor", until_ms: int) -> list[WeatherRun]:
    with cursor.connection.cursor("runs") as some:
        some.itersize = _RUNS_AT_ONCE
        some.execute(_RUNS.format(until=int(until_ms)))
        return [_run(row) for row in some]


def _run(row: tuple[Any, ...]) -> WeatherRun:
    plant_id, source, published_at_ms, known_at_ms, valid_at, names, values, *points = row
    valid_at_ms = _array(valid_at, ">i8") // 1000 + _EPOCH_2000_MS
    size = len(valid_at_ms)
    return WeatherRun(
        plant_id=plant_id,
        source=source,
        published_at_ms=published_at_ms,
        known_at_ms=known_at_ms,
        valid_at_ms=valid_at_ms.astype(np.int64),
        columns=_cut(names, _array(values, ">f8"), size),
        points=_points(size, *points),
        journaled=True,
    )


def _points(
    size: int,
    ids: list[str],
    latitudes: memoryview,
    longitudes: memoryview,
    counts: list[int],
    names: list[str],
    values: memoryview,
) -> tuple[AreaPoint, ...]:
    places = np.cumsum([0, *counts]).tolist()
    flat = _array(values, ">f8")
    where = zip(_array(latitudes, ">f8").tolist(), _array(longitudes, ">f8").tolist(), strict=True)
    return tuple(
        AreaPoint(
            point_id=point_id,
            latitude=_or_none(latitude),
            longitude=_or_none(longitude),
            columns=_cut(names[start:end], flat[start * size : end * size], size),
        )
        for point_id, (latitude, longitude), start, end in zip(ids, where, places, places[1:], strict=False)
    )


def _cut(names: list[str], flat: NDArray[Any], size: int) -> dict[str, Floats]:
    return {name: flat[place * size :][:size].astype(np.float64) for place, name in enumerate(names)}


_EPOCH_2000_MS: Final = 946_684_800_000
_HEAD_BYTES: Final = 20


def _array(sent: memoryview, dtype: str) -> NDArray[Any]:
    """The elements of an array in PostgreSQL's binary form; as the sink writes it, without nulls."""
    element = np.dtype([("size", ">i4"), ("value", dtype)])
    body = bytes(sent)[_HEAD_BYTES:]  # empty for an empty array, whose head is shorter
    return np.frombuffer(body, element)["value"]


def _or_none(value: float) -> float | None:
    return None if np.isnan(value) else value
