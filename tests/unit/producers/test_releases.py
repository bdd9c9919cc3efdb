"""A release goes out in pieces that a broker takes, and never under a wrong name."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import pytest

from infra.kafka import Outgoing
from infra.topics import ARTIFACTS, RELEASES
from producers.releases import CHUNK_BYTES, chunks, send_release
from schemas.codec import Codec
from schemas.errors import InputError
from schemas.records import ReleaseRecord, ReleaseRole


class Kept:
    """A way out that keeps what it is given."""

    def __init__(self) -> None:
        self.records: list[Outgoing] = []

    def send(self, records: Iterable[Outgoing]) -> int:
        taken = list(records)
        self.records += taken
        return len(taken)


def record(artifact: bytes) -> ReleaseRecord:
    sha256 = hashlib.sha256(artifact).hexdigest()
    return ReleaseRecord("wind", "1", 0, 0, ReleaseRole.CHAMPION, sha256, len(artifact))


@pytest.mark.parametrize("size", [1, CHUNK_BYTES, CHUNK_BYTES + 1, 3 * CHUNK_BYTES])
def test_pieces_make_up_the_artifact_and_stay_small(size: int) -> None:
    artifact = bytes(size)
    made = chunks(artifact)
    assert b"".join(chunk["payload"] for chunk in made) == artifact
    assert {chunk["count"] for chunk in made} == {len(made)}
    assert all(len(chunk["payload"]) < 900_000 for chunk in made)


def test_the_record_comes_after_the_artifact() -> None:
    out = Kept()
    send_release(out, Codec(), record(b"abc"), b"abc")
    assert [sent.topic for sent in out.records] == [ARTIFACTS, RELEASES]
    assert out.records[1].key == b"wind|1970-01-01T00:00:00.000Z"


def test_an_artifact_that_is_not_the_named_one_stays_here() -> None:
    out = Kept()
    with pytest.raises(InputError, match="another artifact"):
        send_release(out, Codec(), record(b"abc"), b"abd")
    assert out.records == []
