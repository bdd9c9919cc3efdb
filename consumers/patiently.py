"""Doing something until the server that it takes is back, without leaving the group."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from tenacity import RetryCallState, Retrying, retry_if_exception, wait_random_exponential

from consumers.progress import Progress
from consumers.reading import Reading
from consumers.store import OffsetsMoved
from schemas.errors import GridcastError

_LONGEST_WAIT_S: Final = 5.0
_T = TypeVar("_T")
_log = logging.getLogger(__name__)


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

    def turns(
        self, topics: Sequence[str], place: Callable[[], bool], turn: Callable[[], None]
    ) -> Iterator[None]:
        """Take turn after turn until told to stop; `place` takes up an assignment once there is one.

        Yields after each, also after one whose batch was let go.
        """
        self.reading.subscribe(topics)
        while not self.stopped():
            try:
                if self.reading.placed or self._placed(place):
                    turn()
                self.progress.beat(self.reading)
            except Interrupted:
                _log.info("a batch was let go unwritten; PostgreSQL says where to go on")
            except OffsetsMoved as error:
                _log.warning("%s; going there", error)
                self.reading.doubt()
            yield

    def _placed(self, place: Callable[[], bool]) -> bool:
        """The group is joined by polling."""
        if self.reading.has_partitions():
            return self(place)
        self.reading.hold(0.5, self.stopped)
        self.progress.waiting()
        return False

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
