"""Which release serves which plant, and which runs beside it, from which place in a journal on.

What holds at an offset follows from the records up to it and from nothing else, so a state of any age can be
taken further. Records are kept for good, withdrawals too, without their manifests.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Final

from models import snapshot
from models.release import Release, cold_start
from models.snapshot import Held, Refusal
from schemas.records import ReleaseRecord, ReleaseRole

#: Name, version and hash of a release: records that agree in them are about the same models.
Key = tuple[str, str, str]
COLD: Final[Key] = ("cold-start", "0", "")
REFUSALS_KEPT: Final = 500  # a marker must fit into a message, whatever is sent
LONGEST_WHY: Final = 300


def key_of(held: Held | None) -> Key:
    """What a record is about; the cold start where there is none."""
    if held is None:
        return COLD
    return held.record.name, held.record.version, held.record.artifact_sha256


@cache
def _cold() -> Release:
    """One for all partitions: plants that one release serves are forecast together."""
    return cold_start()


@dataclass
class Serving:
    """The releases of one journal partition, in its order; each is loaded once, when a plant needs it."""

    load: Callable[[ReleaseRecord], Release]
    held: list[Held] = field(default_factory=list)
    refused: list[Refusal] = field(default_factory=list)
    cold: Release = field(default_factory=_cold)
    loaded: dict[Key, Release] = field(default_factory=dict)

    def first_offset(self, record: ReleaseRecord) -> int | None:
        """Where the record stood first, where it is known already."""
        return next((held.offset for held in self.held if _identity(held.record) == _identity(record)), None)

    def add(self, held: Held) -> Held:
        """Let a journal record count; one that is known counts from its first place on."""
        for other in self.held:
            if _identity(other.record) == _identity(held.record):
                return other
        kept = replace(held, record=replace(held.record, manifest="{}"))
        self.held.append(kept)
        self.held.sort(key=lambda one: one.offset)
        return kept

    def drop(self, held: Held) -> None:
        """Forget a record that must not count."""
        self.held.remove(held)

    def refusal_of(self, record: ReleaseRecord) -> str | None:
        """Why a record was refused when it was heard first: also if its artifact has been mended since, or a
        restore and a replay would come out differently. A new record of the same release is judged anew.
        """
        identity = _hash(record) if self.refused else ""
        return next((one.why for one in self.refused if one.identity == identity), None)

    def refuse(self, offset: int, record: ReleaseRecord, why: str) -> str:
        """Remember that a record must not count; what is told of it."""
        self.refused = [*self.refused, Refusal(offset, _hash(record), why[:LONGEST_WHY])][-REFUSALS_KEPT:]
        return self.refused[-1].why

    def release(self, held: Held | None) -> Release:
        """The models of a record; the cold start where there is none.

        :raises ReleaseRefused: its artifact must not be used
        """
        if held is None or not held.record.artifact_sha256:
            return self.cold
        key = key_of(held)
        if key not in self.loaded:
            self.loaded[key] = self.load(held.record)
        return self.loaded[key]

    def judge(self, held: Held) -> None:
        """Have the models of a record at hand that was just heard. What it says is looked at each time, also
        where another record has brought the same models: a restore may hear of them in another order.

        :raises ReleaseRefused: its artifact must not be used, or not for these plants
        """
        if key_of(held) in self.loaded and held.record.artifact_sha256:
            self.load(held.record)
        self.release(held)

    def key_of_release(self, release: Release) -> Key:
        """What the models in use are those of."""
        return next((key for key, known in self.loaded.items() if known is release), COLD)

    def champion_at(self, offset: int, plant_id: str) -> Held | None:
        """Why a release serves a plant by the journal up to an offset: the newest promotion that was not
        withdrawn; states restored beside it may know more.
        """
        return next((h for h in reversed(self._standing(offset, plant_id)) if _is_champion(h)), None)

    def shadow_at(self, offset: int, plant_id: str) -> Held | None:
        """Why a release runs beside the champion of a plant: the newest shadow, unless it was withdrawn or
        serves. Nothing comes back to life when it ends.
        """
        shadows = (
            held
            for held in reversed(self.held)
            if held.offset <= offset and held.record.role is ReleaseRole.SHADOW and _is_for(held, plant_id)
        )
        newest = next(shadows, None)
        if newest is None or newest not in self._standing(offset, plant_id):
            return None
        return None if key_of(self.champion_at(offset, plant_id)) == key_of(newest) else newest

    def _standing(self, offset: int, plant_id: str) -> list[Held]:
        """The records for a plant up to an offset whose releases were not withdrawn after them."""
        standing: list[Held] = []
        for held in self.held:
            if held.offset > offset or not _is_for(held, plant_id):
                continue
            if held.record.role is ReleaseRole.WITHDRAWN:
                gone = held.record.name, held.record.version
                standing = [h for h in standing if (h.record.name, h.record.version) != gone]
            else:
                standing.append(held)
        return standing

    def only(self, record: ReleaseRecord, release: Release) -> None:
        """Serve every plant from one release, whatever the journal has said."""
        self.held = [Held(-1, replace(record, role=ReleaseRole.CHAMPION, plants=(), manifest="{}"))]
        self.loaded = {key_of(self.held[0]): release}

    def to_json(self) -> str:
        """The records that count, for the partition's marker."""
        return snapshot.releases_json(self.held, self.refused)

    def restore(self, text: str) -> None:
        """Take over the records that a marker names, and what was refused."""
        for held in snapshot.releases_from(text):
            self.add(held)
        self.refused = snapshot.refusals_from(text)


def _identity(record: ReleaseRecord) -> tuple[str, str, int, ReleaseRole]:
    return record.name, record.version, record.valid_from_ms, record.role


def _hash(record: ReleaseRecord) -> str:
    said = json.dumps([*_identity(record), record.artifact_sha256, record.plants])
    return hashlib.sha256(said.encode()).hexdigest()[:32]


def _is_for(held: Held, plant_id: str) -> bool:
    return not held.record.plants or plant_id in held.record.plants


def _is_champion(held: Held) -> bool:
    return held.record.role is ReleaseRole.CHAMPION
