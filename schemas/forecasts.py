"""A block of forecasts of one shape as columns, what identifies each of them, and their payloads."""

from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from schemas.codec import Codec

Floats = NDArray[np.float64]
Longs = NDArray[np.int64]

_MEDIAN = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class ForecastBlock:
    """N forecasts with S steps and K levels, numbers as published (kW, milliseconds UTC, seconds).

    `valid_at_ms` i8[N,S] is the end of the interval of `interval_s` i4[N,S]; `rung` i1[N,S]: 0 both inputs,
    1 weather only, 2 telemetry only, 3 climatology. `power_kw` f8[N,S,K] at `levels` f8[K].
    `available_kw` f8[N,S] is the median before limits and outages. `telemetry_offset`, `telemetry_at_ms` and
    `run_published_at_ms` are -1 where there was none; qualities are NaN where unknown.
    """

    plant_id: list[str]
    issued_at_ms: Longs
    known_at_ms: Longs
    model: list[str]
    version: list[str]
    release_sha256: list[str]
    plant_valid_from_ms: Longs
    capacity_kw: Floats
    valid_at_ms: Longs
    interval_s: NDArray[np.int32]
    rung: NDArray[np.int8]
    levels: Floats
    power_kw: Floats
    available_kw: Floats
    telemetry_offset: Longs
    telemetry_at_ms: Longs
    run_source: list[str | None]
    run_published_at_ms: Longs
    telemetry_quality: Floats
    weather_quality: Floats
    stale: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.plant_id)


def merged(blocks: Iterable[ForecastBlock]) -> list[ForecastBlock]:
    """Blocks of one shape joined, in the order given: encoding a block costs as much as 50 of its rows."""
    alike: dict[tuple[int, ...], list[ForecastBlock]] = {}
    for block in blocks:
        alike.setdefault(block.power_kw.shape[1:], []).append(block)
    return [group[0] if len(group) == 1 else _joined(group) for group in alike.values()]


def _joined(blocks: list[ForecastBlock]) -> ForecastBlock:
    values: dict[str, Any] = {}
    for one in fields(ForecastBlock):
        parts = [getattr(block, one.name) for block in blocks]
        if one.name == "levels":
            values[one.name] = parts[0]
        elif isinstance(parts[0], list):
            values[one.name] = [value for part in parts for value in part]
        else:
            values[one.name] = np.concatenate(parts)
    return ForecastBlock(**values)


def forecast_ids(block: ForecastBlock) -> list[str]:
    """What identifies each forecast, for the header `id`: `plant|issued_at|model|version`."""
    issued_at = np.datetime_as_string(block.issued_at_ms.astype("M8[ms]"), unit="s")
    parts = zip(block.plant_id, issued_at.tolist(), block.model, block.version, strict=True)
    return [f"{plant}|{at}Z|{model}|{version}" for plant, at, model, version in parts]


def encode_forecasts(codec: Codec, block: ForecastBlock) -> list[bytes]:
    """A payload for each forecast of the block, in its order.

    Raises:
        EncodeError: the columns do not fit together.
    """
    return codec.encode_arrow("Forecast", forecast_batch(block))


def forecast_batch(block: ForecastBlock) -> pa.RecordBatch:
    """The block as Arrow columns with the fields of `Forecast`."""
    columns: dict[str, Any] = {
        "plant_id": block.plant_id,
        "issued_at": block.issued_at_ms,
        "known_at": block.known_at_ms,
        "model": block.model,
        "version": block.version,
        "release_sha256": block.release_sha256,
        "plant_valid_from": block.plant_valid_from_ms,
        "capacity_kw": block.capacity_kw,
        "valid_at": _rows(block.valid_at_ms),
        "interval_s": _rows(block.interval_s.astype(np.int32)),
        "rung": _rows(block.rung.astype(np.int32)),
        "levels": _rows(np.tile(block.levels, (len(block), 1))),
        "power_kw": _rows(block.power_kw),
        "available_kw": _available(block),
        "telemetry_offset": block.telemetry_offset,
        "telemetry_at": pa.array(block.telemetry_at_ms, mask=block.telemetry_at_ms < 0),
        "run_source": pa.array(block.run_source, pa.string()),
        "run_published_at": pa.array(block.run_published_at_ms, mask=block.run_published_at_ms < 0),
        "telemetry_quality": pa.array(block.telemetry_quality, mask=np.isnan(block.telemetry_quality)),
        "weather_quality": pa.array(block.weather_quality, mask=np.isnan(block.weather_quality)),
        "stale": block.stale,
    }
    return pa.RecordBatch.from_pydict(columns)


def _rows(values: NDArray[Any]) -> pa.ListArray:
    """An array (n, ...) as n lists, row by row."""
    count, width = len(values), int(np.prod(values.shape[1:]))
    offsets = np.arange(count + 1, dtype=np.int32) * np.int32(width)
    return pa.ListArray.from_arrays(offsets, np.ascontiguousarray(values).reshape(-1))


def _available(block: ForecastBlock) -> pa.ListArray:
    """Rows of `available_kw`, empty where they are the published medians."""
    said = _differs_from_median(block)
    width = block.available_kw.shape[1]
    offsets = np.concatenate(([0], np.cumsum(said * width))).astype(np.int32)
    return pa.ListArray.from_arrays(offsets, np.ascontiguousarray(block.available_kw[said]).reshape(-1))


def _differs_from_median(block: ForecastBlock) -> NDArray[np.bool_]:
    at = np.flatnonzero(np.isclose(block.levels, _MEDIAN))
    if not len(at):
        return np.ones(len(block), np.bool_)
    differs: NDArray[np.bool_] = (block.available_kw != block.power_kw[:, :, at[0]]).any(axis=1)
    return differs
