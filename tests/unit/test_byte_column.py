"""A column of bytes reads as the sequence that it was made of."""

import numpy as np
import pytest

from schemas.byte_column import ByteColumn

VALUES = [b"", None, b"abc", b"\xff\x00", None, b"d"]


@pytest.mark.parametrize("part", [slice(None), slice(1, 4), slice(2, None), slice(6, None), slice(3, 3)])
def test_it_reads_as_the_sequence_whole_and_in_part(part: slice) -> None:
    column, wanted = ByteColumn.of(VALUES)[part], VALUES[part]
    assert (len(column), list(column)) == (len(wanted), wanted)
    assert [column[at] for at in range(len(wanted))] == wanted
    assert column == wanted and column != [*wanted, b"x"]
    edges, content = column.spans()
    cut = [bytes(content[edges[at] : edges[at + 1]]) for at in range(len(wanted))]
    assert cut == [value or b"" for value in wanted]


def test_parts_are_joined_and_rows_are_taken() -> None:
    column = ByteColumn.joined([ByteColumn.of(VALUES)[1:3], ByteColumn.of(VALUES)[3:]])
    assert column == VALUES[1:]
    assert column.take(np.array([0, 2, 4])) == [None, b"\xff\x00", b"d"]
    assert column.take(np.arange(5)) is column
    assert ByteColumn.of(column) is column
