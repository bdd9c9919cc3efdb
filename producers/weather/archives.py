"""The archive calls of the sources: what the weather was, by reanalysis. It is no forecast."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from producers.weather import open_meteo, openweather
from producers.weather.answers import HOUR_MS, Call, Place, Said
from producers.weather.sane import Reach, each, member
from schemas.errors import AnswerRefused

#: What stands behind the source's name in a run that was made afterwards.
ARCHIVE: Final = ":archive"
FREE: Final = "https://archive-api.open-meteo.com"
PAID: Final = "https://customer-archive-api.open-meteo.com"
_DAY_MS: Final = 24 * HOUR_MS
_VARIABLES: Final = {
    **open_meteo.SURFACE,
    "wind_speed_100m": ("wind_speed_100m_ms", "m/s"),
    "wind_direction_100m": ("wind_direction_100m_deg", "°"),
}


@dataclass(frozen=True)
class Span:
    """Whole UTC days, in epoch milliseconds: from the beginning of the first to the end of the last."""

    from_ms: int
    to_ms: int

    def reach(self) -> Reach:
        """What an answer about it has to lie within; it may end early, where the archive does."""
        return Reach(self.from_ms - _DAY_MS, self.to_ms + _DAY_MS, self.from_ms)

    def days(self) -> tuple[str, str]:
        """The first and the last day, as ISO dates."""
        ends = (self.from_ms, self.to_ms - _DAY_MS)
        first, last = (datetime.fromtimestamp(at / 1000, UTC).date().isoformat() for at in ends)
        return first, last


@dataclass(frozen=True)
class OpenMeteoArchive:
    """Open-Meteo's archive over a span of days, several places a call."""

    span: Span
    url: str = ""
    key: str = field(default="", repr=False)
    name: str = open_meteo.NAME + ARCHIVE
    batch: int = 10
    with_area: bool = False

    def call(self, places: Sequence[Place]) -> Call:
        first, last = self.span.days()
        host = self.url or (PAID if self.key else FREE)
        told = {"start_date": first, "end_date": last}
        question = open_meteo.question(places, _VARIABLES)
        return Call(f"{host}/v1/archive", question | told, open_meteo.secret(self.key))

    def read(self, document: Any, places: Sequence[Place], fetched_at_ms: int) -> list[Said | AnswerRefused]:
        reach = self.span.reach()
        return open_meteo.read_places(document, places, _VARIABLES, reach, fetched_at_ms)


@dataclass(frozen=True)
class OpenWeatherHistory:
    """OpenWeather's history over a span of at most a week, one place a call, with a key that includes it."""

    span: Span
    url: str
    key: str = field(repr=False)
    name: str = openweather.NAME + ARCHIVE
    batch: int = 1
    with_area: bool = False

    def call(self, places: Sequence[Place]) -> Call:
        told = {
            "type": "hour",
            "start": str(self.span.from_ms // 1000),
            "end": str((self.span.to_ms - HOUR_MS) // 1000),
        }
        question = openweather.position(places[0]) | told
        return Call(f"{self.url}/data/2.5/history/city", question, {"appid": self.key})

    def read(self, document: Any, places: Sequence[Place], fetched_at_ms: int) -> list[Said | AnswerRefused]:
        entries = member(document, "list", list, f"openweather at {places[0]}")
        return each([openweather.read_entries(entries, places[0], 1, self.span.reach(), fetched_at_ms)])
