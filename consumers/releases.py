"""The releases on `model.releases`, and which of them serves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from infra.topic_reader import newest_records
from infra.topics import RELEASES
from schemas.codec import Codec
from schemas.errors import InputError
from schemas.records import ReleaseRecord, ReleaseRole

if TYPE_CHECKING:
    from infra.settings import Settings


def release_records(settings: Settings, codec: Codec) -> list[ReleaseRecord]:
    """Every record on the topic, in the order in which they were made."""
    newest = newest_records(settings, codec, RELEASES, "Release").values()
    records = [ReleaseRecord.from_avro(record) for record in newest]
    return sorted(records, key=lambda record: (record.known_at_ms, record.valid_from_ms, record.name))


def serving(records: list[ReleaseRecord]) -> list[ReleaseRecord]:
    """The champions that hold, oldest first: the last one that is for a plant serves it.

    As workers have it: a champion comes on top, a withdrawal takes its release out wherever it stands.
    """
    held: list[ReleaseRecord] = []
    for record in records:
        if record.role is ReleaseRole.CHAMPION:
            held.append(record)
        elif record.role is ReleaseRole.WITHDRAWN:
            held = [one for one in held if identity(one) != identity(record)]
    return held


def champion(records: list[ReleaseRecord]) -> ReleaseRecord | None:
    """The champion for every plant; None while only the built-in cold start serves."""
    general = [record for record in serving(records) if not record.plants]
    return general[-1] if general else None


def find(records: list[ReleaseRecord], version: str, name: str | None = None) -> ReleaseRecord:
    """The newest record of a version.

    Raises:
        InputError: there is none, or several names have it.
    """
    found = [one for one in records if one.version == version and name in (None, one.name)]
    if not found:
        known = ", ".join(dict.fromkeys(f"{one.name} {one.version}" for one in records)) or "none"
        wanted = version if name is None else f"{name} {version}"
        raise InputError(f"there is no release {wanted}; there are: {known}")
    if len({one.name for one in found}) > 1:
        raise InputError(f"several releases have the version {version}: say --name")
    return found[-1]


def next_version(records: list[ReleaseRecord], name: str) -> str:
    """One more than the highest number that a release of this name has."""
    taken = [int(one.version) for one in records if one.name == name and one.version.isdecimal()]
    return str(max(taken, default=0) + 1)


def identity(record: ReleaseRecord) -> tuple[str, str]:
    """What a release is called in forecasts: model and version."""
    return record.name, record.version
