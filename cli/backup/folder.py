"""The folder of a backup: files with their SHA-256, and `backup.json`, which is written last."""

from __future__ import annotations

import hashlib
import json
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from schemas.errors import InputError

_MANIFEST: Final = "backup.json"
FORMAT: Final = 1
_PIECE: Final = 1 << 20
#: How a backup among others is named: by its moment in UTC.
_DATED: Final = "%Y-%m-%dT%H%M%SZ"


class NewFolder:
    """A backup that is being written."""

    def __init__(self, path: Path) -> None:
        """Raises `InputError` where there is something already."""
        if path.exists() and any(path.iterdir()):
            raise InputError(f"{path} is not empty: a backup is written into a new folder")
        # Keys, addresses and audit are in it, so it is for its owner alone.
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.path = path

    def file(self, name: str) -> Path:
        """Where to write the file `name`; its folder is made."""
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def close(self, document: dict[str, Any]) -> int:
        """Write down what there is; without this it is no backup. Returns its size in bytes."""
        files: dict[str, dict[str, Any]] = {}
        for path in sorted(self.path.rglob("*")):
            if path.is_file():
                name = path.relative_to(self.path).as_posix()
                files[name] = {"bytes": path.stat().st_size, "sha256": _sha256(path)}
        text = json.dumps({"format": FORMAT, **document, "files": files}, indent=1)
        half = self.path / f"{_MANIFEST}.part"
        half.write_text(text + "\n")
        half.rename(self.path / _MANIFEST)
        return sum(int(one["bytes"]) for one in files.values())


def dated(parent: Path, at: datetime) -> Path:
    """The folder in `parent` for a backup of the moment `at`."""
    return parent / at.astimezone(UTC).strftime(_DATED)


def remove_older(parent: Path, limit: datetime) -> list[Path]:
    """Remove the dated folders in `parent` from before `limit`, whole or half; returns them, oldest first.

    Whatever has another name stays.
    """
    gone = []
    for path in sorted(parent.iterdir()):
        at = _date_of(path)
        if at is not None and at < limit and path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
            gone.append(path)
    return gone


def _date_of(path: Path) -> datetime | None:
    try:
        return datetime.strptime(path.name, _DATED).replace(tzinfo=UTC)
    except ValueError:
        return None


def read_folder(path: Path) -> dict[str, Any]:
    """What `backup.json` says, after every file was found and is as it was written.

    Raises:
        InputError: it is no backup, or a file is missing, damaged or of another format.
    """
    try:
        document: dict[str, Any] = json.loads((path / _MANIFEST).read_text())
        files = dict(document["files"])
    except OSError as error:
        raise InputError(f"{path} is no whole backup: it has no {_MANIFEST}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path / _MANIFEST} is damaged: take another backup") from error
    if document.get("format") != FORMAT:
        raise InputError(
            f"{path} is a backup of format {document.get('format')}; this gridcast reads {FORMAT}"
        )
    for name, said in files.items():
        file = path / name
        if not file.is_file():
            raise InputError(f"{file} is missing: take another backup")
        if file.stat().st_size != said["bytes"] or _sha256(file) != said["sha256"]:
            raise InputError(f"{file} is not what was written (its SHA-256 differs): take another backup")
    return document


def _sha256(path: Path) -> str:
    made = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            made.update(piece)
    return made.hexdigest()
