"""Which release serves which plant from which place in a journal on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from models import snapshot
from models.release import Release, cold_start
from models.snapshot import Held
from schemas.records import ReleaseRecord


@dataclass
class Serving:
    """The releases of one journal partition, in its order; each is loaded once.

    `names` are the (name, version) of releases that forecasts were made with: columns of pending forecasts
    hold places in this list.
    """

    load: Callable[[ReleaseRecord], Release]
    held: list[tuple[Held, Release]] = field(default_factory=list)
    names: list[tuple[str, ...]] = field(default_factory=list)
    cold: Release = field(default_factory=cold_start)

    def first_offset(self, record: ReleaseRecord) -> int | None:
        """Where the record stood first, where it is known already."""
        return next((held.offset for held, _ in self.held if held.record == record), None)

    def take(self, held: Held) -> Release:
        """The release of a journal record.

        :raises ReleaseRefused: its artifact must not be used
        """
        for other, release in self.held:
            if other.record == held.record:
                return release
        release = self.load(held.record)
        self.held.append((held, release))
        self.held.sort(key=lambda pair: pair[0].offset)
        return release

    def withdraw(self, record: ReleaseRecord) -> None:
        """Serve from this name and version no more."""
        wanted = record.name, record.version
        self.held = [(h, r) for h, r in self.held if (h.record.name, h.record.version) != wanted]

    def at(self, offset: int, plant_id: str) -> Release:
        """What serves a plant by the journal up to an offset; states restored beside it may know more."""
        fits = [
            release
            for held, release in self.held
            if held.offset <= offset and (not held.record.plants or plant_id in held.record.plants)
        ]
        return fits[-1] if fits else self.cold

    def record_of(self, release: Release) -> Held | None:
        """The journal record that brought a release; None for the cold start."""
        return next((held for held, other in self.held if other is release), None)

    def number(self, name: tuple[str, ...]) -> int:
        """Place of a release's (name, version) in `names`, made when it is new."""
        if name not in self.names:
            self.names.append(name)
        return self.names.index(name)

    def to_json(self) -> str:
        """The releases that hold, for the partition's marker."""
        return snapshot.releases_json([held for held, _ in self.held])

    def restore(self, text: str) -> None:
        """Load the releases that a marker names."""
        for held in snapshot.releases_from(text):
            self.take(held)
