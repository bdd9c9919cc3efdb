"""The sources of a deployment, in the order in which they are asked, with what stands between."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from producers.weather.answers import Source
from producers.weather.asking import Asker
from producers.weather.breaker import Breaker
from producers.weather.cache import Cache
from producers.weather.http import Http, Patience
from producers.weather.open_meteo import OpenMeteo

if TYPE_CHECKING:
    from infra.settings import Settings

#: The cache must not answer when the next collection is due.
_OF_PERIOD: Final = 0.8


def sources(settings: Settings) -> list[Source]:
    """Open-Meteo."""
    key = settings.open_meteo_key.get_secret_value()
    return [OpenMeteo(settings.open_meteo_url, key, settings.weather_hours)]


def http(settings: Settings, stopped: Callable[[], bool], sleep: Callable[[float], object]) -> Http:
    """How this deployment asks."""
    patience = Patience(deadline_s=settings.weather_deadline_s, attempts=settings.weather_attempts)
    return Http(patience, stopped, sleep)


def asker(
    settings: Settings,
    source: Source,
    shared: Http,
    most_s: float | None = None,
    now_s: Callable[[], float] = time.time,
) -> Asker:
    """A source with its cache (answers up to `most_s` old; by default as set) and its breaker."""
    cached_s = min(settings.weather_cache_s, _OF_PERIOD * settings.weather_every_s)
    cache = Cache(settings.home / "weather", cached_s if most_s is None else most_s, now_s)
    breaker = Breaker(source.name, time.monotonic, rest_s=settings.weather_rest_s)
    return Asker(source, shared, cache, breaker)


def jitter(name: str) -> float:
    """A share from 0 to 1 that is always the same for a name: deployments do not all ask at once."""
    return random.Random(name).random()
