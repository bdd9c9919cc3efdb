"""The releases on `model.releases`, and which of them serves."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from infra.topic_reader import newest_records
from infra.topics import RELEASES
from schemas.codec import Codec
from schemas.errors import InputError
from schemas.records import ReleaseRecord, ReleaseRole

if TYPE_CHECKING:
    from infra.settings import Settings


class NoRelease(InputError):
    """There is no release of this version."""


def release_records(settings: Settings, codec: Codec) -> list[ReleaseRecord]:
    """Every record on the topic, in the order in which they were made."""
    newest = newest_records(settings, codec, RELEASES, "Release").values()
    records = [ReleaseRecord.from_avro(record) for record in newest]
    return sorted(records, key=lambda record: (record.known_at_ms, record.valid_from_ms, record.name))


def standing(records: list[ReleaseRecord], plant_id: str | None = None) -> list[ReleaseRecord]:
    """The records that count for a plant, oldest first: those whose release was not withdrawn after them.

    As workers have it: the last champion among them serves. Without a plant: what is for every plant.
    """
    held: list[ReleaseRecord] = []
    for record in records:
        if record.plants and plant_id not in record.plants:
            continue
        if record.role is ReleaseRole.WITHDRAWN:
            held = [one for one in held if identity(one) != identity(record)]
        else:
            held.append(record)
    return held


def champion(records: list[ReleaseRecord], plant_id: str | None = None) -> ReleaseRecord | None:
    """What serves a plant, or every plant that nothing else was promoted for; None for the cold start."""
    return next((one for one in reversed(standing(records, plant_id)) if _is_champion(one)), None)


def shadow(records: list[ReleaseRecord], plant_id: str | None = None) -> ReleaseRecord | None:
    """What runs beside the champion: the newest shadow, unless it was withdrawn or serves itself."""
    wanted = [r for r in records if not r.plants or plant_id in r.plants]
    newest = next((r for r in reversed(wanted) if r.role is ReleaseRole.SHADOW), None)
    serves = champion(records, plant_id)
    if newest is None or newest not in standing(records, plant_id):
        return None
    return None if serves is not None and identity(serves) == identity(newest) else newest


def predecessor(records: list[ReleaseRecord], plant_id: str | None = None) -> ReleaseRecord | None:
    """The release that served before the champion and was not withdrawn; None for the cold start."""
    serves = champion(records, plant_id)
    before = [one for one in standing(records, plant_id) if _is_champion(one)]
    return next(
        (one for one in reversed(before) if serves is not None and identity(one) != identity(serves)), None
    )


def named_plants(records: list[ReleaseRecord]) -> list[str]:
    """Plants that some record is for alone: what holds for them may differ from what holds for all."""
    return sorted({plant_id for record in records for plant_id in record.plants})


def replaced(
    records: list[ReleaseRecord], plants: tuple[str, ...] = ()
) -> dict[tuple[str, ...], ReleaseRecord]:
    """The champions that a promotion for these plants (for every plant where there are none) puts aside, by
    the plants that they served; the general one first.
    """
    found: dict[tuple[str, ...], ReleaseRecord] = {}
    general = champion(records)
    if not plants and general is not None:
        found[()] = general
    own: dict[tuple[str, str], list[str]] = {}
    for plant_id in plants or named_plants(records):
        serves = champion(records, plant_id)
        if serves is not None and (plants or general is None or identity(serves) != identity(general)):
            own.setdefault(identity(serves), []).append(plant_id)
    by_name = {identity(record): record for record in records}
    return found | {tuple(served): by_name[name] for name, served in own.items()}


def known_plants(records: list[ReleaseRecord]) -> set[str]:
    """Plants that a release which counts was trained on, by its manifest."""
    found: set[str] = set()
    for plant_id in (None, *named_plants(records)):
        serves = champion(records, plant_id)
        trained = set() if serves is None else set(manifest_of(serves).get("plants", {}))
        found |= trained if plant_id is None else trained & {plant_id}
    return found


def manifest_of(record: ReleaseRecord) -> dict[str, Any]:
    """The manifest as an object; empty where it is none."""
    try:
        manifest = json.loads(record.manifest)
    except ValueError:
        return {}
    return manifest if isinstance(manifest, dict) else {}


def find(records: list[ReleaseRecord], version: str, name: str | None = None) -> ReleaseRecord:
    """The newest record of a version.

    Raises:
        NoRelease: there is none.
        InputError: several names have it.
    """
    found = [one for one in records if one.version == version and name in (None, one.name)]
    if not found:
        known = ", ".join(dict.fromkeys(f"{one.name} {one.version}" for one in records)) or "none"
        wanted = version if name is None else f"{name} {version}"
        raise NoRelease(f"there is no release {wanted}; there are: {known}")
    if len({one.name for one in found}) > 1:
        raise InputError(f"several releases have the version {version}: say --name")
    return found[-1]


def of_job(records: list[ReleaseRecord], job_id: object) -> ReleaseRecord | None:
    """The release that a training published which was this job; None where it has published none."""
    if job_id is None:
        return None
    return next((one for one in records if manifest_of(one).get("job") == job_id), None)


def next_version(records: list[ReleaseRecord], name: str) -> str:
    """One more than the highest number that a release of this name has."""
    taken = [int(one.version) for one in records if one.name == name and one.version.isdecimal()]
    return str(max(taken, default=0) + 1)


def identity(record: ReleaseRecord) -> tuple[str, str]:
    """What a release is called in forecasts: model and version."""
    return record.name, record.version


def _is_champion(record: ReleaseRecord) -> bool:
    return record.role is ReleaseRole.CHAMPION
