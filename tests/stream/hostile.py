"""Journals from a source that means no good: readable records with any value at all in any field."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np

from tests import output_records as made
from tests.stream.live_run import CODEC

T0_MS = made.T0_MS
HOUR_MS = 3_600_000
Record = tuple[str, dict[str, Any]]
_T = TypeVar("_T")

NUMBERS = [np.nan, np.inf, -np.inf, 1e308, -1e308, 5e-324, -0.0, 0.0, 1e9, -999.0, -9999.0, 500.0]
TIMES = [2**63 - 1, -(2**63), 0, -1, 1, T0_MS, 2**45, 2**53, 946_684_800_000, 4_102_444_799_999]
INTEGERS = [2**31 - 1, -(2**31), 0, -1, 1, 600, 3600, 86_400]
TEXTS = ["", "a", "\0", "\u00e9\U0001f600", "x" * 3000, "wind_speed_100m_ms", " ", "a|b", "{"]


class Hostile:
    """Makes records of plant `a`; each field is spoilt now and then."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)

    def journal(self, size: int) -> list[tuple[bytes, bytes]]:
        """Keys and payloads: the plant as it is, then whatever comes."""
        kinds = [self.telemetry] * 8 + [self.run] * 3 + [self.tick] * 2 + [self.plant, self.release]
        records = [("PlantVersion", made.plant("a")), *(self.pick(kinds)() for _ in range(size))]
        return [
            (str(record.get("plant_id", record.get("name"))).encode(), CODEC.encode(name, [record])[0])
            for name, record in records
        ]

    def mutated(self, payload: bytes) -> bytes:
        """The payload with a few bits or bytes changed, lost or added, or cut short."""
        changed = bytearray(payload)
        for _ in range(int(self.rng.integers(1, 4))):
            at, how = int(self.rng.integers(len(changed))), int(self.rng.integers(4))
            if how == 0:
                changed[at] ^= 1 << int(self.rng.integers(8))
            elif how == 1:
                changed.insert(at, int(self.rng.integers(256)))
            elif how == 2 and len(changed) > 1:
                del changed[at]
            else:
                changed = changed[: at + 1]
        return bytes(changed)

    def pick(self, choices: Sequence[_T]) -> _T:
        return choices[int(self.rng.integers(len(choices)))]

    def telemetry(self) -> Record:
        at_ms = T0_MS + int(self.rng.integers(96)) * 900_000
        record = made.scan("a", event_time=at_ms, known_at=at_ms, power_kw=float(self.rng.uniform(0, 900)))
        numbers = ("power_kw", "setpoint_kw", "wind_speed_ms", "temperature_c", "poa_irradiance_w_m2")
        self._spoil(
            record, dict.fromkeys(numbers, NUMBERS) | dict.fromkeys(("event_time", "known_at"), TIMES)
        )
        if self.rng.random() < 0.3:
            record["units"] = [
                {"unit_id": self.pick(TEXTS), "power_kw": self.pick(NUMBERS), "wind_speed_ms": None}
                for _ in range(3)
            ]
        return "Telemetry", record

    def run(self) -> Record:
        size = int(self.rng.integers(1, 30))
        first = T0_MS + int(self.rng.integers(24)) * HOUR_MS
        valid_at = [first + hour * HOUR_MS for hour in range(size)]
        if self.rng.random() < 0.3:
            valid_at[int(self.rng.integers(size))] = self.pick(TIMES)
        point = {"point_id": "p", "latitude": self.pick(NUMBERS), "longitude": None}
        record = made.run("a", published_at=first - HOUR_MS, known_at=first - HOUR_MS, valid_at=valid_at)
        record["columns"] = self._columns(size)
        record["points"] = [point | {"columns": self._columns(size)}]
        self._spoil(record, {"published_at": TIMES, "known_at": TIMES, "source": TEXTS})
        return "WeatherRun", record

    def _columns(self, size: int) -> list[dict[str, Any]]:
        names = ["wind_speed_100m_ms", "wind_direction_100m_deg", "shortwave_radiation_w_m2", *TEXTS]
        long = [size] * 4 + [0, 1]
        return [
            {"name": self.pick(names), "values": [self.pick(NUMBERS) for _ in range(self.pick(long))]}
            for _ in range(int(self.rng.integers(4)))
        ]

    def plant(self) -> Record:
        record = made.plant("a", kind=self.pick(["wind", "solar"]))
        numbers = ("capacity_kw", "latitude", "longitude", "min_kw", "tilt_deg", "azimuth_deg")
        integers = ("resolution_s", "issue_every_s", "scan_s")
        times = ("valid_from", "known_at")
        self._spoil(
            record,
            dict.fromkeys(numbers, NUMBERS)
            | dict.fromkeys(integers, INTEGERS)
            | dict.fromkeys(times, TIMES)
            | {"timezone": TEXTS},
        )
        return "PlantVersion", record

    def tick(self) -> Record:
        at_ms = T0_MS + int(self.rng.integers(96)) * 900_000
        record = {"plant_id": "a", "event_time": at_ms, "known_at": at_ms + 60_000}
        self._spoil(record, {"event_time": TIMES, "known_at": TIMES})
        return "Tick", record

    def release(self) -> Record:
        record = made.release("x", role=self.pick(["champion", "shadow", "withdrawn"]))
        self._spoil(record, {"version": TEXTS, "manifest": TEXTS, "valid_from": TIMES, "known_at": TIMES})
        return "Release", record

    def _spoil(self, record: dict[str, Any], choices: dict[str, list[Any]]) -> None:
        for name, values in choices.items():
            if self.rng.random() < 0.12:
                record[name] = self.pick(values)
