"""A whole topic, record by record, outside any group: what the commands that look at topics read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from infra.topic_reader import read, spans
from schemas.codec import Codec
from schemas.errors import DecodeError

if TYPE_CHECKING:
    from infra.settings import Settings

Advance = Callable[[int], None]


def silent(_records: int) -> None:
    """Progress that nobody looks at."""


class Found(NamedTuple):
    """A record that could be read, and where it stands."""

    partition: int
    offset: int
    name: str
    record: Mapping[str, Any]


@dataclass
class Scan:
    """One reading of a topic up to where its log ends now. `advance` is told of records as they are read.

    `unreadable` counts payloads that are no record; tombstones are passed over.
    """

    settings: Settings
    codec: Codec
    topic: str
    advance: Advance = silent
    unreadable: int = field(default=0, init=False)

    def __iter__(self) -> Iterator[Found]:
        """Raises `InputError` for an unknown topic, `ServiceUnavailable` where Kafka does not answer."""
        for messages in read(self.settings, self.topic):
            for message in messages:
                payload = message.value()
                if payload is None:
                    continue
                try:
                    name, record = self.codec.decode(payload)
                except DecodeError:
                    self.unreadable += 1
                    continue
                yield Found(int(message.partition() or 0), int(message.offset() or 0), name, record)
            self.advance(len(messages))


def size(settings: Settings, topic: str) -> int:
    """How many records the log of a topic holds at most (compaction leaves gaps)."""
    return sum(span.end - span.first for span in spans(settings, topic).values())
