"""What every peer does with a record: rolling features of the plant's power by the hour.

Plain Python values in and out, so that each framework keeps them in its own kind of state.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[3]
JOURNAL = "plant.telemetry"
RESULTS = "bench.results"
HEADER_BYTES = 5  # a magic byte and the schema's id stand before the Avro body
TELEMETRY: dict[str, Any] = json.loads((ROOT / "schemas" / "telemetry.avsc").read_text())
RESULT: dict[str, Any] = {
    "type": "record",
    "name": "Features",
    "fields": [
        {"name": "plant_id", "type": "string"},
        {"name": "event_time", "type": "long"},
        *(
            {"name": name, "type": ["null", "double"]}
            for name in ("last_kw", "mean_3h_kw", "mean_6h_kw", "mean_24h_kw", "spread_24h_kw")
        ),
    ],
}
HOURS = 24
HOUR_MS = 3_600_000

State = dict[str, Any]


def start() -> State:
    """The state of a plant that nothing is known of: its newest hours, the sums and counts of their scans."""
    return {"hours": [], "sums": [], "counts": [], "last_kw": None}


def step(state: State, record: Mapping[str, Any]) -> Mapping[str, Any]:
    """Take a record into the state, in place; returns the features after it."""
    event_ms = _ms(record["event_time"])
    power_kw = record["power_kw"]
    if power_kw is not None:
        _add(state, (event_ms - 1) // HOUR_MS, power_kw)
        state["last_kw"] = power_kw
    means = [total / count for total, count in zip(state["sums"], state["counts"], strict=True)]
    return {
        "plant_id": record["plant_id"],
        "event_time": event_ms,
        "last_kw": state["last_kw"],
        "mean_3h_kw": _mean(means[-3:]),
        "mean_6h_kw": _mean(means[-6:]),
        "mean_24h_kw": _mean(means),
        "spread_24h_kw": max(means) - min(means) if means else None,
    }


def _add(state: State, hour: int, power_kw: float) -> None:
    hours, sums, counts = state["hours"], state["sums"], state["counts"]
    if not hours or hour > hours[-1]:
        hours.append(hour)
        sums.append(0.0)
        counts.append(0)
        if len(hours) > HOURS:
            del hours[0], sums[0], counts[0]
    if hour in hours:  # a late scan goes where it belongs
        place = hours.index(hour)
        sums[place] += power_kw
        counts[place] += 1


def _mean(values: list[float]) -> float | None:
    return sum(values) / len(values) if values else None


def _ms(stamp: Any) -> int:
    """fastavro makes datetimes of stamps."""
    return stamp if isinstance(stamp, int) else round(stamp.timestamp() * 1000)
