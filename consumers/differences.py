"""Where two topics differ, or where one contradicts itself: plant, identity, fields, and what each used."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import TYPE_CHECKING, Any, Final

from consumers.digest import Contents, in_order
from consumers.identity import KINDS, Identity, about, identity, plant_of, said, time_of
from consumers.provenance import place_in, provenance, reasons
from consumers.scan import Advance, Scan, silent
from schemas.codec import Codec

if TYPE_CHECKING:
    from infra.settings import Settings

_MOST_VALUES: Final = 1000

Place = tuple[str, Identity]
Record = Mapping[str, Any]


@dataclass(frozen=True)
class FieldDifference:
    """A field that two records say otherwise. Of an array: the first place, how many differ, and by how much.

    `place` is -1 for a plain value; `of` says what stands there; `largest` is the greatest absolute
    difference, NaN where there is none.
    """

    field: str
    left: Any
    right: Any
    place: int = -1
    count: int = 1
    largest: float = math.nan
    of: tuple[tuple[str, Any], ...] = ()


@dataclass(frozen=True)
class Difference:
    """One thing that is not said the same on both sides. A side without it has no record there.

    `key`: what is common to both identities: the issue, where two releases have made a forecast of it.
    """

    plant_id: str
    name: str
    key: Mapping[str, Any]
    left: Mapping[str, Any] | None
    right: Mapping[str, Any] | None
    fields: tuple[FieldDifference, ...]

    @property
    def provenance(self) -> dict[str, tuple[Any, Any]]:
        """What the two records were made from, field by field."""
        return provenance(self.left, self.right)

    @property
    def reasons(self) -> list[str]:
        """Why they differ, as far as the records themselves can tell."""
        return reasons(self.left, self.right)


@dataclass(frozen=True)
class Pair:
    """Where the two topics speak of one thing; None on a side that does not."""

    left: Place | None
    right: Place | None

    @property
    def place(self) -> Place:
        found = self.left or self.right
        assert found is not None
        return found

    @property
    def time_ms(self) -> int:
        return time_of(self.place[1])


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

    def in_time(self) -> list[Pair]:
        """All that differs, the earliest first: what comes later may follow from it."""
        right = {about(place[1]): place for place in self.only_right}
        made = [Pair(place, place) for place in self.differing]
        made += [Pair(place, right.pop(about(place[1]), None)) for place in self.only_left]
        made += [Pair(None, place) for place in right.values()]
        return sorted(made, key=lambda pair: (pair.time_ms, pair.place))

    def first_by_plant(self) -> dict[str, int]:
        """When each plant's first difference is, in milliseconds since 1970."""
        found: dict[str, int] = {}
        for pair in self.in_time():
            found.setdefault(pair.place[0], pair.time_ms)
        return found


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
    pairs: Sequence[Pair],
    advance: Advance = silent,
) -> list[Difference]:
    """The records of some pairs of two topics, field by field; both topics are read once more."""
    places = [[p for p in side if p] for side in zip(*((one.left, one.right) for one in pairs), strict=True)]
    left, right = (
        _records(Scan(settings, codec, topic, advance), wanted)
        for topic, wanted in zip(topics, places or ([], []), strict=True)
    )
    made = []
    for pair in pairs:
        ours = left.get(pair.left, []) if pair.left else []
        theirs = right.get(pair.right, []) if pair.right else []
        made.append(_difference(pair.place, *_first_unlike(str(pair.place[1][0]), ours, theirs)))
    return made


def _first_unlike(name: str, left: list[Record], right: list[Record]) -> tuple[Record | None, Record | None]:
    """The first values, in the order in which they came, that are not the same."""
    for ours, theirs in zip_longest(left, right):
        if ours is None or theirs is None or said(name, ours) != said(name, theirs):
            return ours, theirs
    return left[0] if left else None, right[0] if right else None


def within(
    settings: Settings, codec: Codec, topic: str, places: Sequence[Place], advance: Advance = silent
) -> list[Difference]:
    """The first two ways in which one topic says what stands at each of some places."""
    found = _records(Scan(settings, codec, topic, advance), places)
    made = []
    for place in places:
        first, *others = found.get(place, [{}])
        other = next((one for one in others if _fields(first, one, str(place[1][0]))), first)
        made.append(_difference(place, first, other))
    return made


def _records(scan: Scan, places: Iterable[Place]) -> dict[Place, list[Record]]:
    """What a topic says at some places, in the order in which it came, repeats removed."""
    wanted, found = set(places), dict[Place, list[Record]]()
    for one in scan if wanted else ():
        if one.name in KINDS:
            place = plant_of(one.record), identity(one.name, one.record)
            known = found.setdefault(place, []) if place in wanted else None
            if known is not None and all(said(one.name, r) != said(one.name, one.record) for r in known):
                known.append(one.record)
    return found


def _difference(place: Place, left: Record | None, right: Record | None) -> Difference:
    plant_id, (name, *_) = place
    some = left or right or {}
    both = [one for one in (left, right) if one]
    key = {n: some[n] for n in KINDS[str(name)].key if some and all(one[n] == some[n] for one in both)}
    fields = _fields(left, right, str(name)) if left and right else ()
    return Difference(plant_id, str(name), key, left or None, right or None, tuple(fields))


def _fields(left: Record, right: Record, name: str) -> list[FieldDifference]:
    named = [one for one in left if one not in KINDS[name].left_out]
    return [
        found
        for one in named
        if not _same(left[one], right.get(one))
        for found in _field(name, one, left, right)
    ]


def _field(name: str, field: str, ours: Record, theirs: Record) -> list[FieldDifference]:
    left, right = ours[field], theirs.get(field)
    if isinstance(left, Mapping) and isinstance(right, Mapping):
        keys = [key for key in sorted({*left, *right}) if not _same(left.get(key), right.get(key))]
        return [_plain(f"{field}.{key}", left.get(key), right.get(key)) for key in keys]
    if not (isinstance(left, list) and isinstance(right, list) and len(left) == len(right)):
        return [_plain(field, left, right)]
    at = [i for i, (a, b) in enumerate(zip(left, right, strict=True)) if not _same(a, b)]
    distances = [_distance(left[i], right[i]) for i in at[:_MOST_VALUES]]
    largest = max((one for one in distances if not math.isnan(one)), default=math.nan)
    of = tuple(place_in(name, field, at[0], ours).items())
    return [FieldDifference(field, left[at[0]], right[at[0]], at[0], len(at), largest, of)]


def _plain(field: str, left: Any, right: Any) -> FieldDifference:
    return FieldDifference(field, left, right, largest=_distance(left, right))


def _same(left: Any, right: Any) -> bool:
    if isinstance(left, float) and isinstance(right, float) and math.isnan(left):
        return math.isnan(right)
    return bool(left == right)


def _distance(left: Any, right: Any) -> float:
    numbers = isinstance(left, int | float) and isinstance(right, int | float)
    return abs(left - right) if numbers else math.nan
