"""Records of one change of releases, before they are dated and sent."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from cli.training import known_to_serve
from consumers.releases import identity, manifest_of
from models.training.manifest import brief
from schemas.records import ReleaseRecord, ReleaseRole

#: A Kafka message may have 1 MB; the artifact holds the manifest whole.
MANIFEST_BYTES: Final = 600_000


def left_running(gone: dict[tuple[str, ...], ReleaseRecord], by: ReleaseRecord) -> list[ReleaseRecord]:
    """What a promotion puts aside, as shadows."""
    made = []
    for plants, record in gone.items():
        strangers = strangers_to(record, plants)
        known = tuple(plant_id for plant_id in plants if plant_id not in strangers)
        if identity(record) != identity(by) and (known or not plants):
            made.append(replace(record, role=ReleaseRole.SHADOW, plants=known))
    return made


def same(record: ReleaseRecord | None, other: ReleaseRecord) -> bool:
    """Whether both are records of one release."""
    return record is not None and identity(record) == identity(other)


def serves_not(record: ReleaseRecord, serving: Mapping[str | None, ReleaseRecord | None]) -> str:
    """That it is another release that serves, and which."""
    plant_id, serves = next((p, one) for p, one in serving.items() if not same(one, record))
    does = known_to_serve(serves)
    return f"{record.name} {record.version} does not serve {plant_id or 'every plant'}: {does} does"


def strangers_to(record: ReleaseRecord, plants: tuple[str, ...]) -> list[str]:
    """Plants among these that a release was not trained on: workers refuse a record that names one."""
    trained = manifest_of(record).get("plants")
    return [] if trained is None else sorted(set(plants) - set(trained))


def withdrawn(record: ReleaseRecord, plants: tuple[str, ...], why: dict[str, Any] | None) -> ReleaseRecord:
    """A release as it goes; `why` is kept in the record's manifest."""
    manifest = manifest_of(record)
    if why is not None:
        manifest["withdrawn"] = why
    text = json.dumps(brief(manifest, MANIFEST_BYTES), sort_keys=True)
    return replace(record, role=ReleaseRole.WITHDRAWN, plants=plants, manifest=text)
