"""Arrow batches of `Telemetry` and `Tick` records, of any version, as `TelemetryColumns`."""

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from schemas.ids import Definition, today
from schemas.journal import TelemetryColumns, UnitColumns

Floats = NDArray[np.float64]
Longs = NDArray[np.int64]
Ints = NDArray[np.int32]


def projectable(written: Definition, wanted: Definition) -> bool:
    """Whether columns of the written schema say, by name, all that the wanted one asks for.

    A wanted field that was not written must have null or nothing in it by default: that is what
    `telemetry_columns` puts there. Renamed fields (aliases) and changed types are not for columns.
    """
    by_name = {field["name"]: field for field in written["fields"]}
    return all(_projectable_field(by_name.get(field["name"]), field) for field in wanted["fields"])


def _projectable_field(written: Definition | None, wanted: Definition) -> bool:
    if written is None:
        return "aliases" not in wanted and wanted.get("default", 0) in (None, [])
    return written["type"] == wanted["type"] or _projectable_items(written["type"], wanted["type"])


def _projectable_items(written: Any, wanted: Any) -> bool:
    """Arrays of records may differ in the same ways as the record around them."""
    if not (isinstance(written, dict) and isinstance(wanted, dict)):
        return False
    if written["type"] != "array" or wanted["type"] != "array":
        return False
    items = (written["items"], wanted["items"])
    are_records = all(isinstance(item, dict) and item["type"] == "record" for item in items)
    return are_records and projectable(*items)


def telemetry_columns(batch: pa.RecordBatch, offsets: Longs, is_tick: bool) -> TelemetryColumns:
    """The rows of a batch with their journal offsets i8[n]; what was not written is missing."""
    size = batch.num_rows
    plant, plant_ids = _indexed(batch.column("plant_id"))
    power_kw = _column(batch, "power_kw")
    return TelemetryColumns(
        offset=offsets,
        plant=plant,
        plant_ids=plant_ids,
        event_time_ms=_times(batch.column("event_time")),
        known_at_ms=_times(batch.column("known_at")),
        is_tick=np.full(size, is_tick),
        power_given=_given(power_kw, size),
        power_kw=_floats(power_kw, size),
        setpoint_kw=_floats(_column(batch, "setpoint_kw"), size),
        wind_speed_ms=_floats(_column(batch, "wind_speed_ms"), size),
        temperature_c=_floats(_column(batch, "temperature_c"), size),
        poa_irradiance_w_m2=_floats(_column(batch, "poa_irradiance_w_m2"), size),
        units=_unit_columns(_column(batch, "units")),
    )


def _unit_columns(units: pa.ListArray | None) -> UnitColumns:
    if units is None or not len(units):
        return UnitColumns.empty()
    offsets = units.offsets.to_numpy()
    readings = units.values.slice(int(offsets[0]), int(offsets[-1] - offsets[0]))
    if not len(readings):
        return UnitColumns.empty()
    fields = dict(zip((field.name for field in readings.type), readings.flatten(), strict=True))
    unit, unit_ids = _indexed(fields["unit_id"])
    return UnitColumns(
        row=np.repeat(np.arange(len(units), dtype=np.int32), np.diff(offsets)),
        unit=unit,
        unit_ids=unit_ids,
        power_kw=_floats(fields.get("power_kw"), len(readings)),
        wind_speed_ms=_floats(fields.get("wind_speed_ms"), len(readings)),
    )


def _column(batch: pa.RecordBatch, name: str) -> pa.Array | None:
    index = batch.schema.get_field_index(name)
    return None if index < 0 else batch.column(index)


def _indexed(names: pa.Array) -> tuple[Ints, list[str]]:
    coded = names.dictionary_encode()
    return coded.indices.to_numpy(), coded.dictionary.to_pylist()


def _times(column: pa.Array) -> Longs:
    times: Longs = column.to_numpy()
    return times


def _given(column: pa.Array | None, size: int) -> NDArray[np.bool_]:
    if column is None:
        return np.zeros(size, np.bool_)
    given: NDArray[np.bool_] = column.is_valid().to_numpy(zero_copy_only=False)
    return given


def _floats(column: pa.Array | None, size: int) -> Floats:
    if column is None or column.null_count == size:
        return np.full(size, np.nan)
    values: Floats = column.to_numpy(zero_copy_only=False)
    return values


def is_projectable(name: str, written: Definition) -> bool:
    """Whether `telemetry_columns` can take batches of this version of a record."""
    return projectable(written, today(name))
