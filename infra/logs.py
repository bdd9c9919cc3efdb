"""Logging of a process: one line an event on standard error, as text or as JSON."""

from __future__ import annotations

import json
import logging
import sys
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from infra.settings import Settings

#: Libraries that say at INFO what only their authors want to know.
_TALKATIVE = ("aiokafka", "faust", "mode", "yoyo", "matplotlib", "urllib3", "httpx", "asyncua")


class JsonLines(logging.Formatter):
    """A record as one JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        entry = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            entry["error"] = self.formatException(record.exc_info)
        return json.dumps(entry)


def configure(settings: Settings) -> None:
    """Set up the root logger of this process; a second call replaces the first."""
    handler = logging.StreamHandler(sys.stderr)
    text = logging.Formatter(
        "%(asctime)s.%(msecs)03dZ %(levelname)s %(name)s: %(message)s", "%Y-%m-%dT%H:%M:%S"
    )
    text.converter = _utc
    handler.setFormatter(JsonLines() if settings.log_format == "json" else text)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.log_level)
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))


def _utc(seconds: float | None) -> time.struct_time:
    return time.gmtime(seconds)
