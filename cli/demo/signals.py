"""Signals that end the demo, as an exception in the main thread: whatever it is doing, it cleans up."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

_ENDING: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class ToldToEnd(BaseException):
    """A signal has come. No handler of failures may take it for one of its own."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


@contextmanager
def raised() -> Iterator[None]:
    """Within the block the signals raise `ToldToEnd`; the handlers before are put back after it."""

    def tell(number: int, _frame: FrameType | None) -> None:
        ignore()
        raise ToldToEnd(signal.Signals(number).name)

    before = [(number, signal.signal(number, tell)) for number in _ENDING]
    try:
        yield
    finally:
        for number, handler in before:
            signal.signal(number, handler)


def ignore() -> None:
    """From here on nothing breaks off the cleaning up."""
    for number in _ENDING:
        signal.signal(number, signal.SIG_IGN)
