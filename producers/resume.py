"""How far a publication has come, kept in a small file: a kill or an outage goes on from there."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Final

from producers.files import SUFFIXES
from schemas.errors import InputError

_BLOCK: Final = 1 << 20


class Bookmark:
    """The number of records that Kafka has acknowledged of one publication; 0 when there is no file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @classmethod
    def of(cls, home: Path, folder: Path, *parts: object) -> Bookmark:
        """The bookmark of a folder's content and of what else makes a publication another: range, cluster."""
        digest = hashlib.sha256(content_hash(folder).encode())
        digest.update(json.dumps([str(part) for part in parts]).encode())
        return cls(home / "publish" / f"{digest.hexdigest()[:24]}.json")

    def done(self) -> int:
        """How many records are acknowledged.

        Raises:
            InputError: the file is damaged.
        """
        if not self._path.exists():
            return 0
        try:
            return int(json.loads(self._path.read_text())["done"])
        except (ValueError, KeyError, TypeError) as error:
            raise InputError(f"{self._path} is damaged: delete it to publish from the beginning") from error

    def write(self, done: int) -> None:
        """Remember that so many records are acknowledged."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        partial = self._path.with_name(f".{self._path.name}.{os.getpid()}")
        partial.write_text(json.dumps({"done": done}))
        partial.replace(self._path)

    def remove(self) -> None:
        """The publication is complete: the next one begins anew."""
        self._path.unlink(missing_ok=True)


def content_hash(folder: Path) -> str:
    """SHA-256 of the tables of a folder, whatever its path."""
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.iterdir() if path.name.endswith(SUFFIXES)):
        digest.update(f"{path.name}\0{path.stat().st_size}\0".encode())
        with path.open("rb") as content:
            while block := content.read(_BLOCK):
                digest.update(block)
    return digest.hexdigest()
