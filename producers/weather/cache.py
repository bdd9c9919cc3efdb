"""What a source has said of each place lately, in small files: a restart, or a second plant on the same cell,
does not ask again.

It keeps places, not answers: a batch is made up anew whenever a plant comes or goes, and an answer that was
refused must not be kept at all. The time of fetching is kept with it, so what is read from here has the
identity of the first time.
"""

from __future__ import annotations

import hashlib
import json
import logging
import math
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from producers.weather.answers import Place, Said

_log = logging.getLogger(__name__)

_KEPT_S: Final = 3 * 86_400.0


@dataclass(frozen=True)
class Cache:
    """The files of one folder. `question` keeps answers to other questions apart; `most_s` is how old they
    may be; `now_s` the wall clock. A folder that cannot be written is the same as an empty one."""

    folder: Path
    most_s: float
    now_s: Callable[[], float]

    def get(self, question: str, place: Place) -> Said | None:
        """What was said of a place, unless it is too old or cannot be read."""
        try:
            kept = json.loads(self._path(question, place).read_bytes())
            said = _said(kept, place)
        except (OSError, ValueError, KeyError, TypeError):
            return None
        age_s = self.now_s() - said.fetched_at_ms / 1000
        return said if 0 <= age_s < self.most_s else None

    def put(self, question: str, said: Said) -> None:
        """Keep what was said."""
        path = self._path(question, said.place)
        partial = path.with_name(f".{path.name}.{os.getpid()}")
        kept = {
            "fetched_at_ms": said.fetched_at_ms,
            "valid_at_ms": said.valid_at_ms.tolist(),
            "columns": {name: _plain(values.tolist()) for name, values in said.columns.items()},
        }
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            partial.write_text(json.dumps(kept))
            partial.replace(path)
        except OSError as error:
            _log.warning("%s cannot be written (%s): a restart will ask again", path.parent, error.strerror)

    def sweep(self, older_s: float = _KEPT_S) -> None:
        """Delete what no question can be answered with any more, be it another cache's of this folder."""
        for path in self.folder.glob("*.json"):
            try:
                if self.now_s() - path.stat().st_mtime > older_s:
                    path.unlink(missing_ok=True)
            except OSError as error:
                _log.debug("%s stays: %s", path, error)

    def _path(self, question: str, place: Place) -> Path:
        digest = hashlib.sha256(f"{question}|{place}".encode()).hexdigest()[:32]
        return self.folder / f"{digest}.json"


def _plain(values: list[float]) -> list[float | None]:
    return [None if math.isnan(value) else value for value in values]


def _said(kept: Any, place: Place) -> Said:
    valid_at_ms = np.array(kept["valid_at_ms"], np.int64)
    columns = {str(name): np.array(values, np.float64) for name, values in kept["columns"].items()}
    if any(values.shape != valid_at_ms.shape for values in columns.values()):
        raise ValueError("columns of other lengths")
    return Said(place, int(kept["fetched_at_ms"]), valid_at_ms, columns)
