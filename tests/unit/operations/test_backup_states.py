"""States of years come back without being held in memory, under the name of who owned them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from cli.backup.topics import Kept, _as_own
from streams.checkpoints import MARKER_KEY, OWNER, SINCE, TAKEN_AT


def kept(offset: int, owner: bytes, key: bytes = b"a|1", *more: tuple[str, bytes]) -> Kept:
    return Kept(offset, key, b"state", ((OWNER, owner), *more))


def marker(offset: int, owner: bytes, taken_at: int) -> Kept:
    told = ((TAKEN_AT, str(taken_at).encode()), (SINCE, b"3"))
    return kept(offset, owner, MARKER_KEY + b"0", *told)


RECORDS = [
    kept(2, b"old"), marker(3, b"old", 1), kept(5, b"new", b"b|1"), kept(6, b"old", b"c|1"),
    marker(7, b"new", 4), kept(8, b"old", b"a|2"),
]  # fmt: skip


def test_a_state_holds_at_the_newest_marker_where_it_held_before() -> None:
    made = list(_as_own(lambda: iter(RECORDS)))
    owners = [dict(one.headers)[OWNER] for one in made]
    assert owners == [b"new", b"new", b"new", b"old", b"new", b"old"]
    newest = dict(made[4].headers)
    assert (newest[TAKEN_AT], newest[SINCE]) == (b"0", b"0")
    assert [one.value for one in made] == [one.value for one in RECORDS]


def test_without_a_marker_every_state_keeps_its_owner() -> None:
    made = list(_as_own(lambda: iter(RECORDS[:1])))
    assert made == RECORDS[:1]


def test_records_go_out_as_they_come_in() -> None:
    """The second time, what was yielded has been read and nothing more."""
    reads = 0

    def read() -> Iterator[Kept]:
        nonlocal reads
        reads += 1
        yield from RECORDS[:1]
        if reads == 2:
            raise MemoryError("read ahead")
        yield from RECORDS[1:]

    made = _as_own(read)
    assert dict(next(made).headers)[OWNER] == b"new"
    with pytest.raises(MemoryError):
        next(made)
