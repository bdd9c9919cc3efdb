"""Small journals of made-up plants, as columns: for tests of the engine that need no server."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from models.outputs import Outputs
from schemas.journal import Control, JournalBatch, TelemetryColumns, UnitColumns
from schemas.records import PlantKind, PlantVersion, WeatherRun

T0_MS = 1_400_000_400_000 // 3_600_000 * 3_600_000
MINUTE_MS = 60_000

Item = (
    tuple[str, int, float | None, int] | Control
)  # (plant, event_time_ms, power_kw, known_at_ms) or a control


def plant(plant_id: str, **known: object) -> PlantVersion:
    """A wind farm of 1000 kW at 15 min unless told."""
    base = PlantVersion(plant_id, 0, 0, PlantKind.WIND, 1000.0, 900)
    return replace(base, **known)  # type: ignore[arg-type]  # the test names fields of the record


def scan(plant_id: str, minute: float, power_kw: float | None, known_minute: float | None = None) -> Item:
    """One scan, minutes after `T0_MS`."""
    known = minute if known_minute is None else known_minute
    return plant_id, T0_MS + int(minute * MINUTE_MS), power_kw, T0_MS + int(known * MINUTE_MS)


def tick(plant_id: str, minute: float) -> Item:
    """A tick: time passes and nothing is measured."""
    return plant_id, T0_MS + int(minute * MINUTE_MS), None, -1


def run(plant_id: str, minute: float, hours: int = 60, speed_ms: float = 8.0) -> WeatherRun:
    """A weather run of constant wind from its publication on."""
    published = T0_MS + int(minute * MINUTE_MS)
    valid = (published // 3_600_000 + np.arange(1, hours + 1)) * 3_600_000
    columns = {
        "wind_speed_100m_ms": np.full(hours, speed_ms),
        "wind_direction_100m_deg": np.full(hours, 200.0),
    }
    return WeatherRun(plant_id, "test", published, published, valid, columns)


def batches(items: Iterable[Item], sizes: Iterable[int], first_offset: int = 0) -> list[JournalBatch]:
    """The items as journal batches of these sizes (the last one repeated)."""
    rest, made, offset = list(items), [], first_offset
    turn = iter(sizes)
    size = 1
    while rest:
        size = next(turn, size)
        made.append(_batch(rest[:size], offset))
        rest, offset = rest[size:], offset + len(rest[:size])
    return made


def _batch(items: list[Item], first: int) -> JournalBatch:
    rows = [(first + i, item) for i, item in enumerate(items) if isinstance(item, tuple)]
    controls = [(first + i, item) for i, item in enumerate(items) if not isinstance(item, tuple)]
    return JournalBatch(
        "plant.telemetry", 0, _columns(rows), controls, [], first + len(items) - 1, 0, len(items)
    )


def _columns(rows: list[tuple[int, tuple[str, int, float | None, int]]]) -> TelemetryColumns:
    ids = sorted({item[0] for _, item in rows})
    is_tick = np.array([item[3] < 0 for _, item in rows], np.bool_)
    stamps = np.array([item[1] for _, item in rows], np.int64)
    known = np.array([item[3] for _, item in rows], np.int64)
    power = np.array([np.nan if item[2] is None else item[2] for _, item in rows], np.float64)
    given = np.array([item[2] is not None for _, item in rows], np.bool_)
    missing = np.full(len(rows), np.nan)
    return TelemetryColumns(
        offset=np.array([offset for offset, _ in rows], np.int64),
        plant=np.array([ids.index(item[0]) for _, item in rows], np.int32),
        plant_ids=ids,
        event_time_ms=stamps,
        known_at_ms=np.where(is_tick, stamps + MINUTE_MS, known),
        is_tick=is_tick,
        power_given=given,
        power_kw=power,
        setpoint_kw=missing,
        wind_speed_ms=missing,
        temperature_c=missing,
        poa_irradiance_w_m2=missing,
        units=UnitColumns.empty(),
    )


Numbers = dict[tuple[str, int], tuple[bytes, bytes, str]]


def numbers(outputs: Iterable[Outputs]) -> Numbers:
    """What was published for each (plant, issue): power, rungs and release, to the bit."""
    made: Numbers = {}
    for out in outputs:
        for block in out.forecasts:
            for i, plant_id in enumerate(block.plant_id):
                key = plant_id, int(block.issued_at_ms[i])
                assert key not in made, f"issued twice: {key}"
                made[key] = block.power_kw[i].tobytes(), block.rung[i].tobytes(), block.model[i]
    return made
