"""What identifies a record, and what it says: the two things that a digest is made of.

Left out is what a replay may do otherwise without being wrong: offsets, and when something was known.
"""

from __future__ import annotations

import struct
from array import array
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from consumers import tables

Identity = tuple[str | int | bool, ...]


@dataclass(frozen=True)
class Kind:
    """How records of one name are told apart.

    `key`: fields that identify a record. `time`: the field that a range of time looks at. `left_out`: fields
    that may differ between two copies. `may_change`: another value under the same identity is a correction
    and no alarm. `maker`: fields of the key that say who made it, and not what it is about.
    """

    key: tuple[str, ...]
    time: str | None
    left_out: frozenset[str] = frozenset({"known_at"})
    may_change: bool = False
    maker: frozenset[str] = frozenset()


_FORECAST_PLACE: Final = frozenset({"known_at", "telemetry_offset"})
_RUN_PATH: Final = frozenset({"known_at", "journaled"})

#: Output records are identified as their tables identify rows.
KINDS: Final[Mapping[str, Kind]] = {
    "Forecast": Kind(
        tables.FORECASTS.key, "issued_at", _FORECAST_PLACE, maker=frozenset({"model", "version"})
    ),
    "AnomalyEvent": Kind(tables.ANOMALIES.key, "event_time"),
    "Score": Kind(tables.SCORES.key, "valid_at"),
    "DriftEvent": Kind(tables.DRIFT.key, "event_time"),
    "RejectedRecord": Kind(tables.REJECTS.key, None),
    "Telemetry": Kind(tables.TELEMETRY.key, "event_time", may_change=True),
    "Tick": Kind(("plant_id", "event_time"), "event_time"),
    "WeatherRun": Kind(tables.WEATHER_RUNS.key, "published_at", _RUN_PATH),
    "WeatherObservation": Kind(("plant_id", "source", "event_time"), "event_time", may_change=True),
    "PlantVersion": Kind(("plant_id", "valid_from"), "valid_from", may_change=True),
    "Release": Kind(("name", "version", "valid_from", "role"), "valid_from"),
}


def plant_of(record: Mapping[str, Any]) -> str:
    """The plant that a record is about; empty for those about none."""
    return record.get("plant_id") or ""


def identity(name: str, record: Mapping[str, Any]) -> Identity:
    """Name and key of a record: equal for its copies, and in the order that a digest goes by."""
    return (name, *(record[field] for field in KINDS[name].key))


def about(key: Identity) -> Identity:
    """What an identity is about, whoever made it: equal for the forecasts of two releases for one issue."""
    name, *values = key
    kind = KINDS[str(name)]
    return (name, *(v for n, v in zip(kind.key, values, strict=True) if n not in kind.maker))


def time_of(key: Identity) -> int:
    """The time in an identity, in milliseconds since 1970: that of its kind, or when it began; 0 for none."""
    name, *values = key
    kind = KINDS[str(name)]
    named = dict(zip(kind.key, values, strict=True))
    return int(named.get(kind.time or "", named.get("started_at", 0)))


def said(name: str, record: Mapping[str, Any]) -> bytes:
    """All that a record says beside its identity, as bytes: equal bytes for equal values, to the last bit."""
    kind = KINDS[name]
    rest = {k: v for k, v in record.items() if k not in kind.left_out and k not in kind.key}
    return canonical(rest)


def canonical(value: Any) -> bytes:
    """A value of a record as bytes: every part with its type and length, maps in the order of their keys."""
    if isinstance(value, float):
        return b"d" + struct.pack("<d", value)
    if value is None:
        return b"n"
    if isinstance(value, bool):
        return b"t" if value else b"f"
    if isinstance(value, int):
        return b"i" + struct.pack("<q", value)
    if isinstance(value, str):
        return _sized(b"s", value.encode())
    if isinstance(value, bytes):
        return _sized(b"b", value)
    if isinstance(value, Mapping):
        return _sized(b"m", b"".join(canonical(k) + canonical(value[k]) for k in sorted(value)))
    return _sequence(value)


def _sequence(values: Any) -> bytes:
    """Lists of numbers, which forecasts consist of, at once; an Avro array holds one type, perhaps null."""
    first = type(values[0]) if values else None
    try:
        if first is float:
            return _sized(b"D", array("d", values).tobytes())
        if first is int:
            return _sized(b"I", array("q", values).tobytes())
    except TypeError:
        pass  # a null stands among them
    return _sized(b"l", b"".join(map(canonical, values)))


def _sized(kind: bytes, content: bytes) -> bytes:
    return kind + struct.pack("<I", len(content)) + content
