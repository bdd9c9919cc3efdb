"""Answers one question for a prediction: of any place by the physical start, of a registered plant by what
its worker said newest.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from consumers.forecast_document import iso
from consumers.predictions.told import answer, expect_levels
from models.on_request import first_forecast
from models.steps import EngineSettings
from models.trust import doubt
from schemas.forecasts import encode_forecasts
from schemas.rungs import Rung

if TYPE_CHECKING:
    from consumers.predictions.asked import PlaceAsked, PlantAsked
    from consumers.predictions.weather import Weather
    from schemas.codec import Codec
    from schemas.records import WeatherRun

_THREADS: Final = 2
START: Final = "physical start"
ISSUED: Final = "newest forecast of the worker"
Told = dict[str, Any]


@dataclass(frozen=True)
class Predictor:
    """`levels`: those that are published."""

    weather: Weather
    codec: Codec
    levels: tuple[float, ...]
    threads: ThreadPoolExecutor

    @classmethod
    def of(cls, weather: Weather, codec: Codec, levels: tuple[float, ...]) -> Predictor:
        """With threads of its own, so that nobody else waits for what is computed here."""
        return cls(weather, codec, levels, ThreadPoolExecutor(_THREADS, "predict"))

    def close(self) -> None:
        """Ask and compute nothing any more."""
        self.weather.close()
        self.threads.shutdown(wait=True, cancel_futures=True)

    async def place(self, asked: PlaceAsked) -> Told:
        """A plant that nobody registered, by live weather.

        Raises:
            InputError: it asks for a level that is not published, or for more hours than there is weather.
            TooLate, ServiceUnavailable: there is no weather to be had.
        """
        expect_levels(asked.levels, self.levels)
        run, cached = await self.weather.at(asked.latitude, asked.longitude)
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self.threads, of_place, asked, run, cached, self.levels, self.codec)


def of_place(
    asked: PlaceAsked, run: WeatherRun, cached: bool, levels: tuple[float, ...], codec: Codec
) -> Told:
    """A plant that nobody registered, once there is weather. `levels`: those that are published.

    Raises:
        InputError: it asks for a level that is not published, or for more hours than there is weather.
    """
    now_ms = -(-time.time_ns() // 1_000_000_000) * 1000  # whole seconds, and the run came before
    plant = asked.plant(now_ms)
    settings = EngineSettings(levels=levels, horizon_s=asked.hours * 3600)
    block = first_forecast(plant, replace(run, plant_id=plant.plant_id), now_ms, settings)
    record = codec.decode(encode_forecasts(codec, block)[0])[1]
    about = {
        "source": START,
        "plant_id": None,
        "kind": asked.kind,
        "latitude": asked.latitude,
        "longitude": asked.longitude,
        "weather_cached": cached,
        "weather_until": iso(int(run.valid_at_ms[-1])),
        **_standing(_of_the_start(record)),
    }
    return answer(record, about, None, asked.levels)


def of_plant(asked: PlantAsked, record: Mapping[str, Any], plant: Mapping[str, Any], now_ms: int) -> Told:
    """What a worker said newest of a plant, and whether to rely on it now.

    Args:
        plant: as the registry has it: `kind`, `latitude`, `longitude`, `issue_every_s`.

    Raises:
        InputError: a level is not published.
    """
    about = {
        "source": ISSUED,
        "plant_id": asked.plant_id,
        "kind": plant["kind"],
        "latitude": plant["latitude"],
        "longitude": plant["longitude"],
        "weather_cached": None,
        "weather_until": None,
        **_standing(doubt(record, plant["issue_every_s"], now_ms)),
    }
    return answer(record, about, asked.hours, asked.levels)


def _of_the_start(record: Mapping[str, Any]) -> str | None:
    """Why a physical start should not be relied on."""
    if any(rung != Rung.PHYSICAL_START for rung in record["rung"]):
        return "its source of weather begins later than it does: the first steps are climatology"
    return None


def _standing(why_not: str | None) -> Told:
    return {"trusted": why_not is None, "why_not": why_not}
