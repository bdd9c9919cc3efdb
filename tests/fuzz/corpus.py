"""Valid records to bend, and those of other plants that must not feel it."""

from __future__ import annotations

from random import Random
from typing import Any

from schemas.codec import Codec
from tests import output_records as made
from tests.fuzz.mutate import Record

HOUR_MS = 3_600_000
QUARTER_MS = 900_000
#: Plants whose records are bent; all ids are two letters long, as `Mutator` expects.
BENT = tuple(f"h{n}" for n in range(8))
#: Plants whose records are left alone.
OTHERS = ("z0", "z1", "z2")


def registration() -> list[Record]:
    """Every plant, half of them solar."""
    return [
        ("PlantVersion", made.plant(p, kind="solar" if int(p[1]) % 2 else "wind")) for p in (*BENT, *OTHERS)
    ]


def journal_records(random: Random, count: int) -> list[Record]:
    """Valid records of the bent plants, of every type that a journal has."""
    kinds = (telemetry,) * 8 + (tick,) * 2 + (run,) * 3 + (plant, release)
    return [random.choice(kinds)(random) for _ in range(count)]


def telemetry(random: Random) -> Record:
    at = made.T0_MS + random.randrange(96 * 3) * QUARTER_MS
    units = [
        {"unit_id": f"T{n}", "power_kw": random.uniform(0, 300), "wind_speed_ms": 7.5, "status": "ok"}
        for n in range(random.choice((0, 0, 2, 4)))
    ]
    fields = dict[str, Any](event_time=at, known_at=at + 1000, units=units)
    if random.random() < 0.5:
        fields |= {"setpoint_kw": 800.0, "wind_speed_ms": 8.0, "temperature_c": 4.0}
        fields |= {"poa_irradiance_w_m2": 400.0, "other": [{"name": "hum", "value": 80.0}]}
    return "Telemetry", made.scan(random.choice(BENT), 0, random.uniform(0, 950), **fields)


def tick(random: Random) -> Record:
    at = made.T0_MS + random.randrange(96 * 3) * QUARTER_MS
    return "Tick", {"plant_id": random.choice(BENT), "event_time": at, "known_at": at + 60_000}


def run(random: Random) -> Record:
    published = made.T0_MS + random.randrange(-12, 60) * HOUR_MS
    hours = random.choice((3, 12, 48))
    valid_at = [published + (hour + 1) * HOUR_MS for hour in range(hours)]
    names = ("wind_speed_100m_ms", "wind_direction_100m_deg", "shortwave_radiation_w_m2", "cloud_cover_pct")
    columns = [{"name": n, "values": [random.uniform(0, 20) for _ in valid_at]} for n in names]
    point = {"point_id": "north", "latitude": 49.0, "longitude": 5.0, "columns": columns[:1]}
    fields = dict[str, Any](published_at=published, known_at=published, valid_at=valid_at)
    return "WeatherRun", made.run(random.choice(BENT), **fields, columns=columns, points=[point])


def plant(random: Random) -> Record:
    fields = dict[str, Any](capacity_kw=random.uniform(500, 2000), kind=random.choice(("wind", "solar")))
    fields |= {"tilt_deg": 30.0, "azimuth_deg": 180.0, "hub_height_m": 90.0, "scan_s": 600, "min_kw": -5.0}
    return "PlantVersion", made.plant(random.choice(BENT), random.choice((0, made.T0_MS)), **fields)


def release(random: Random) -> Record:
    fields = dict[str, Any](version=str(random.randrange(4)), plants=random.sample(BENT, 2))
    fields |= {"role": random.choice(("champion", "shadow", "withdrawn"))}
    return "Release", made.release("rr", made.T0_MS, **fields)


def left_alone(random: Random, hours: int) -> list[Record]:
    """What the other plants say in some hours: weather, and a scan each quarter of an hour."""
    records: list[Record] = []
    for quarter in range(hours * 4):
        for plant_id in OTHERS:
            if quarter % 48 == 0:
                columns = [{"name": "wind_speed_100m_ms", "values": [random.uniform(2, 15)] * 48}]
                columns.append({"name": "shortwave_radiation_w_m2", "values": [200.0] * 48})
                at = made.T0_MS + quarter * QUARTER_MS
                valid = [at + (hour + 1) * HOUR_MS for hour in range(48)]
                fields = dict[str, Any](published_at=at, known_at=at, valid_at=valid)
                records.append(("WeatherRun", made.run(plant_id, **fields, columns=columns, points=[])))
            records.append(("Telemetry", made.scan(plant_id, quarter, random.uniform(0, 900))))
    return records


def output_records(random: Random) -> list[Record]:
    """A record of every kind that the sink reads from the worker's topics, with a few shapes of each."""
    rejected = {"topic": "plant.telemetry", "partition": 0, "offset": 7, "key": b"a", "payload": b"\0x"}
    rejected |= {"reason": "truncated", "detail": "cut", "plant_id": "h0", "schema_id": 2_000_000_001}
    many: list[Record] = []
    for step in range(20):
        steps = random.randrange(1, 8)
        many += [
            ("Forecast", made.forecast("h0", step, steps=steps)),
            ("Score", made.score("h0", step)),
            ("AnomalyEvent", made.anomaly("h0", step)),
            ("DriftEvent", made.drift("h0", event_time=made.T0_MS + step * QUARTER_MS)),
            ("RejectedRecord", rejected | {"offset": step}),
        ]
    return many


def encoded(codec: Codec, records: list[Record]) -> list[bytes]:
    """The payload of each record."""
    return [codec.encode(name, [values])[0] for name, values in records]


def key(record: Record) -> bytes:
    """The key of a valid record."""
    name, values = record
    return str(values["name"] if name == "Release" else values["plant_id"]).encode()
