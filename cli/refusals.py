"""Which releases workers refuse, found out as they do: by loading the artifact."""

from __future__ import annotations

from typing import TYPE_CHECKING

from schemas.errors import GridcastError, ReleaseRefused

if TYPE_CHECKING:
    from schemas.records import ReleaseRecord
    from streams.artifacts import Artifacts


class Refusals:
    """Loads each record's artifact once."""

    def __init__(self, artifacts: Artifacts) -> None:
        self._artifacts = artifacts
        self._known: dict[tuple[str, str, int], str | None] = {}

    def of(self, record: ReleaseRecord) -> str | None:
        """Why a worker that hears of the record now refuses it; None where it does not, or nobody can say."""
        key = record.name, record.version, record.valid_from_ms
        if key not in self._known:
            self._known[key] = self._look(record)
        return self._known[key]

    def _look(self, record: ReleaseRecord) -> str | None:
        try:
            self._artifacts.load_release(record)
        except ReleaseRefused as why:
            return str(why)
        except GridcastError:  # the artifact is out of reach here; whoever serves from it says so
            return None
        return None
