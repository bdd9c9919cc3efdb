"""The control records as Python objects: plant versions, weather runs, releases.

Times are integer milliseconds since 1970 in UTC. A missing number is None in a scalar, NaN in an array,
null in Avro. `from_avro` takes what `Codec.decode` returns and raises `DecodeError` when the parts of a
record contradict each other; whether its numbers make sense is for `models.validate`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from schemas.errors import DecodeError, Reason

Floats = NDArray[np.float64]
Longs = NDArray[np.int64]


class PlantKind(StrEnum):
    """What a plant turns into power."""

    WIND = "wind"
    SOLAR = "solar"


class ReleaseRole(StrEnum):
    """What a release does: publish (champion), run beside (shadow), or nothing any more."""

    CHAMPION = "champion"
    SHADOW = "shadow"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True)
class PlantVersion:
    """What the registry says of a plant from `valid_from_ms` on. kW, degrees, metres, seconds."""

    plant_id: str
    valid_from_ms: int
    known_at_ms: int
    kind: PlantKind
    capacity_kw: float
    resolution_s: int
    latitude: float | None = None
    longitude: float | None = None
    issue_every_s: int = 900
    scan_s: int | None = None
    min_kw: float | None = None
    hub_height_m: float | None = None
    tilt_deg: float | None = None
    azimuth_deg: float | None = None
    timezone: str | None = None

    def to_avro(self) -> dict[str, Any]:
        """The record as `Codec.encode("PlantVersion", ...)` takes it."""
        plain = {name: getattr(self, name) for name in _PLANT_PLAIN}
        times = {"valid_from": self.valid_from_ms, "known_at": self.known_at_ms}
        return plain | times | {"kind": self.kind.value}

    @classmethod
    def from_avro(cls, record: Mapping[str, Any]) -> Self:
        """The object of a decoded record."""
        return cls(
            valid_from_ms=record["valid_from"],
            known_at_ms=record["known_at"],
            kind=PlantKind(record["kind"]),
            **{name: record[name] for name in _PLANT_PLAIN},
        )


_PLANT_PLAIN = (
    "plant_id",
    "capacity_kw",
    "resolution_s",
    "latitude",
    "longitude",
    "issue_every_s",
    "scan_s",
    "min_kw",
    "hub_height_m",
    "tilt_deg",
    "azimuth_deg",
    "timezone",
)


@dataclass(frozen=True, slots=True, eq=False)
class AreaPoint:
    """Weather at another grid point of the plant's area, at the valid times of its run.

    `columns`: name with unit -> f8[n], NaN where missing.
    """

    point_id: str
    latitude: float | None
    longitude: float | None
    columns: dict[str, Floats]

    def to_avro(self) -> dict[str, Any]:
        """The point as it stands in a `WeatherRun` record."""
        return {
            "point_id": self.point_id,
            "latitude": self.latitude,
            "longitude": self.longitude,
            "columns": _columns_to_avro(self.columns),
        }


@dataclass(frozen=True, slots=True, eq=False)
class WeatherRun:
    """One numerical forecast for one plant: identity is (plant_id, source, published_at_ms).

    `valid_at_ms` i8[n]; `columns` name with unit -> f8[n], NaN where missing.
    """

    plant_id: str
    source: str
    published_at_ms: int
    known_at_ms: int
    valid_at_ms: Longs
    columns: dict[str, Floats]
    points: tuple[AreaPoint, ...] = field(default=())
    journaled: bool = False

    @property
    def family(self) -> str:
        """Whose numbers these are: what stands before a ':' in the source, as `open_meteo` of its archive."""
        return family_of(self.source)

    def to_avro(self) -> dict[str, Any]:
        """The record as `Codec.encode("WeatherRun", ...)` takes it."""
        return {
            "plant_id": self.plant_id,
            "source": self.source,
            "published_at": self.published_at_ms,
            "known_at": self.known_at_ms,
            "journaled": self.journaled,
            "valid_at": self.valid_at_ms.tolist(),
            "columns": _columns_to_avro(self.columns),
            "points": [point.to_avro() for point in self.points],
        }

    @classmethod
    def from_avro(cls, record: Mapping[str, Any]) -> Self:
        """The object of a decoded record.

        Raises:
            DecodeError: `bad_run` when a column is not as long as `valid_at`, or stands there twice.
        """
        valid_at_ms = np.array(record["valid_at"], dtype=np.int64)
        size = len(valid_at_ms)
        return cls(
            plant_id=record["plant_id"],
            source=record["source"],
            published_at_ms=record["published_at"],
            known_at_ms=record["known_at"],
            valid_at_ms=valid_at_ms,
            columns=_columns_from_avro(record["columns"], size),
            points=tuple(_point_from_avro(point, size) for point in record["points"]),
            journaled=record["journaled"],
        )


@dataclass(frozen=True, slots=True)
class ReleaseRecord:
    """A model release and what it does from `valid_from_ms` on; `plants` empty means every plant.

    `manifest` is JSON text; `artifact_sha256` is empty for the built-in cold start.
    """

    name: str
    version: str
    valid_from_ms: int
    known_at_ms: int
    role: ReleaseRole
    artifact_sha256: str
    artifact_bytes: int
    plants: tuple[str, ...] = ()
    manifest: str = "{}"

    def to_avro(self) -> dict[str, Any]:
        """The record as `Codec.encode("Release", ...)` takes it."""
        return {
            "name": self.name,
            "version": self.version,
            "valid_from": self.valid_from_ms,
            "known_at": self.known_at_ms,
            "role": self.role.value,
            "artifact_sha256": self.artifact_sha256,
            "artifact_bytes": self.artifact_bytes,
            "plants": list(self.plants),
            "manifest": self.manifest,
        }

    @classmethod
    def from_avro(cls, record: Mapping[str, Any]) -> Self:
        """The object of a decoded record."""
        return cls(
            name=record["name"],
            version=record["version"],
            valid_from_ms=record["valid_from"],
            known_at_ms=record["known_at"],
            role=ReleaseRole(record["role"]),
            artifact_sha256=record["artifact_sha256"],
            artifact_bytes=record["artifact_bytes"],
            plants=tuple(record["plants"]),
            manifest=record["manifest"],
        )


def _columns_to_avro(columns: Mapping[str, Floats]) -> list[dict[str, Any]]:
    return [
        {"name": name, "values": [None if value != value else value for value in values.tolist()]}
        for name, values in columns.items()
    ]


def checked_columns(columns: Iterable[tuple[str, Floats]], size: int) -> dict[str, Floats]:
    """Weather columns by name, each with `size` values.

    Raises:
        DecodeError: `bad_run` when a column is longer or shorter, or stands there twice.
    """
    made: dict[str, Floats] = {}
    for name, values in columns:
        if name in made or len(values) != size:
            wrong = "is there twice" if name in made else f"has {len(values)} values for {size} valid times"
            raise DecodeError(Reason.BAD_RUN, f"column {name!r} {wrong}")
        made[name] = values
    return made


def _columns_from_avro(columns: list[Mapping[str, Any]], size: int) -> dict[str, Floats]:
    return checked_columns(
        ((column["name"], np.array(column["values"], dtype=np.float64)) for column in columns), size
    )


def _point_from_avro(point: Mapping[str, Any], size: int) -> AreaPoint:
    return AreaPoint(
        point_id=point["point_id"],
        latitude=point["latitude"],
        longitude=point["longitude"],
        columns=_columns_from_avro(point["columns"], size),
    )


def family_of(source: str) -> str:
    """What stands before a ':' in the name of a source."""
    return source.partition(":")[0]
