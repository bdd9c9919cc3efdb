"""Ends of the log that no record stands before: the mark that ends a transaction takes an offset, too.

Kafka says where a partition ends and not whether anything lies before that. To a watchdog it would look as if
work were waiting for ever.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from infra.topic_reader import read

if TYPE_CHECKING:
    from infra.settings import Settings

Place = tuple[str, int]


@dataclass
class Waiting:
    """Finds out whether records wait between a position and an end that stay as they are, once for each."""

    settings: Settings
    _seen: dict[Place, tuple[int, int]] = field(default_factory=dict)
    _hollow: dict[Place, bool] = field(default_factory=dict)

    def end(self, place: Place, at: int, end: int) -> int:
        """Where the records of a partition end: at the position `at` itself where none lies behind it.

        Raises `GridcastError` where Kafka does not answer.
        """
        if end <= at or self._seen.get(place) != (at, end):
            self._seen[place] = (at, end)
            self._hollow.pop(place, None)
            return end
        if place not in self._hollow:
            topic, number = place
            self._hollow[place] = not any(read(self.settings, topic, {number: at}, {number: end}))
        return at if self._hollow[place] else end
