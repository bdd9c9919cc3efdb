"""Weather for a place that somebody asks about now: no plant, no topic, and an answer in seconds or none."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from queue import LifoQueue
from typing import TYPE_CHECKING, Final

from producers.weather.answers import Place, Said
from producers.weather.asking import Asker
from producers.weather.breaker import Breaker
from producers.weather.http import Http, Patience
from producers.weather.recent import Recent
from producers.weather.sources import sources
from schemas.errors import GridcastError, ServiceUnavailable, TooLate
from schemas.records import WeatherRun

if TYPE_CHECKING:
    from infra.settings import Settings

_log = logging.getLogger(__name__)

_PLACES: Final = 2000  # some 15 kB each
_ATTEMPTS: Final = 2
_FIRST_WAIT_S: Final = 0.2
_LONGEST_WAIT_S: Final = 1.0


class WeatherOnRequest:
    """Asks the sources of the deployment in their order. Answers are kept for `api_weather_cache_s`, by place
    to 0.01 degrees. For many threads: `at_once` of them ask at a time, the others wait.
    """

    def __init__(self, settings: Settings, at_once: int) -> None:
        found = sources(settings)
        each_s = settings.api_weather_s / (_ATTEMPTS * len(found))
        patience = Patience(
            min(each_s, Patience.connect_s), min(each_s, Patience.read_s), each_s, _ATTEMPTS, _FIRST_WAIT_S,
            _LONGEST_WAIT_S,
        )  # fmt: skip
        kept = Recent(_PLACES, settings.api_weather_cache_s)
        breakers = [Breaker(one.name, time.monotonic, rest_s=settings.weather_rest_s) for one in found]
        self._https = [Http(patience) for _ in range(at_once)]
        self._free: LifoQueue[list[Asker]] = LifoQueue()
        for http in self._https:
            pairs = zip(found, breakers, strict=True)
            self._free.put([Asker(source, http, kept, breaker) for source, breaker in pairs])
        self._kept = kept
        self._questions = [(asker.question, asker.source.name) for asker in self._any()]

    def key(self, latitude: float, longitude: float) -> str:
        """What is the same for places whose weather is the same."""
        return str(Place.near(latitude, longitude))

    def known(self, latitude: float, longitude: float) -> WeatherRun | None:
        """What was said of a place lately, without asking anybody."""
        place = Place.near(latitude, longitude)
        for question, source in self._questions:
            said = self._kept.get(question, place)
            if said is not None:
                return _run(said, source)
        return None

    def ask(self, latitude: float, longitude: float) -> WeatherRun:
        """What the first source that answers says of a place; waits for it. `plant_id` is left empty.

        Raises:
            TooLate: no source had an answer in time.
            ServiceUnavailable: none has one for this place now.
        """
        place = Place.near(latitude, longitude)
        problem: GridcastError | None = None
        with self._borrowed() as askers:
            for asker in askers:
                said, why = asker.ask([place])
                if place in said:
                    return _run(said[place], asker.source.name)
                problem = why or problem
                _log.warning("no weather for %s from %s: %s", place, asker.source.name, why)
        if isinstance(problem, TooLate):
            raise TooLate("no source of weather has answered in time: try again") from problem
        told = "no source of weather has an answer for this place now: try again"
        raise ServiceUnavailable(told) from problem

    def gather(self, positions: Sequence[tuple[float, float]]) -> None:
        """Have the weather of many places at hand for `known`; each source is asked for what is missing yet.

        Raises:
            ServiceUnavailable: of some of them nobody has any.
        """
        wanted = list(dict.fromkeys(Place.near(*position) for position in positions))
        with self._borrowed() as askers:
            for asker in askers:
                said, why = asker.ask(wanted)
                wanted = [place for place in wanted if place not in said]
                if not wanted:
                    return
                _log.warning("no weather for %d places from %s: %s", len(wanted), asker.source.name, why)
        raise ServiceUnavailable(f"no source of weather has an answer for {len(wanted)} places")

    def close(self) -> None:
        """Let go of connections."""
        for http in self._https:
            http.close()

    def _any(self) -> list[Asker]:
        with self._borrowed() as askers:
            return askers

    @contextmanager
    def _borrowed(self) -> Iterator[list[Asker]]:
        """An `Http` serves one thread at a time."""
        askers = self._free.get()
        try:
            yield askers
        finally:
            self._free.put(askers)


def _run(said: Said, source: str) -> WeatherRun:
    at_ms = said.fetched_at_ms
    return WeatherRun("", source, at_ms, at_ms, said.valid_at_ms, said.columns)
