"""A stretch of a folder's journal as payloads: telemetry and ticks by columns, the rest one by one."""

from __future__ import annotations

from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from producers.order import Journal, Kind
from producers.table import Floats, Longs
from producers.telemetry_file import TelemetryRows, UnitRows
from schemas.codec import Codec

_FIELDS: Final = (
    "power_kw",
    "setpoint_kw",
    "wind_speed_ms",
    "wind_direction_deg",
    "temperature_c",
    "module_temperature_c",
    "poa_irradiance_w_m2",
)


def payloads(journal: Journal, codec: Codec, places: Longs) -> list[bytes]:
    """The payloads of the records at some places, in the order of `places`."""
    made: list[bytes] = [b""] * len(places)
    kind = journal.kind[places]
    for which in Kind:
        at = np.flatnonzero(kind == which)
        if not at.size:
            continue
        for place, payload in zip(at, _of_kind(journal, codec, which, places[at]), strict=True):
            made[place] = payload
    return made


def _of_kind(journal: Journal, codec: Codec, kind: Kind, places: Longs) -> list[bytes]:
    index = journal.index[places]
    if kind is Kind.TELEMETRY:
        batch = telemetry_batch(
            journal.folder.telemetry, journal.folder.units, journal.folder.plant_ids, index
        )
        return codec.encode_arrow("Telemetry", batch)
    if kind is Kind.TICK:
        return codec.encode_arrow("Tick", _tick_batch(journal, index))
    name = "PlantVersion" if kind is Kind.PLANT else "WeatherRun"
    return codec.encode(name, [journal.control(place).to_avro() for place in places.tolist()])


def _tick_batch(journal: Journal, index: Longs) -> pa.RecordBatch:
    ticks = journal.ticks
    columns = {
        "plant_id": _names(ticks.plant[index], journal.folder.plant_ids),
        "event_time": _times(ticks.event_time_ms[index]),
        "known_at": _times(ticks.known_at_ms[index]),
    }
    return pa.RecordBatch.from_pydict(columns)


def telemetry_batch(
    telemetry: TelemetryRows, units: UnitRows, plant_ids: list[str], index: Longs
) -> pa.RecordBatch:
    """Some rows of a telemetry file as a batch whose columns are the fields of `Telemetry`."""
    columns: dict[str, pa.Array] = {
        "plant_id": _names(telemetry.plant[index], plant_ids),
        "event_time": _times(telemetry.event_time_ms[index]),
        "known_at": _times(telemetry.known_at_ms[index]),
    }
    for name in _FIELDS:
        if name in telemetry.numbers:
            columns[name] = _numbers(telemetry.numbers[name][index])
    if telemetry.status is not None:
        columns["status"] = pa.array([telemetry.status[i] for i in index.tolist()], pa.string())
    if len(units.readings):
        columns["units"] = _units(units, index)
    extra = {name: values[index] for name, values in telemetry.numbers.items() if name not in _FIELDS}
    if extra:
        columns["other"] = _other(extra, len(index))
    return pa.RecordBatch.from_pydict(columns)


def _units(units: UnitRows, index: Longs) -> pa.ListArray:
    readings = units.readings
    first = np.searchsorted(readings.row, index)
    counts = np.searchsorted(readings.row, index, side="right") - first
    offsets = np.concatenate([[0], np.cumsum(counts)])
    source = np.repeat(first - offsets[:-1], counts) + np.arange(offsets[-1])
    fields = {
        "unit_id": _names(readings.unit[source], readings.unit_ids),
        "power_kw": _numbers(readings.power_kw[source]),
        "wind_speed_ms": _numbers(readings.wind_speed_ms[source]),
        "status": pa.array(_some(units.status, source), pa.string()),
    }
    values = pa.StructArray.from_arrays(list(fields.values()), names=list(fields))
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), values)


def _some(status: list[str | None] | None, source: Longs) -> list[str | None]:
    return [None] * len(source) if status is None else [status[i] for i in source.tolist()]


def _other(extra: dict[str, Floats], size: int) -> pa.ListArray:
    """Every finite value of the columns that have no field of their own, row by row."""
    values = np.stack(list(extra.values()), axis=1)
    there = np.isfinite(values)
    offsets = np.concatenate([[0], np.cumsum(there.sum(axis=1))])
    which = np.broadcast_to(np.arange(len(extra)), (size, len(extra)))[there]
    fields = {"name": _names(which, list(extra)), "value": pa.array(values[there], pa.float64())}
    structs = pa.StructArray.from_arrays(list(fields.values()), names=list(fields))
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), structs)


def _names(codes: NDArray[np.integer], names: list[str]) -> pa.Array:
    indices = pa.array(codes.astype(np.int32))
    return pa.DictionaryArray.from_arrays(indices, pa.array(names, pa.string())).cast(pa.string())


def _numbers(values: Floats) -> pa.Array:
    return pa.array(values, pa.float64(), mask=np.isnan(values))


def _times(values: Longs) -> pa.Array:
    return pa.array(values, pa.timestamp("ms", tz="UTC"))
