"""Where two topics differ, or where one contradicts itself: plant, identity, fields, and what each used."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from consumers.digest import Contents, in_order
from consumers.identity import KINDS, Identity, identity, plant_of
from consumers.scan import Advance, Scan, silent
from schemas.codec import Codec

if TYPE_CHECKING:
    from infra.settings import Settings

#: What a record was made from, where it says so: the first place to look for the reason of a difference.
PROVENANCE: Final = (
    "release_sha256",
    "plant_valid_from",
    "telemetry_at",
    "telemetry_offset",
    "run_source",
    "run_published_at",
    "known_at",
)
_MOST_VALUES: Final = 1000

Place = tuple[str, Identity]


@dataclass(frozen=True)
class FieldDifference:
    """A field that two records say otherwise. Of an array: the first place, how many differ, and by how much.

    `place` is -1 for a plain value; `largest` is the greatest absolute difference, NaN where there is none.
    """

    field: str
    left: Any
    right: Any
    place: int = -1
    count: int = 1
    largest: float = math.nan


@dataclass(frozen=True)
class Difference:
    """One identity that is not the same on both sides. A side without it has no record there."""

    plant_id: str
    name: str
    key: Mapping[str, Any]
    left: Mapping[str, Any] | None
    right: Mapping[str, Any] | None
    fields: tuple[FieldDifference, ...]

    @property
    def provenance(self) -> dict[str, tuple[Any, Any]]:
        """What the two records were made from, field by field."""
        named = [name for name in PROVENANCE if name in (self.left or self.right or {})]
        return {name: ((self.left or {}).get(name), (self.right or {}).get(name)) for name in named}


@dataclass(frozen=True)
class Compared:
    """Identities in the left topic alone, in the right alone, and in both with other values."""

    only_left: list[Place] = field(default_factory=list)
    only_right: list[Place] = field(default_factory=list)
    differing: list[Place] = field(default_factory=list)

    @property
    def same(self) -> bool:
        return not (self.only_left or self.only_right or self.differing)

    def by_plant(self) -> dict[str, dict[str, int]]:
        """Counts by plant."""
        found: dict[str, Counter[str]] = {}
        for what in ("only_left", "only_right", "differing"):
            for plant_id, _ in getattr(self, what):
                found.setdefault(plant_id, Counter())[what] += 1
        return {plant_id: dict(found[plant_id]) for plant_id in sorted(found)}


def compare(left: Contents, right: Contents) -> Compared:
    """What stands on one side alone, and what is said otherwise; in the order of identities."""
    made = Compared()
    for plant_id in sorted({*left.plants, *right.plants}):
        ours, theirs = left.plants.get(plant_id, {}), right.plants.get(plant_id, {})
        for key in sorted({*ours, *theirs}):
            if key not in theirs:
                made.only_left.append((plant_id, key))
            elif key not in ours:
                made.only_right.append((plant_id, key))
            elif in_order(key, ours[key]) != in_order(key, theirs[key]):
                made.differing.append((plant_id, key))
    return made


def between(
    settings: Settings,
    codec: Codec,
    topics: tuple[str, str],
    places: Sequence[Place],
    advance: Advance = silent,
) -> list[Difference]:
    """The records at some places of two topics, field by field; both topics are read once more."""
    left, right = (_records(Scan(settings, codec, topic, advance), places) for topic in topics)
    return [_difference(place, left.get(place, [])[:1], right.get(place, [])[:1]) for place in places]


def within(
    settings: Settings, codec: Codec, topic: str, places: Sequence[Place], advance: Advance = silent
) -> list[Difference]:
    """The first two ways in which one topic says what stands at each of some places."""
    found = _records(Scan(settings, codec, topic, advance), places)
    made = []
    for place in places:
        first, *others = found.get(place, [{}])
        other = next((one for one in others if _fields(first, one, place)), first)
        made.append(_difference(place, [first], [other]))
    return made


def _records(scan: Scan, places: Iterable[Place]) -> dict[Place, list[Mapping[str, Any]]]:
    wanted, found = set(places), dict[Place, list[Mapping[str, Any]]]()
    for one in scan if wanted else ():
        if one.name in KINDS:
            place = plant_of(one.record), identity(one.name, one.record)
            if place in wanted:
                found.setdefault(place, []).append(one.record)
    return found


def _difference(
    place: Place, left: Sequence[Mapping[str, Any]], right: Sequence[Mapping[str, Any]]
) -> Difference:
    plant_id, (name, *values) = place
    key = dict(zip(KINDS[str(name)].key, values, strict=True))
    fields = _fields(left[0], right[0], place) if left and right else ()
    return Difference(
        plant_id, str(name), key, left[0] if left else None, right[0] if right else None, tuple(fields)
    )


def _fields(left: Mapping[str, Any], right: Mapping[str, Any], place: Place) -> list[FieldDifference]:
    kind = KINDS[str(place[1][0])]
    named = [name for name in left if name not in kind.left_out and name not in kind.key]
    return [
        _field(name, left[name], right.get(name)) for name in named if not _same(left[name], right.get(name))
    ]


def _field(name: str, left: Any, right: Any) -> FieldDifference:
    if not (isinstance(left, list) and isinstance(right, list) and len(left) == len(right)):
        return FieldDifference(name, left, right, largest=_distance(left, right))
    at = [i for i, (a, b) in enumerate(zip(left, right, strict=True)) if not _same(a, b)]
    distances = [_distance(left[i], right[i]) for i in at[:_MOST_VALUES]]
    largest = max((one for one in distances if not math.isnan(one)), default=math.nan)
    return FieldDifference(name, left[at[0]], right[at[0]], at[0], len(at), largest)


def _same(left: Any, right: Any) -> bool:
    if isinstance(left, float) and isinstance(right, float) and math.isnan(left):
        return math.isnan(right)
    return bool(left == right)


def _distance(left: Any, right: Any) -> float:
    numbers = isinstance(left, int | float) and isinstance(right, int | float)
    return abs(left - right) if numbers else math.nan
