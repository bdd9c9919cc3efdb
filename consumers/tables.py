"""The tables that the sink fills: columns, identity and month, written down here and taken from nothing else.

No name of a column or a table ever comes from a record, so that no record can change a statement.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

_UNEQUAL: Final = frozenset({"known_at", "journal_partition", "journal_offset"})


@dataclass(frozen=True, eq=False)
class Table:
    """A table of `infra/migrations`: what COPY writes and what identifies a row.

    `columns`: name -> type as in the migration. `key`: the primary key. `month_of`: the column that chooses
    the partition, None for a table without. `unequal`: columns in which two copies of a record may differ.
    `lengths`: array -> arrays whose lengths, multiplied, it must have; `may_be_empty`: or no element at all.
    """

    name: str
    columns: Mapping[str, str]
    key: tuple[str, ...]
    month_of: str | None = None
    unequal: frozenset[str] = _UNEQUAL
    lengths: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    may_be_empty: frozenset[str] = frozenset()

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The columns, in the order of COPY."""
        return tuple(self.columns)

    @cached_property
    def compared(self) -> tuple[str, ...]:
        """The columns that must be equal in two copies of one record."""
        return tuple(name for name in self.columns if name not in self.key and name not in self.unequal)


_PLACE: Final = {"journal_partition": "integer", "journal_offset": "bigint"}

PLANTS: Final = Table(
    "plants",
    {
        "plant_id": "text",
        "valid_from": "timestamptz",
        "known_at": "timestamptz",
        "kind": "text",
        "capacity_kw": "double precision",
        "resolution_s": "integer",
        "latitude": "double precision",
        "longitude": "double precision",
        "issue_every_s": "integer",
        "scan_s": "integer",
        "min_kw": "double precision",
        "hub_height_m": "double precision",
        "tilt_deg": "double precision",
        "azimuth_deg": "double precision",
        "timezone": "text",
        **_PLACE,
    },
    ("plant_id", "valid_from", "known_at"),
)

TELEMETRY: Final = Table(
    "telemetry",
    {
        "plant_id": "text",
        "event_time": "timestamptz",
        "known_at": "timestamptz",
        "power_kw": "double precision",
        "setpoint_kw": "double precision",
        "wind_speed_ms": "double precision",
        "temperature_c": "double precision",
        "poa_irradiance_w_m2": "double precision",
        "unit_ids": "text[]",
        "unit_power_kw": "double precision[]",
        "unit_wind_speed_ms": "double precision[]",
        **_PLACE,
    },
    ("plant_id", "event_time"),
    "event_time",
)

WEATHER_RUNS: Final = Table(
    "weather_runs",
    {
        "plant_id": "text",
        "source": "text",
        "published_at": "timestamptz",
        "known_at": "timestamptz",
        "valid_at": "timestamptz[]",
        "column_names": "text[]",
        "column_values": "double precision[]",
        "point_ids": "text[]",
        "point_latitudes": "double precision[]",
        "point_longitudes": "double precision[]",
        "point_column_counts": "integer[]",
        "point_column_names": "text[]",
        "point_column_values": "double precision[]",
        **_PLACE,
    },
    ("plant_id", "source", "published_at"),
    "published_at",
)

RELEASES: Final = Table(
    "releases",
    {
        "name": "text",
        "version": "text",
        "valid_from": "timestamptz",
        "known_at": "timestamptz",
        "role": "text",
        "artifact_sha256": "text",
        "artifact_bytes": "bigint",
        "plants": "text[]",
        "manifest": "jsonb",
    },
    ("name", "valid_from"),
)

FORECASTS: Final = Table(
    "forecasts",
    {
        "plant_id": "text",
        "issued_at": "timestamptz",
        "model": "text",
        "version": "text",
        "known_at": "timestamptz",
        "release_sha256": "text",
        "plant_valid_from": "timestamptz",
        "capacity_kw": "double precision",
        "valid_at": "timestamptz[]",
        "interval_s": "integer[]",
        "rung": "smallint[]",
        "levels": "double precision[]",
        "power_kw": "double precision[]",
        "available_kw": "double precision[]",
        "telemetry_offset": "bigint",
        "telemetry_at": "timestamptz",
        "run_source": "text",
        "run_published_at": "timestamptz",
        "telemetry_quality": "double precision",
        "weather_quality": "double precision",
        "stale": "boolean",
    },
    ("plant_id", "issued_at", "model", "version"),
    "issued_at",
    # Where the newest telemetry stands: elsewhere, where a lost journal was sent again from its source.
    unequal=_UNEQUAL | {"telemetry_offset"},
    lengths={
        "valid_at": ("valid_at",),
        "levels": ("levels",),
        "interval_s": ("valid_at",),
        "rung": ("valid_at",),
        "power_kw": ("valid_at", "levels"),
        "available_kw": ("valid_at",),
    },
    may_be_empty=frozenset({"available_kw"}),
)

_SCORE_ARRAYS: Final = (
    "actual_kw",
    "lead_s",
    "issued_at",
    "model",
    "version",
    "rung",
    "median_kw",
    "pinball_kw",
    "low_kw",
    "high_kw",
    "inside",
)

SCORES: Final = Table(
    "scores",
    {
        "plant_id": "text",
        "valid_at": "timestamptz",
        "known_at": "timestamptz",
        "actual_kw": "double precision[]",
        "capacity_kw": "double precision",
        "lead_s": "integer[]",
        "issued_at": "timestamptz[]",
        "model": "text[]",
        "version": "text[]",
        "rung": "smallint[]",
        "median_kw": "double precision[]",
        "pinball_kw": "double precision[]",
        "low_kw": "double precision[]",
        "high_kw": "double precision[]",
        "inside": "boolean[]",
    },
    ("plant_id", "valid_at"),
    "valid_at",
    lengths=dict.fromkeys(_SCORE_ARRAYS, ("lead_s",)),
)

ANOMALIES: Final = Table(
    "anomalies",
    {
        "plant_id": "text",
        "unit_id": "text",
        "detector": "text",
        "started_at": "timestamptz",
        "sequence": "integer",
        "phase": "text",
        "event_time": "timestamptz",
        "known_at": "timestamptz",
        "severity": "text",
        "expected_kw": "double precision",
        "actual_kw": "double precision",
        "energy_kwh": "double precision",
        "evidence": "jsonb",
        "message": "text",
    },
    ("plant_id", "unit_id", "detector", "started_at", "sequence"),
    "started_at",
)

DRIFT: Final = Table(
    "drift_events",
    {
        "plant_id": "text",
        "detector": "text",
        "subject": "text",
        "event_time": "timestamptz",
        "known_at": "timestamptz",
        "statistic": "double precision",
        "p_value": "double precision",
        "before": "double precision",
        "after": "double precision",
        "model": "text",
        "version": "text",
        "message": "text",
    },
    ("plant_id", "detector", "subject", "event_time", "model", "version"),
)

REJECTS: Final = Table(
    "rejects",
    {
        "topic": "text",
        "partition": "integer",
        "offset": "bigint",
        "key": "bytea",
        "payload": "bytea",
        "reason": "text",
        "detail": "text",
        "plant_id": "text",
        "schema_id": "bigint",
    },
    ("topic", "partition", "offset"),
)

TABLES: Final = (
    PLANTS,
    TELEMETRY,
    WEATHER_RUNS,
    RELEASES,
    FORECASTS,
    SCORES,
    ANOMALIES,
    DRIFT,
    REJECTS,
)
