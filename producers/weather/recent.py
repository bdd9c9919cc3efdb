"""What sources have said of places lately, in memory: of as many places as there is room for, since anybody
may ask about any place."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from cachetools import TLRUCache

from producers.weather.answers import Place, Said

_Key = tuple[str, Place]


class Recent:
    """As `cache.Cache`, without files. `most_s`: how old an answer may be, from when it had come."""

    def __init__(self, places: int, most_s: float, now_s: Callable[[], float] = time.time) -> None:
        def until_s(_key: _Key, said: Said, _now_s: float) -> float:
            return said.fetched_at_ms / 1000 + most_s

        self._kept: TLRUCache[_Key, Said] = TLRUCache(places, until_s, now_s)
        self._lock = threading.Lock()

    def get(self, question: str, place: Place) -> Said | None:
        """What was said of a place, unless it is too old or had to make room."""
        with self._lock:
            return self._kept.get((question, place))

    def put(self, question: str, said: Said) -> None:
        """Keep what was said."""
        with self._lock:
            self._kept[question, said.place] = said

    def sweep(self) -> None:
        """Forget what is too old."""
        with self._lock:
            self._kept.expire()
