"""Doing something until the server that it takes is back, without leaving the group."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeVar

from tenacity import RetryCallState, Retrying, retry_if_exception, wait_random_exponential

from consumers.progress import Progress
from consumers.reading import Reading
from schemas.errors import GridcastError

_LONGEST_WAIT_S: Final = 5.0
_T = TypeVar("_T")


class Interrupted(Exception):
    """The batch in hand must not be written any more: a stop was asked for, or its partitions may be gone."""


@dataclass(frozen=True)
class Patiently:
    """Calls what it is given until that does not fail for a server that is away; nothing more is taken from
    Kafka meanwhile. `give_up_s`: how long a server may be away before anything was ever written.
    """

    reading: Reading
    progress: Progress
    stopped: Callable[[], bool]
    give_up_s: float

    def __call__(self, act: Callable[[], _T]) -> _T:
        """What `act` returns. Raises `Interrupted` where it must not be done any more."""
        retrying = Retrying(
            retry=retry_if_exception(lambda error: isinstance(error, GridcastError) and error.retriable),
            wait=wait_random_exponential(multiplier=0.2, max=_LONGEST_WAIT_S),
            stop=self._enough,
            before_sleep=self._say,
            sleep=self._hold,
            reraise=True,
        )
        result = retrying(act)
        self.progress.answered()
        return result

    def _enough(self, state: RetryCallState) -> bool:
        return not self.progress.ever_wrote and (state.seconds_since_start or 0) > self.give_up_s

    def _say(self, state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome is not None else None
        self.progress.away(str(error))

    def _hold(self, seconds: float) -> None:
        turn = self.reading.turn
        self.reading.hold(seconds, self.stopped)
        if self.stopped() or self.reading.turn != turn:
            raise Interrupted
