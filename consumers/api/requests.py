"""What was asked lately: the access log, and its newest lines for operators."""

from __future__ import annotations

import logging
from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

_log = logging.getLogger("gridcast.access")
KEPT: Final = 1000


@dataclass(frozen=True, slots=True)
class Asked:
    """One request; `key_id` is empty where there was no good key. Parameters are not kept."""

    at: datetime
    request_id: str
    address: str
    key_id: str
    method: str
    path: str
    status: int
    milliseconds: float

    @classmethod
    def now(cls, **fields: Any) -> Asked:
        return cls(at=datetime.now(UTC), **fields)


class RequestLog:
    """Writes each request to the log of the process, and keeps the newest of them."""

    def __init__(self, kept: int = KEPT) -> None:
        self._newest: deque[Asked] = deque(maxlen=kept)

    def add(self, asked: Asked) -> None:
        """Write one down. The path is the asker's: control characters in it must not make new lines."""
        self._newest.append(asked)
        if _log.isEnabledFor(logging.INFO):
            told = {name: getattr(asked, name) for name in Asked.__slots__ if name != "at"}
            path = asked.path.encode("unicode_escape").decode()
            _log.info(
                "%s %s %d %.1f ms key=%s from=%s id=%s",
                asked.method, path, asked.status, asked.milliseconds, asked.key_id or "-", asked.address,
                asked.request_id, extra={"fields": told},
            )  # fmt: skip

    def newest(self, count: int) -> list[Asked]:
        """The newest, newest first."""
        return list(reversed(self._newest))[:count]
