"""Signals that end the demo, as an exception in the main thread: whatever it is doing, it cleans up."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, Final

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
        _ignore()
        raise ToldToEnd(signal.Signals(number).name)

    before = _handlers()
    for number in _ENDING:
        signal.signal(number, tell)
    try:
        yield
    finally:
        _put_back(before)


@contextmanager
def ignored() -> Iterator[None]:
    """Nothing breaks off the cleaning up within the block.

    What is started after it hears its signals again: a process ignores from its start what its parent does.
    """
    before = _handlers()
    _ignore()
    try:
        yield
    finally:
        _put_back(before)


def _handlers() -> dict[signal.Signals, Any]:
    return {number: signal.getsignal(number) for number in _ENDING}


def _put_back(handlers: dict[signal.Signals, Any]) -> None:
    for number, handler in handlers.items():
        signal.signal(number, handler)


def _ignore() -> None:
    for number in _ENDING:
        signal.signal(number, signal.SIG_IGN)
