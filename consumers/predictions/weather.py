"""The weather of a place for all who ask at once: one of them waits for the source, the others for him."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final

from schemas.errors import ServiceUnavailable, TooLate
from schemas.records import WeatherRun

if TYPE_CHECKING:
    from consumers.predictions.sources import WeatherSource

AT_ONCE: Final = 4
_WAITING: Final = 64  # places; more would wait longer than anybody's patience


class Weather:
    """All but the questions themselves belongs to the event loop. `within_s`: how long somebody waits."""

    def __init__(self, source: WeatherSource, within_s: float) -> None:
        self._source = source
        self._within_s = within_s
        self._threads = ThreadPoolExecutor(AT_ONCE, "weather")
        self._asking: dict[str, asyncio.Task[WeatherRun]] = {}

    async def at(self, latitude: float, longitude: float) -> tuple[WeatherRun, bool]:
        """The weather of a place, and whether it was known already.

        Raises:
            TooLate: no source answered in time.
            ServiceUnavailable: none has an answer, or too many places are being asked about.
        """
        known = self._source.known(latitude, longitude)
        if known is not None:
            return known, True
        key = self._source.key(latitude, longitude)
        asking = self._asking.get(key)
        if asking is None:
            if len(self._asking) >= _WAITING:
                raise ServiceUnavailable("the weather of many places is being asked for: try again")
            asking = asyncio.get_running_loop().create_task(self._ask(key, latitude, longitude))
            asking.add_done_callback(_heard)
            self._asking[key] = asking
        try:  # the time of who asks: the source may have others to ask about first
            return await asyncio.wait_for(asyncio.shield(asking), self._within_s), False
        except TimeoutError:
            raise TooLate("no source of weather has answered in time: try again") from None

    def close(self) -> None:
        """Ask nobody any more."""
        self._threads.shutdown(wait=True, cancel_futures=True)
        self._source.close()

    async def _ask(self, key: str, latitude: float, longitude: float) -> WeatherRun:
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._threads, self._source.ask, latitude, longitude)
        finally:
            del self._asking[key]


def _heard(asking: asyncio.Task[WeatherRun]) -> None:
    if not asking.cancelled():
        asking.exception()  # whoever asked may have gone
