"""Logging of a process: one line an event on standard error, as text or as JSON."""

from __future__ import annotations

import json
import logging
import re
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from infra.settings import Settings

#: Libraries that say at INFO what only their authors want to know.
_TALKATIVE = ("aiokafka", "faust", "mode", "yoyo", "matplotlib", "urllib3", "httpx", "asyncua")

#: While Kafka is away its clients say so up to 75 times a second.
_REPETITIVE: Final = ("aiokafka", "infra.kafka")
_QUIET_S: Final = 60.0


class JsonLines(logging.Formatter):
    """A record as one JSON object a line, with what was given as `extra={"fields": {...}}`."""

    def format(self, record: logging.LogRecord) -> str:
        entry = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            entry["error"] = self.formatException(record.exc_info)
        return json.dumps(entry)


class NotAgain(logging.Filter):
    """Lets a remark of Kafka's clients pass once a minute, with how many like it were left out since; two are
    alike that differ in their numbers alone.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._now = now
        self._said: dict[tuple[str, str], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        if not record.name.startswith(_REPETITIVE):
            return True
        text, now = record.getMessage(), self._now()
        alike = (record.name, re.sub(r"\d+", "#", text))
        said_at, left_out = self._said.get(alike, (-_QUIET_S, 0))
        if now - said_at < _QUIET_S:
            self._said[alike] = (said_at, left_out + 1)
            return False
        self._said[alike] = (now, 0)
        if left_out:
            record.msg, record.args = f"{text} ({left_out} like it were left out)", None
        return True


def configure(settings: Settings) -> None:
    """Set up the root logger of this process; a second call replaces the first."""
    handler = logging.StreamHandler(sys.stderr)
    text = logging.Formatter(
        "%(asctime)s.%(msecs)03dZ %(levelname)s %(name)s: %(message)s", "%Y-%m-%dT%H:%M:%S"
    )
    text.converter = _utc
    handler.setFormatter(JsonLines() if settings.log_format == "json" else text)
    handler.addFilter(NotAgain())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.log_level)
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))


def _utc(seconds: float | None) -> time.struct_time:
    return time.gmtime(seconds)
