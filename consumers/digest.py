"""What a topic says, as a hash: of identities and values, repeats removed, in the order of identity.

Two topics with equal digests hold the same forecasts (or events, scores, telemetry) to the last bit, however
often, in which order and by whom their records were written.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from consumers.identity import KINDS, Identity, canonical, identity, plant_of, said
from consumers.scan import Advance, Scan, silent
from schemas.codec import Codec

if TYPE_CHECKING:
    from infra.settings import Settings

Hash = bytes
_HASH_BYTES: Final = 16  # of each record, in memory; the published digests are whole SHA-256


@dataclass(frozen=True)
class TimeRange:
    """[from, to) in epoch milliseconds; None leaves an end open."""

    from_ms: int | None = None
    to_ms: int | None = None

    def holds(self, time_ms: int) -> bool:
        """Whether a time lies in the range."""
        return (self.from_ms is None or time_ms >= self.from_ms) and (
            self.to_ms is None or time_ms < self.to_ms
        )


@dataclass
class Contents:
    """What was said under each identity, by plant: hashes of the distinct values, in the order they came."""

    plants: dict[str, dict[Identity, tuple[Hash, ...]]] = field(default_factory=dict)
    records: int = 0
    repeats: int = 0
    corrections: int = 0
    unreadable: int = 0
    foreign: int = 0

    def add(self, name: str, record: Mapping[str, Any]) -> None:
        """Take in one record."""
        self.records += 1
        known = self.plants.setdefault(plant_of(record), {})
        key = identity(name, record)
        value = hashlib.sha256(said(name, record)).digest()[:_HASH_BYTES]
        before = known.get(key, ())
        if value in before:
            self.repeats += 1
            return
        self.corrections += bool(before) and KINDS[name].may_change
        known[key] = (*before, value)

    def conflicts(self) -> list[tuple[str, Identity]]:
        """Plant and identity of what was said in two ways though it may be said in one only."""
        return [
            (plant_id, key)
            for plant_id, known in sorted(self.plants.items())
            for key in sorted(known)
            if len(known[key]) > 1 and not KINDS[str(key[0])].may_change
        ]

    def digests(self) -> dict[str, str]:
        """SHA-256 in hex of each plant."""
        return {plant_id: _digest(known) for plant_id, known in sorted(self.plants.items())}

    def digest(self) -> str:
        """SHA-256 in hex of the whole topic."""
        whole = hashlib.sha256()
        for plant_id, one in self.digests().items():
            whole.update(canonical(plant_id) + bytes.fromhex(one))
        return whole.hexdigest()


def _digest(known: Mapping[Identity, tuple[Hash, ...]]) -> str:
    whole = hashlib.sha256()
    for key in sorted(known):
        whole.update(canonical(key) + b"".join(in_order(key, known[key])))
    return whole.hexdigest()


def in_order(key: Identity, values: tuple[Hash, ...]) -> list[Hash]:
    """Values of one identity as they are compared: corrections as they came, contradictions in any order."""
    return list(values) if KINDS[str(key[0])].may_change else sorted(values)


def contents(
    settings: Settings,
    codec: Codec,
    topic: str,
    within: TimeRange | None = None,
    advance: Advance = silent,
) -> Contents:
    """Read a topic for its digest.

    Raises:
        InputError: there is no such topic.
        ServiceUnavailable: Kafka does not answer.
    """
    made = Contents()
    scan = Scan(settings, codec, topic, advance)
    for name, record in _of_range(scan, within or TimeRange(), made):
        made.add(name, record)
    made.unreadable = scan.unreadable
    return made


def _of_range(scan: Scan, within: TimeRange, made: Contents) -> Iterator[tuple[str, Mapping[str, Any]]]:
    whole = within == TimeRange()
    for found in scan:
        kind = KINDS.get(found.name)
        if kind is None:
            made.foreign += 1
        elif whole or kind.time is None or within.holds(found.record[kind.time]):
            yield found.name, found.record
