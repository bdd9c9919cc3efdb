"""Up to which stamp a source's values are in the journal: a small file a plant, and history starts there."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

from schemas.errors import InputError


class LiveBookmark:
    """The stamp [ms] of the newest scan of a plant that Kafka has acknowledged."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @classmethod
    def of(cls, home: Path, endpoint: str, plant_id: str) -> LiveBookmark:
        """The bookmark of a plant at a server."""
        digest = hashlib.sha256(f"{endpoint}\0{plant_id}".encode()).hexdigest()
        return cls(home / "telemetry" / f"{digest[:24]}.json")

    def read(self) -> int | None:
        """The stamp; None where nothing has been acknowledged yet.

        Raises:
            InputError: the file is damaged.
        """
        if not self._path.exists():
            return None
        try:
            return int(json.loads(self._path.read_text())["acknowledged_ms"])
        except (ValueError, KeyError, TypeError) as error:
            raise InputError(f"{self._path} is damaged: delete it to read the history again") from error

    def write(self, acknowledged_ms: int) -> None:
        """Remember that all up to this stamp is acknowledged."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        partial = self._path.with_name(f".{self._path.name}.{os.getpid()}")
        partial.write_text(json.dumps({"acknowledged_ms": acknowledged_ms}))
        partial.replace(self._path)
