"""Keys or payloads of many records as one column of bytes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, overload

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray


class ByteColumn(Sequence[bytes | None]):
    """n keys or payloads; reads as a sequence of them.

    They lie in one piece of memory. A Python object for each is made only where somebody asks for it, which
    for most records nobody does.
    """

    __slots__ = ("array",)

    def __init__(self, array: pa.BinaryArray) -> None:
        self.array = array

    @classmethod
    def of(cls, values: Sequence[bytes | None]) -> ByteColumn:
        """These values, copied unless they are a column."""
        return values if isinstance(values, cls) else cls(pa.array(values, pa.binary()))

    @classmethod
    def joined(cls, columns: Sequence[ByteColumn]) -> ByteColumn:
        """One behind the other; one column at least."""
        return columns[0] if len(columns) == 1 else cls(pa.concat_arrays([one.array for one in columns]))

    def __len__(self) -> int:
        return len(self.array)

    @overload
    def __getitem__(self, at: int) -> bytes | None: ...
    @overload
    def __getitem__(self, at: slice) -> ByteColumn: ...
    def __getitem__(self, at: int | slice) -> bytes | ByteColumn | None:
        found: Any = self.array[at]
        return ByteColumn(found) if isinstance(at, slice) else found.as_py()

    def __iter__(self) -> Iterator[bytes | None]:
        return iter(self.array.to_pylist())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]  # as of any sequence of values

    def spans(self) -> tuple[NDArray[np.int32], memoryview]:
        """Where each entry begins and the last one ends i4[n + 1], and the bytes that this points into.

        A null takes no bytes.
        """
        _, edges, content = self.array.buffers()
        upto = slice(self.array.offset, self.array.offset + len(self) + 1)
        if edges is None or not len(self):
            return np.zeros(1, np.int32), memoryview(b"")
        return np.frombuffer(edges, np.int32)[upto], memoryview(content or b"")

    def take(self, rows: NDArray[np.int64]) -> ByteColumn:
        """The entries at rising places; the whole where they are all."""
        return self if len(rows) == len(self) else ByteColumn(self.array.take(pa.array(rows)))
