"""A record of every kind that the sink reads, as a dict that `Codec.encode` takes, with round numbers."""

from typing import Any

T0_MS = 1_400_000_400_000 // 3_600_000 * 3_600_000
QUARTER_MS = 900_000
LEVELS = [0.1, 0.5, 0.9]


def plant(plant_id: str = "a", valid_from: int = 0, **fields: Any) -> dict[str, Any]:
    record = {
        "plant_id": plant_id,
        "valid_from": valid_from,
        "known_at": valid_from,
        "kind": "wind",
        "capacity_kw": 1000.0,
        "latitude": 48.5,
        "longitude": 5.5,
        "resolution_s": 900,
        "issue_every_s": 900,
    }
    return record | fields


def scan(plant_id: str = "a", step: int = 0, power_kw: float | None = 100.0, **fields: Any) -> dict[str, Any]:
    event_time = T0_MS + step * QUARTER_MS
    record = {
        "plant_id": plant_id,
        "event_time": event_time,
        "known_at": event_time + 1000,
        "power_kw": power_kw,
        "units": [],
        "other": [],
    }
    return record | fields


def forecast(
    plant_id: str = "a", step: int = 0, power_kw: float = 100.0, steps: int = 4, **fields: Any
) -> dict[str, Any]:
    issued_at = T0_MS + step * QUARTER_MS
    record = {
        "plant_id": plant_id,
        "issued_at": issued_at,
        "known_at": issued_at,
        "model": "cold-start",
        "version": "0",
        "release_sha256": "",
        "plant_valid_from": 0,
        "capacity_kw": 1000.0,
        "valid_at": [issued_at + (one + 1) * QUARTER_MS for one in range(steps)],
        "interval_s": [900] * steps,
        "rung": [0] * steps,
        "levels": LEVELS,
        "power_kw": [power_kw + 10 * level for _ in range(steps) for level in (-1, 0, 1)],
        "available_kw": [],
        "telemetry_offset": -1,
        "stale": False,
    }
    return record | fields


def score(plant_id: str = "a", step: int = 0, **fields: Any) -> dict[str, Any]:
    valid_at = T0_MS + step * QUARTER_MS
    record = {
        "plant_id": plant_id,
        "valid_at": valid_at,
        "known_at": valid_at,
        "actual_kw": [90.0, 90.0],
        "capacity_kw": 1000.0,
        "lead_s": [900, 3600],
        "issued_at": [valid_at - 900_000, valid_at - 3_600_000],
        "model": ["cold-start"] * 2,
        "version": ["0"] * 2,
        "rung": [0, 1],
        "median_kw": [100.0, 120.0],
        "pinball_kw": [5.0, 9.0],
        "low_kw": [80.0, 95.0],
        "high_kw": [130.0, 150.0],
        "inside": [True, False],
    }
    return record | fields


def anomaly(plant_id: str = "a", sequence: int = 0, phase: str = "open", **fields: Any) -> dict[str, Any]:
    record = {
        "plant_id": plant_id,
        "unit_id": "",
        "detector": "outage",
        "started_at": T0_MS,
        "sequence": sequence,
        "phase": phase,
        "event_time": T0_MS + sequence * QUARTER_MS,
        "known_at": T0_MS,
        "severity": "warning",
        "expected_kw": 500.0,
        "actual_kw": 0.0,
        "energy_kwh": 125.0,
        "evidence": {"wind_speed_ms": 9.5},
        "message": "no power in 9.5 m/s",
    }
    return record | fields


def drift(plant_id: str = "a", **fields: Any) -> dict[str, Any]:
    record = {
        "plant_id": plant_id,
        "detector": "page_hinkley",
        "subject": "error",
        "event_time": T0_MS,
        "known_at": T0_MS,
        "statistic": 51.0,
        "p_value": None,
        "before": 0.05,
        "after": 0.12,
        "model": "cold-start",
        "version": "0",
        "message": "the error has doubled",
    }
    return record | fields


def run(plant_id: str = "a", hours: int = 3, **fields: Any) -> dict[str, Any]:
    record = {
        "plant_id": plant_id,
        "source": "test",
        "published_at": T0_MS,
        "known_at": T0_MS,
        "journaled": True,
        "valid_at": [T0_MS + hour * 3_600_000 for hour in range(hours)],
        "columns": [
            {"name": "wind_speed_100m_ms", "values": [8.0 + hour for hour in range(hours)]},
            {"name": "temperature_2m_c", "values": [None] * hours},
        ],
        "points": [
            {
                "point_id": "north",
                "latitude": 49.0,
                "longitude": None,
                "columns": [{"name": "wind_speed_100m_ms", "values": [7.0] * hours}],
            }
        ],
    }
    return record | fields


def release(name: str = "demo", valid_from: int = T0_MS, **fields: Any) -> dict[str, Any]:
    record = {
        "name": name,
        "version": "1",
        "valid_from": valid_from,
        "known_at": valid_from,
        "role": "champion",
        "artifact_sha256": "ab" * 32,
        "artifact_bytes": 1234,
        "plants": [],
        "manifest": '{"trained_until": "2014-05-01", "loss": NaN}',
    }
    return record | fields
