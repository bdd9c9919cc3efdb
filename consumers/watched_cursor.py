"""A cursor that tells of every step, so that a slow write can be told from one that hangs."""

from __future__ import annotations

from collections.abc import Callable
from typing import IO, Any

from psycopg2.extensions import cursor

Moved = Callable[[], None]

_PIECE_BYTES = 64 << 10


class _Told:
    """A file for COPY: each piece that is asked for says that PostgreSQL has taken the one before."""

    def __init__(self, file: IO[bytes], moved: Moved) -> None:
        self._file = file
        self._moved = moved

    def read(self, size: int = -1) -> bytes:
        self._moved()
        return self._file.read(size)


def watched(moved: Moved) -> type[cursor]:
    """A kind of cursor that calls `moved` after each statement, and for each piece of a COPY."""

    class Watched(cursor):
        def execute(self, query: Any, vars: Any = None) -> None:
            super().execute(query, vars)
            moved()

        def copy_expert(self, sql: Any, file: Any, size: int = _PIECE_BYTES) -> None:
            super().copy_expert(sql, _Told(file, moved), size)  # type: ignore[arg-type]  # COPY FROM only reads
            moved()

    return Watched
