"""SIGTERM and SIGINT as an event that a loop can look at."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def until_told() -> Iterator[threading.Event]:
    """An event that SIGTERM and SIGINT set; the handlers before are put back at the end."""
    told = threading.Event()
    wanted = (signal.SIGTERM, signal.SIGINT)
    before = [signal.signal(number, lambda *_: told.set()) for number in wanted]
    try:
        yield told
    finally:
        for number, handler in zip(wanted, before, strict=True):
            signal.signal(number, handler)
