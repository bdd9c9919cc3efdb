"""Keys of the compacted registry topics: what is the same version of the same thing."""

from __future__ import annotations

from datetime import UTC, datetime


def version_key(name: str, valid_from_ms: int) -> bytes:
    """`name|valid_from`, of a plant or a release: compaction then keeps what held when."""
    return f"{name}|{stamp(valid_from_ms)}".encode()


def stamp(time_ms: int) -> str:
    """ISO 8601 in UTC with milliseconds, always of the same length."""
    moment = datetime.fromtimestamp(time_ms / 1000, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
