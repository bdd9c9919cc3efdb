"""One source asked about many places: from the cache where it knows them, else in batches, with patience,
unless the circuit is open."""

from __future__ import annotations

import json
import logging
import time
from collections import Counter, deque
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass
from typing import Protocol

from infra import metrics
from producers.weather.answers import Place, Said, Source
from producers.weather.breaker import Breaker
from producers.weather.http import Http, count
from producers.weather.responses import Busy, KeyRefused, PlacesRefused, Stopped, outcome_of
from schemas.errors import AnswerRefused, GridcastError

_log = logging.getLogger(__name__)

#: A source that asks for more than this is asked again sooner all the same: the header may be wrong.
_LONGEST_REST_S = 3600.0
#: Enough to find one or two places among fifty; where everything is refused no more are tried.
_MOST_SPLITS = 12


class Kept(Protocol):
    """What was said lately: `cache.Cache` in files, `recent.Recent` in memory."""

    def get(self, question: str, place: Place) -> Said | None:
        """What was said of a place, unless it is too old."""

    def put(self, question: str, said: Said) -> None:
        """Keep what was said."""

    def sweep(self) -> None:
        """Forget what no question can be answered with any more."""


@dataclass(frozen=True)
class Asker:
    """A source with what stands between it and us."""

    source: Source
    http: Http
    cache: Kept
    breaker: Breaker

    def ask(
        self, places: Sequence[Place], fresh: Set[Place] = frozenset()
    ) -> tuple[dict[Place, Said], GridcastError | None]:
        """What the source says of each place that it knows, and why it does not of the last other one.

        `fresh`: places that the cache must not answer for.
        """
        question = self.question
        kept = {
            place: None if place in fresh else self.cache.get(question, place)
            for place in dict.fromkeys(places)
        }
        known = {place: said for place, said in kept.items() if said is not None}
        missing = [place for place, said in kept.items() if said is None]
        problem: GridcastError | None = None
        for result in self._in_batches(missing):
            if isinstance(result, Said):
                self.cache.put(question, result)
                known[result.place] = result
            else:
                problem = result
        return known, problem

    def _in_batches(self, places: Sequence[Place]) -> Iterator[Said | GridcastError]:
        """What became of each batch. One that is refused for what it asks is asked again in halves: a single
        place that a source does not know must not cost its neighbours their weather."""
        size = self.source.batch
        waiting = deque(places[start : start + size] for start in range(0, len(places), size))
        splits = _MOST_SPLITS
        while waiting:
            batch = waiting.popleft()
            try:
                yield from self._batch(batch)
            except PlacesRefused as error:
                if len(batch) == 1 or not splits:
                    yield error
                    continue
                splits -= 1
                middle = len(batch) // 2
                waiting.extendleft((batch[middle:], batch[:middle]))
            except GridcastError as error:
                yield error

    @property
    def question(self) -> str:
        """What else than the place an answer depends on."""
        call = self.source.call([Place(0.0, 0.0)])
        return json.dumps([self.source.name, call.url, sorted(call.params.items())])

    def _batch(self, places: Sequence[Place]) -> list[Said | AnswerRefused]:
        self.breaker.check()
        return self.http.patiently(lambda: self._once(places), between=self.breaker.check)

    def _once(self, places: Sequence[Place]) -> list[Said | AnswerRefused]:
        started = time.monotonic()
        try:
            answer = self.http.once(self.source.call(places))
            results = self.source.read(answer.document, places, answer.fetched_at_ms)
        except Stopped:
            raise
        except GridcastError as error:
            count(self.source.name, outcome_of(error), time.monotonic() - started)
            if not isinstance(error, PlacesRefused):
                self.breaker.failed(str(error), self._rest_asked(error))
            _log.info("%s: %s", self.source.name, error)
            raise
        count(self.source.name, "ok", time.monotonic() - started)
        self.breaker.went_well()
        self._say_left_out(results)
        return results

    def _say_left_out(self, results: Sequence[Said | AnswerRefused]) -> None:
        """One line for all places: a unit that a source changes is wrong everywhere."""
        names = Counter(name for one in results if isinstance(one, Said) for name in one.left_out)
        for name, count_of_places in names.items():
            metrics.WEATHER_LEFT_OUT.labels(self.source.name, name).inc(count_of_places)
        if names:
            shown = ", ".join(names)
            _log.warning("%s: %s cannot be true and is left out", self.source.name, shown)

    def _rest_asked(self, error: GridcastError) -> float:
        """How long the source is to be left alone at once, in seconds: as it says, where that is long for a
        retry; with a key that it does not take, for a rest.
        """
        if isinstance(error, KeyRefused):
            return self.breaker.rest_s
        if not isinstance(error, Busy) or error.wait_s is None:
            return 0.0
        if error.wait_s <= self.http.patience.longest_wait_s:
            return 0.0
        return min(error.wait_s, _LONGEST_REST_S)
