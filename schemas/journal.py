"""A batch of one journal partition as columns: what `Codec.decode_journal` makes and the engine takes.

Times are int64 milliseconds since 1970 in UTC; a missing number is NaN. Rows stand in offset order.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from schemas.errors import Reason
from schemas.records import PlantVersion, ReleaseRecord, WeatherRun

Floats = NDArray[np.float64]
Longs = NDArray[np.int64]
Ints = NDArray[np.int32]
Flags = NDArray[np.bool_]

Control = PlantVersion | WeatherRun | ReleaseRecord


@dataclass(frozen=True, slots=True, eq=False)
class UnitColumns:
    """Readings of units, m of them, in the order of their telemetry rows.

    `row` i4[m] points into the telemetry rows, `unit` i4[m] into `unit_ids`; kW and m/s, NaN missing. A unit
    id is a name within its plant: two plants that both have a "T1" share one entry of `unit_ids`.
    """

    row: Ints
    unit: Ints
    unit_ids: list[str]
    power_kw: Floats
    wind_speed_ms: Floats

    def __len__(self) -> int:
        return len(self.row)

    def between(self, first: int, end: int) -> Self:
        """The readings of telemetry rows from one to before another."""
        if not len(self):
            return self
        here = slice(*np.searchsorted(self.row, (first, end)))
        columns = self.unit[here], self.unit_ids, self.power_kw[here], self.wind_speed_ms[here]
        return type(self)(self.row[here] - np.int32(first), *columns)

    @classmethod
    def empty(cls) -> Self:
        """No readings."""
        none = np.empty(0, np.int32)
        return cls(none, none, [], np.empty(0), np.empty(0))


@dataclass(frozen=True, slots=True, eq=False)
class TelemetryColumns:
    """Telemetry and ticks, n rows in offset order.

    `plant` i4[n] points into `plant_ids`. A tick is a row with `is_tick`, no power and no readings.
    `power_given` tells a null power (False) from one that was sent as NaN (True). kW, m/s, degrees C, W/m2.
    """

    offset: Longs
    plant: Ints
    plant_ids: list[str]
    event_time_ms: Longs
    known_at_ms: Longs
    is_tick: Flags
    power_given: Flags
    power_kw: Floats
    setpoint_kw: Floats
    wind_speed_ms: Floats
    temperature_c: Floats
    poa_irradiance_w_m2: Floats
    units: UnitColumns

    def __len__(self) -> int:
        return len(self.offset)

    @classmethod
    def empty(cls) -> Self:
        """No rows."""
        longs, flags, floats = np.empty(0, np.int64), np.empty(0, np.bool_), np.empty(0)
        return cls(
            offset=longs,
            plant=np.empty(0, np.int32),
            plant_ids=[],
            event_time_ms=longs,
            known_at_ms=longs,
            is_tick=flags,
            power_given=flags,
            power_kw=floats,
            setpoint_kw=floats,
            wind_speed_ms=floats,
            temperature_c=floats,
            poa_irradiance_w_m2=floats,
            units=UnitColumns.empty(),
        )

    def take(self, rows: Flags | Ints | Longs) -> Self:
        """The rows of a mask bool[n] or of distinct indices, in that order, with their unit readings.

        `plant_ids` and `unit_ids` stay as they are, so that indices into them keep their meaning.
        """
        picked: NDArray[Any] = np.flatnonzero(rows) if rows.dtype == np.bool_ else rows
        kept = {name: getattr(self, name)[picked] for name in _ROW_FIELDS}
        return type(self)(plant_ids=self.plant_ids, units=self._units_of(picked), **kept)

    def _units_of(self, picked: NDArray[Any]) -> UnitColumns:
        if not len(self.units):
            return self.units
        new_row = np.full(len(self), -1, np.int32)
        new_row[picked] = np.arange(len(picked), dtype=np.int32)
        row = new_row[self.units.row]
        kept = np.flatnonzero(row >= 0)
        kept = kept[np.argsort(row[kept], kind="stable")]
        return UnitColumns(
            row=row[kept],
            unit=self.units.unit[kept],
            unit_ids=self.units.unit_ids,
            power_kw=self.units.power_kw[kept],
            wind_speed_ms=self.units.wind_speed_ms[kept],
        )

    def between(self, first: int, end: int, offset: Longs) -> Self:
        """The rows from one place to before another, under other offsets, with their own plants alone;
        `unit_ids` stay whole.
        """
        plant = self.plant[first:end]
        seen = np.zeros(len(self.plant_ids), np.bool_)
        seen[plant] = True
        cut = {name: getattr(self, name)[first:end] for name in _ROW_FIELDS}
        cut |= {"offset": offset, "plant": (seen.cumsum(dtype=np.int32) - np.int32(1))[plant]}
        plant_ids = [self.plant_ids[place] for place in seen.nonzero()[0].tolist()]
        return type(self)(plant_ids=plant_ids, units=self.units.between(first, end), **cut)

    @classmethod
    def concat(cls, parts: Sequence[Self]) -> Self:
        """All rows of the parts, one after another; ids are renumbered in order of first sight."""
        plant_ids, plant_maps = _merged_ids([part.plant_ids for part in parts])
        return cls._joined(parts, plant_ids, plant_maps)

    @classmethod
    def beside_each_other(cls, parts: Sequence[Self]) -> Self:
        """All rows of the parts, one after another; an id that two parts have stands twice."""
        sizes = [len(part.plant_ids) for part in parts]
        starts = np.cumsum([0, *sizes]).tolist()
        maps = [np.arange(s, s + n, dtype=np.int32) for s, n in zip(starts, sizes, strict=False)]
        return cls._joined(parts, [plant_id for part in parts for plant_id in part.plant_ids], maps)

    @classmethod
    def _joined(cls, parts: Sequence[Self], plant_ids: list[str], plant_maps: Sequence[Ints]) -> Self:
        """``plant_maps``: for each part the new index of each of its plants."""
        if len(parts) <= 1:
            return parts[0] if parts else cls.empty()
        joined = {name: np.concatenate([getattr(part, name) for part in parts]) for name in _ROW_FIELDS}
        plants = [new[part.plant] for new, part in zip(plant_maps, parts, strict=True)]
        joined["plant"] = np.concatenate(plants)
        return cls(plant_ids=plant_ids, units=_concat_units(parts), **joined)


_ROW_FIELDS = tuple(f.name for f in fields(TelemetryColumns) if f.name not in ("plant_ids", "units"))


@dataclass(frozen=True, slots=True)
class Bad:
    """A record of the journal that cannot count: where it stood and why."""

    offset: int
    reason: Reason
    detail: str
    plant_id: str | None = None
    schema_id: int | None = None


@dataclass(frozen=True, slots=True, eq=False)
class JournalBatch:
    """One batch of one partition, sorted out.

    `controls` and `bad` carry their offsets, in order. `last_offset` is that of the newest record whatever it
    was, -1 for an empty batch; `known_at_ms` the newest of all readable records, -1 when there is none;
    `size` counts records, bad ones included.
    """

    topic: str
    partition: int
    telemetry: TelemetryColumns
    controls: list[tuple[int, Control]]
    bad: list[Bad]
    last_offset: int
    known_at_ms: int
    size: int

    def of_partition(self, partition: int, offsets: Longs, first: int) -> "JournalBatch":
        """The records of one partition out of a batch of several, whose offsets are places in it.

        `offsets` i8[m]: of the m records from the place `first` on.
        """
        end = first + len(offsets)
        begin, stop = self.telemetry.offset.searchsorted((first, end)).tolist()
        telemetry = self.telemetry.between(begin, stop, offsets[self.telemetry.offset[begin:stop] - first])
        controls = [(int(offsets[at - first]), one) for at, one in self.controls if first <= at < end]
        bad = [replace(b, offset=int(offsets[b.offset - first])) for b in self.bad if first <= b.offset < end]
        return JournalBatch(
            topic=self.topic,
            partition=partition,
            telemetry=telemetry,
            controls=controls,
            bad=bad,
            last_offset=int(offsets[-1]) if end > first else -1,
            known_at_ms=newest_known_at_ms(telemetry, controls),
            size=end - first,
        )


def newest_known_at_ms(rows: TelemetryColumns, controls: Sequence[tuple[int, Control]]) -> int:
    """The newest `known_at` of readable records, -1 when there is none."""
    of_controls = max((control.known_at_ms for _, control in controls), default=-1)
    return max(int(rows.known_at_ms.max()) if len(rows) else -1, of_controls)


def _merged_ids(lists: Sequence[list[str]]) -> tuple[list[str], list[Ints]]:
    """One list of ids, and for each given list the new index of each of its entries."""
    if lists and all(ids is lists[0] for ids in lists):
        return lists[0], [np.arange(len(lists[0]), dtype=np.int32)] * len(lists)
    index: dict[str, int] = {}
    maps = [np.array([index.setdefault(name, len(index)) for name in ids], dtype=np.int32) for ids in lists]
    return list(index), maps


def _concat_units(parts: Sequence[TelemetryColumns]) -> UnitColumns:
    units = [part.units for part in parts]
    unit_ids, unit_maps = _merged_ids([u.unit_ids for u in units])
    starts = np.cumsum([0] + [len(part) for part in parts[:-1]]).astype(np.int32)
    return UnitColumns(
        row=np.concatenate([u.row + start for u, start in zip(units, starts, strict=True)]),
        unit=np.concatenate([new[u.unit] for new, u in zip(unit_maps, units, strict=True)]),
        unit_ids=unit_ids,
        power_kw=np.concatenate([u.power_kw for u in units]),
        wind_speed_ms=np.concatenate([u.wind_speed_ms for u in units]),
    )
