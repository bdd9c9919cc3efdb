"""A made-up fleet with the numbers of measured plants; `benchmarks/README.md` says what came from where.

Pure: a seed gives the same fleet and the same scans, to the last bit, on one kind of machine.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from schemas.records import PlantKind, PlantVersion

F8 = NDArray[np.float64]
I8 = NDArray[np.int64]

#: 2024-06-03T00:00Z: a summer day with light and wind, at a multiple of any issue interval.
START_MS: Final = 1_717_372_800_000
DAY_S: Final = 86_400.0
NOTHING: Final = np.float64(np.nan)

# Wind, from La Haute Borne (10 min): mean share of capacity at whole m/s.
CURVE_SHARE: Final = np.array(
    [0, 0, 0, 0.003, 0.02, 0.07, 0.155, 0.27, 0.40, 0.53, 0.655, 0.77, 0.86, 0.91, 0.935, 0.96, 0.975, 0.975]
)
OWN_USE_SHARE: Final = 0.0009  # drawn at standstill; 16 % of the scans are negative
WIND_MEAN_MS: Final = 5.4
WIND_SD_MS: Final = 2.3
#: Weights and lives of what the wind is made of: acf .98 at 10 min, .89 at 1 h, .61 at 6 h, .29 at a day.
WIND_PARTS: Final = ((0.90, 17 * 3600.0), (0.09, 7200.0), (0.01, 60.0))
CURVE_NOISE_SHARE: Final = 0.04  # of power about the curve, where it is steep
# Solar, from serf-east and kaggle-solar-1 (15 min).
CLOUD_PARTS: Final = ((0.45, 3 * 3600.0), (0.55, 900.0))
PEAK_SHARE: Final = 0.93
NIGHT_SHARE: Final = -0.0001  # the night level of serf-east; kaggle-solar-1's inverters say 0
# Both.
NULL_SHARE: Final = {PlantKind.WIND: 0.0025, PlantKind.SOLAR: 0.018}
UNIT_OUT_SHARE: Final = 0.005  # of the units while their plant runs
UNIT_FACTOR_SD: Final = {PlantKind.WIND: 0.07, PlantKind.SOLAR: 0.03}
UNIT_NOISE_SD: Final = {PlantKind.WIND: 0.20, PlantKind.SOLAR: 0.07}
# Not measured (the folders have none): what gateways are known to do now and then.
REPEAT_SHARE: Final = 0.001
LATE_SHARE: Final = 0.001
LONGEST_ON_THE_WAY_MS: Final = 2000


@dataclass(frozen=True)
class Fleet:
    """So many plants, half of them wind farms, each with `units` units, one scan every `scan_s`."""

    plants: int = 1000
    units: int = 8
    scan_s: int = 60
    seed: int = 1
    start_ms: int = START_MS

    @property
    def plant_ids(self) -> list[str]:
        """Names as an operator would give them, wind farms at even places."""
        return [f"{'wind' if i % 2 == 0 else 'solar'}-{i:05d}" for i in range(self.plants)]

    def versions(self, issue_every_s: int, resolution_s: int = 900) -> list[PlantVersion]:
        """The registry."""
        draw = np.random.default_rng((self.seed, 0))
        latitude, longitude = draw.uniform(36, 58, self.plants), draw.uniform(-8, 24, self.plants)
        capacity = self.capacity_kw
        return [
            PlantVersion(
                plant_id=plant_id,
                valid_from_ms=0,
                known_at_ms=self.start_ms - 86_400_000,
                kind=PlantKind.WIND if i % 2 == 0 else PlantKind.SOLAR,
                capacity_kw=float(capacity[i]),
                resolution_s=resolution_s,
                latitude=round(float(latitude[i]), 4),
                longitude=round(float(longitude[i]), 4),
                issue_every_s=issue_every_s,
                scan_s=self.scan_s,
                hub_height_m=80.0 if i % 2 == 0 else None,
            )
            for i, plant_id in enumerate(self.plant_ids)
        ]

    @property
    def capacity_kw(self) -> F8:
        """From a small park to a large one; whole units of 50 kW, shape (plants,)."""
        draw = np.random.default_rng((self.seed, 1))
        return np.round(np.exp(draw.uniform(np.log(1000), np.log(60_000), self.plants)) / 50) * 50

    def scans(self, count: int, at_once: int = 50) -> Iterator[Scans]:
        """A first scan at `start_ms` by itself, then `count` more in blocks of at most `at_once` scans."""
        maker = _Maker(self)
        yield maker.block(0, 1)
        for first in range(1, count + 1, at_once):
            yield maker.block(first, min(at_once, count + 1 - first))


@dataclass(frozen=True)
class Scans:
    """A block of m scans of all p plants in the order of arrival; missing is NaN.

    `plant` (n,) is an index into the fleet's ids; the values of units have the shape (n, units).
    """

    plant: I8
    event_time_ms: I8
    known_at_ms: I8
    power_kw: F8
    wind_speed_ms: F8
    temperature_c: F8
    module_temperature_c: F8
    poa_irradiance_w_m2: F8
    unit_power_kw: F8
    unit_wind_ms: F8

    def __len__(self) -> int:
        return len(self.plant)

    def take(self, rows: I8) -> Scans:
        """Some of the rows."""
        return Scans(*(getattr(self, one.name)[rows] for one in fields(self)))

    def to_arrow(self, plant_ids: list[str]) -> pa.RecordBatch:
        """The rows with the fields of `Telemetry`."""
        columns: dict[str, pa.Array] = {
            "plant_id": _names(self.plant, plant_ids),
            "event_time": pa.array(self.event_time_ms, pa.timestamp("ms", tz="UTC")),
            "known_at": pa.array(self.known_at_ms, pa.timestamp("ms", tz="UTC")),
        }
        for name in (
            "power_kw",
            "wind_speed_ms",
            "temperature_c",
            "module_temperature_c",
            "poa_irradiance_w_m2",
        ):
            columns[name] = _numbers(getattr(self, name))
        units = self.unit_power_kw.shape[1]
        if units:
            columns["units"] = self._units(units)
        return pa.RecordBatch.from_pydict(columns)

    def _units(self, units: int) -> pa.ListArray:
        count = len(self)
        fields = {
            "unit_id": _names(np.tile(np.arange(units), count), [f"U{i + 1:02d}" for i in range(units)]),
            "power_kw": _numbers(self.unit_power_kw.ravel()),
            "wind_speed_ms": _numbers(self.unit_wind_ms.ravel()),
            "status": pa.nulls(count * units, pa.string()),
        }
        offsets = pa.array(np.arange(count + 1) * units, pa.int32())
        return pa.ListArray.from_arrays(
            offsets, pa.StructArray.from_arrays(list(fields.values()), names=list(fields))
        )


class _Noise:
    """Sums of processes that forget at their own pace, unit variance, one a plant, stepped together."""

    def __init__(
        self, parts: tuple[tuple[float, float], ...], scan_s: float, plants: int, draw: np.random.Generator
    ) -> None:
        weight, life_s = (np.array(column)[:, None] for column in zip(*parts, strict=True))
        self._keep = np.exp(-scan_s / life_s)
        self._new = np.sqrt(1 - self._keep**2)
        self._scale = np.sqrt(weight)
        self._now = draw.standard_normal((len(parts), plants))
        self._draw = draw

    def steps(self, count: int) -> F8:
        """The next values, shape (count, plants)."""
        made = np.empty((count, self._now.shape[1]))
        for i in range(count):
            self._now = self._keep * self._now + self._new * self._draw.standard_normal(self._now.shape)
            made[i] = (self._scale * self._now).sum(axis=0)
        return made


class _Maker:
    """Makes the scans of a fleet one block after another."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        draw = self._draw = np.random.default_rng((fleet.seed, 2))
        self._solar = np.arange(fleet.plants) % 2 == 1
        self._wind = _Noise(WIND_PARTS, fleet.scan_s, fleet.plants, draw)
        self._cloud = _Noise(CLOUD_PARTS, fleet.scan_s, fleet.plants, draw)
        self._phase_ms = draw.integers(0, fleet.scan_s * 1000, fleet.plants)
        self._longitude = np.array([v.longitude for v in fleet.versions(900)], np.float64)
        sd = np.where(self._solar, UNIT_FACTOR_SD[PlantKind.SOLAR], UNIT_FACTOR_SD[PlantKind.WIND])
        self._unit_factor = 1 + sd[:, None] * draw.standard_normal((fleet.plants, fleet.units))
        self._capacity_kw = fleet.capacity_kw

    def block(self, first: int, count: int) -> Scans:
        fleet, draw = self._fleet, self._draw
        shape = count, fleet.plants
        stamp_ms = fleet.start_ms + (first + np.arange(count)) * fleet.scan_s * 1000
        wind_ms, cloud = self._wind.steps(count), self._cloud.steps(count)
        wind_ms = np.maximum(WIND_MEAN_MS + WIND_SD_MS * wind_ms, 0.0)
        clear = _clear(stamp_ms, self._longitude)
        share = np.where(self._solar, self._sun(clear, cloud), self._turned(wind_ms, shape))
        power_kw = np.round(share * self._capacity_kw, 2)
        lost = draw.random(shape) < np.where(
            self._solar, NULL_SHARE[PlantKind.SOLAR], NULL_SHARE[PlantKind.WIND]
        )
        warmth = 14 + 6 * np.sin((stamp_ms / 1000 % DAY_S / DAY_S - 0.35) * 2 * np.pi)[:, None] + 0.3 * cloud
        poa: F8 = np.where(self._solar, 1000 * np.maximum(clear, 0) * _passing(cloud), NOTHING)
        module: F8 = np.where(self._solar, warmth + poa / 32, NOTHING)
        order = self._arrival(count)
        row, plant = np.unravel_index(order, shape)
        unit_power = self._unit_power(power_kw, shape)
        unit_wind = self._unit_wind(wind_ms, shape)
        on_the_way = draw.integers(50, LONGEST_ON_THE_WAY_MS, len(order))
        return Scans(
            plant=plant,
            event_time_ms=stamp_ms[row],
            known_at_ms=stamp_ms[row] + (self._phase_ms[plant] + on_the_way) % max(fleet.scan_s * 1000, 1),
            power_kw=np.where(lost, np.nan, power_kw)[row, plant],
            wind_speed_ms=np.where(self._solar, np.nan, np.round(wind_ms, 2))[row, plant],
            temperature_c=np.round(warmth, 2)[row, plant],
            module_temperature_c=np.round(module, 4)[row, plant],
            poa_irradiance_w_m2=np.round(poa, 4)[row, plant],
            unit_power_kw=unit_power[row, plant],
            unit_wind_ms=unit_wind[row, plant],
        )

    def _turned(self, wind_ms: F8, shape: tuple[int, int]) -> F8:
        share = np.interp(wind_ms, np.arange(len(CURVE_SHARE)), CURVE_SHARE)
        steep = np.minimum(share, 1 - share) * 4 * CURVE_NOISE_SHARE
        noisy = share + steep * self._draw.standard_normal(shape)
        return np.where(
            share <= 0.003, -OWN_USE_SHARE * self._draw.uniform(0.3, 2.0, shape), np.clip(noisy, -0.002, 1.0)
        )

    def _sun(self, clear: F8, cloud: F8) -> F8:
        return np.where(clear > 0, np.clip(PEAK_SHARE * clear * _passing(cloud), 0, 1.05), NIGHT_SHARE)

    def _arrival(self, count: int) -> I8:
        """Scan after scan in the order in which the plants answer; a few come twice or one scan late."""
        plants, draw = self._fleet.plants, self._draw
        turn = np.argsort(self._phase_ms, kind="stable")
        order = (np.arange(count)[:, None] * plants + turn).ravel().astype(np.int64)
        again = draw.random(order.size) < REPEAT_SHARE
        late = np.flatnonzero(draw.random(order.size) < LATE_SHARE)
        place = np.arange(order.size, dtype=np.float64)
        place[late] += plants + 0.5
        places = np.concatenate([place, place[again] + 0.25])
        return np.concatenate([order, order[again]])[np.argsort(places, kind="stable")]

    def _unit_power(self, power_kw: F8, shape: tuple[int, int]) -> F8:
        units = self._fleet.units
        if not units:
            return np.empty((*shape, 0))
        sd = np.where(self._solar, UNIT_NOISE_SD[PlantKind.SOLAR], UNIT_NOISE_SD[PlantKind.WIND])[:, None]
        spread = self._unit_factor * (1 + sd * self._draw.standard_normal((*shape, units)))
        stands = self._draw.random((*shape, units)) < UNIT_OUT_SHARE
        return np.asarray(
            np.round(np.where(stands, 0.0, power_kw[..., None] / units * spread), 2), np.float64
        )

    def _unit_wind(self, wind_ms: F8, shape: tuple[int, int]) -> F8:
        units = self._fleet.units
        made: F8 = wind_ms[..., None] + 0.5 * self._draw.standard_normal((*shape, units))
        felt: F8 = np.where(self._solar[:, None], NOTHING, np.round(np.maximum(made, 0), 2))
        return felt


def _clear(stamp_ms: I8, longitude: F8) -> F8:
    """The sun's share of its noon at each stamp and plant, under 0 at night, of a long day; shape (m, p)."""
    hour = (stamp_ms[:, None] / 3_600_000 + longitude / 15) % 24
    return np.asarray(np.cos((hour - 12) / 24 * 2 * np.pi) * 0.8 + 0.2, np.float64)


def _passing(cloud: F8) -> F8:
    """The share of light that clouds let through: mostly clear, sometimes a tenth."""
    return np.clip(0.78 + 0.28 * cloud, 0.08, 1.08)


def _names(codes: I8, names: list[str]) -> pa.Array:
    return pa.DictionaryArray.from_arrays(
        pa.array(codes.astype(np.int32)), pa.array(names, pa.string())
    ).cast(pa.string())


def _numbers(values: F8) -> pa.Array:
    return pa.array(values, pa.float64(), mask=np.isnan(values))
