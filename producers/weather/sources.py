"""The sources of a deployment, in the order in which they are asked, with what stands between."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final

from producers.weather.answers import Source
from producers.weather.asking import Asker
from producers.weather.breaker import Breaker
from producers.weather.cache import Cache
from producers.weather.http import Http, Patience
from producers.weather.nasa_power import NasaPower
from producers.weather.open_meteo import OpenMeteo
from producers.weather.openweather import OpenWeather

if TYPE_CHECKING:
    from infra.settings import Settings

#: The cache must not answer when the next collection is due.
_OF_PERIOD: Final = 0.8
#: Observations come once a day; a restart within it need not ask again.
_OBSERVED_S: Final = 20 * 3600.0


def sources(settings: Settings) -> list[Source]:
    """Open-Meteo, and behind it OpenWeather where there is a key for it."""
    key = settings.open_meteo_key.get_secret_value()
    found: list[Source] = [OpenMeteo(settings.open_meteo_url, key, settings.weather_hours)]
    if settings.openweather_key.get_secret_value():
        found.append(OpenWeather(settings.openweather_url, settings.openweather_key.get_secret_value()))
    return found


def observer(settings: Settings, shared: Http) -> Asker | None:
    """NASA POWER, unless it is switched off."""
    if not settings.weather_observations:
        return None
    return asker(settings, NasaPower(settings.nasa_power_url, time.time), shared, most_s=_OBSERVED_S)


def http(
    settings: Settings,
    stopped: Callable[[], bool],
    sleep: Callable[[float], object],
    attempts: int | None = None,
) -> Http:
    """How this deployment asks; `attempts` as set unless told."""
    patience = Patience(
        read_s=min(settings.weather_deadline_s, Patience.read_s),
        connect_s=min(settings.weather_deadline_s, Patience.connect_s),
        deadline_s=settings.weather_deadline_s,
        attempts=settings.weather_attempts if attempts is None else attempts,
    )
    return Http(patience, stopped, sleep)


def asker(
    settings: Settings,
    source: Source,
    shared: Http,
    most_s: float | None = None,
    now_s: Callable[[], float] = time.time,
    folder: Path | None = None,
) -> Asker:
    """A source with its cache (answers up to `most_s` old; by default as set) and its breaker."""
    cached_s = min(settings.weather_cache_s, _OF_PERIOD * settings.weather_every_s)
    cache = Cache(folder or settings.home / "weather", cached_s if most_s is None else most_s, now_s)
    breaker = Breaker(source.name, time.monotonic, rest_s=settings.weather_rest_s)
    return Asker(source, shared, cache, breaker)


def jitter(name: str) -> float:
    """A share from 0 to 1 that is always the same for a name: deployments do not all ask at once."""
    return random.Random(name).random()
