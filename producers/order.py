"""The one order of a folder's records: by when they were known.

At equal times plants come before weather, weather before telemetry, telemetry before ticks; within a kind the
order of the files stands. What is published and what a backtest feeds to the engine is this one order.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from infra.topics import JOURNAL
from producers.folder import Folder
from producers.table import Ints, Longs
from producers.ticks import Ticks
from schemas.journal import JournalBatch, TelemetryColumns, UnitColumns
from schemas.records import PlantVersion, WeatherRun

#: Offsets count by two, so that a backtest can put a release between any two records.
OFFSET_STEP: Final = 2
_NO_TIME: Final = -1


class Kind(IntEnum):
    """What stands at a place of the order; the value ranks kinds at equal times."""

    PLANT = 0
    RUN = 1
    TELEMETRY = 2
    TICK = 3


@dataclass(frozen=True)
class Journal:
    """n records in the order in which they were known.

    `kind` i1[n]; `index` i8[n] points into the folder's plants, runs, telemetry rows or the ticks; `rows` are
    all telemetry rows and ticks in order, `rows_before` i8[n+1] counts those before each place.
    """

    folder: Folder
    ticks: Ticks
    kind: NDArray[np.int8]
    index: Longs
    known_at_ms: Longs
    rows: TelemetryColumns
    rows_before: Longs

    def __len__(self) -> int:
        return len(self.kind)

    def place_of(self, known_at_ms: int) -> int:
        """The place of the first record known at a time or later."""
        return int(np.searchsorted(self.known_at_ms, known_at_ms))

    def control(self, place: int) -> PlantVersion | WeatherRun:
        """The plant version or run at a place."""
        index = int(self.index[place])
        return self.folder.plants[index] if self.kind[place] == Kind.PLANT else self.folder.runs[index]

    def plant_at(self, place: int) -> str:
        """The plant that the record at a place is of."""
        if self.kind[place] >= Kind.TELEMETRY:
            return self.rows.plant_ids[int(self.rows.plant[self.rows_before[place]])]
        return self.control(place).plant_id

    def plants_before(self, place: int) -> Longs:
        """Places of the plant versions before a place."""
        return np.flatnonzero(self.kind[:place] == Kind.PLANT)

    def columns(self, start: int, stop: int) -> TelemetryColumns:
        """Telemetry and ticks from place `start` up to `stop`."""
        return _slice(self.rows, int(self.rows_before[start]), int(self.rows_before[stop]))

    def standing(self, known_at_ms: int) -> JournalBatch:
        """The plant versions known before a time, and the runs that speak of that time or later."""
        places = np.flatnonzero(self.kind[: self.place_of(known_at_ms)] <= Kind.RUN)
        places = places[np.array([self._stands(place, known_at_ms) for place in places.tolist()], np.bool_)]
        last = int(places[-1]) if places.size else _NO_TIME
        return self._made(TelemetryColumns.empty(), places, last, places.size)

    def _stands(self, place: int, at_ms: int) -> bool:
        control = self.control(place)
        return isinstance(control, PlantVersion) or bool(control.valid_at_ms[-1] >= at_ms)

    def between(self, from_ms: int, to_ms: int, size: int = 5000) -> Iterator[JournalBatch]:
        """What became known in [from, to), in batches of at most `size` records."""
        return self.batches(self.place_of(from_ms), self.place_of(to_ms), size)

    def room_before(self, known_at_ms: int) -> int:
        """The free offset before the first record known at a time or later."""
        return OFFSET_STEP * self.place_of(known_at_ms) - 1

    def batches(self, start: int, stop: int, size: int) -> Iterator[JournalBatch]:
        """The records from place `start` up to `stop`, in batches of at most `size`."""
        for first in range(start, stop, size):
            yield self._batch(first, min(first + size, stop))

    def _batch(self, start: int, stop: int) -> JournalBatch:
        controls = np.flatnonzero(self.kind[start:stop] <= Kind.RUN) + start
        return self._made(self.columns(start, stop), controls, stop - 1, stop - start)

    def _made(self, rows: TelemetryColumns, controls: Longs, last: int, size: int) -> JournalBatch:
        return JournalBatch(
            topic=JOURNAL,
            partition=0,
            telemetry=rows,
            controls=[(OFFSET_STEP * place, self.control(place)) for place in controls.tolist()],
            bad=[],
            last_offset=OFFSET_STEP * last if last >= 0 else _NO_TIME,
            known_at_ms=int(self.known_at_ms[last]) if last >= 0 else _NO_TIME,
            size=int(size),
        )


def merge(folder: Folder, ticks: Ticks) -> Journal:
    """All records of a folder, and ticks, in the order in which they were known."""
    known = (
        np.array([plant.known_at_ms for plant in folder.plants], np.int64),
        np.array([run.known_at_ms for run in folder.runs], np.int64),
        folder.telemetry.known_at_ms,
        ticks.known_at_ms,
    )
    kind = np.repeat(np.arange(len(known), dtype=np.int8), [len(part) for part in known])
    index = np.concatenate([np.arange(len(part), dtype=np.int64) for part in known])
    known_at_ms = np.concatenate(known)
    order = np.lexsort((index, kind, known_at_ms))
    kind, index, known_at_ms = kind[order], index[order], known_at_ms[order]
    is_row = kind >= Kind.TELEMETRY
    rows_before = np.concatenate([[0], np.cumsum(is_row)]).astype(np.int64)
    places = np.flatnonzero(is_row)
    source = index[places] + np.where(kind[places] == Kind.TICK, len(folder.telemetry), 0)
    rows = _unordered(folder, ticks).take(source)
    return Journal(folder, ticks, kind, index, known_at_ms, _at(rows, places * OFFSET_STEP), rows_before)


def _unordered(folder: Folder, ticks: Ticks) -> TelemetryColumns:
    """All telemetry rows in the order of the file, then all ticks."""
    telemetry = folder.telemetry
    count, total = len(telemetry), len(telemetry) + len(ticks)

    def column(name: str) -> NDArray[np.float64]:
        made = np.full(total, np.nan)
        made[:count] = telemetry.column(name)
        return made

    power_kw = column("power_kw")
    return TelemetryColumns(
        offset=np.zeros(total, np.int64),
        plant=np.concatenate([telemetry.plant, ticks.plant]),
        plant_ids=folder.plant_ids,
        event_time_ms=np.concatenate([telemetry.event_time_ms, ticks.event_time_ms]),
        known_at_ms=np.concatenate([telemetry.known_at_ms, ticks.known_at_ms]),
        is_tick=np.arange(total) >= count,
        power_given=~np.isnan(power_kw),
        power_kw=power_kw,
        setpoint_kw=column("setpoint_kw"),
        wind_speed_ms=column("wind_speed_ms"),
        temperature_c=column("temperature_c"),
        poa_irradiance_w_m2=column("poa_irradiance_w_m2"),
        units=folder.units.readings,
    )


_ROW_FIELDS: Final = (
    "plant",
    "event_time_ms",
    "known_at_ms",
    "is_tick",
    "power_given",
    "power_kw",
    "setpoint_kw",
    "wind_speed_ms",
    "temperature_c",
    "poa_irradiance_w_m2",
)


def _at(rows: TelemetryColumns, offset: Longs) -> TelemetryColumns:
    fields = {name: getattr(rows, name) for name in _ROW_FIELDS}
    return TelemetryColumns(offset=offset, plant_ids=rows.plant_ids, units=rows.units, **fields)


def _slice(rows: TelemetryColumns, start: int, stop: int) -> TelemetryColumns:
    """Rows `start` up to `stop` without a copy; `take` would walk all rows for each batch."""
    fields = {name: getattr(rows, name)[start:stop] for name in _ROW_FIELDS}
    units = _slice_units(rows.units, start, stop)
    return TelemetryColumns(offset=rows.offset[start:stop], plant_ids=rows.plant_ids, units=units, **fields)


def _slice_units(units: UnitColumns, start: int, stop: int) -> UnitColumns:
    first, end = np.searchsorted(units.row, [start, stop])
    row: Ints = (units.row[first:end] - start).astype(np.int32)
    return UnitColumns(
        row=row,
        unit=units.unit[first:end],
        unit_ids=units.unit_ids,
        power_kw=units.power_kw[first:end],
        wind_speed_ms=units.wind_speed_ms[first:end],
    )
