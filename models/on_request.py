"""A forecast of a plant that nothing was trained on and nothing was measured of, for one moment.

It goes the way of every record: an engine hears of the plant, of its weather, and of the time. So it is what
a worker says first of such a plant, to the bit.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final, Never

import numpy as np

from models.engine import Engine
from models.steps import EngineSettings
from schemas.errors import InputError
from schemas.forecasts import ForecastBlock
from schemas.journal import JournalBatch, TelemetryColumns
from schemas.records import PlantVersion, ReleaseRecord, WeatherRun
from schemas.rungs import Rung

_OF_WHAT: Final = {"wind": "wind speed", "solar": "radiation or cloud cover"}
_HOUR_MS: Final = 3_600_000


def first_forecast(
    plant: PlantVersion, run: WeatherRun, issued_at_ms: int, settings: EngineSettings
) -> ForecastBlock:
    """The forecast (one row) of a plant by the physical start alone.

    Raises:
        InputError: the plant or the run is none, or the run says nothing of a step that is asked for.
    """
    engine = Engine(settings, _no_release)
    out = engine.apply(_journal(plant, run, issued_at_ms))
    if out.rejected:
        raise InputError(out.rejected[0].detail)
    (made,) = out.forecasts
    _expect_weather_to_the_end(plant, run, made)
    return made


def _journal(plant: PlantVersion, run: WeatherRun, issued_at_ms: int) -> JournalBatch:
    """The plant, its weather, and a tick."""
    none = np.full(1, np.nan)
    tick = replace(
        TelemetryColumns.empty(),
        offset=np.array([2]),
        plant=np.zeros(1, np.int32),
        plant_ids=[plant.plant_id],
        event_time_ms=np.array([issued_at_ms]),
        known_at_ms=np.array([issued_at_ms]),
        is_tick=np.ones(1, np.bool_),
        power_given=np.zeros(1, np.bool_),
        power_kw=none,
        setpoint_kw=none,
        wind_speed_ms=none,
        temperature_c=none,
        poa_irradiance_w_m2=none,
    )
    return JournalBatch("", 0, tick, [(0, plant), (1, run)], [], 2, issued_at_ms, 3)


def _expect_weather_to_the_end(plant: PlantVersion, run: WeatherRun, made: ForecastBlock) -> None:
    """Climatology is no answer to who asked for a forecast; only the first hours may be that, where a source
    begins with its next step.
    """
    by_weather = made.rung[0] == Rung.PHYSICAL_START
    if not by_weather.any():
        raise InputError(f"the weather of {run.source} says nothing of {_OF_WHAT[plant.kind]} here")
    if by_weather[by_weather.argmax() :].all():
        return
    reached_ms = int(made.valid_at_ms[0][by_weather][-1])
    hours = (reached_ms - int(made.issued_at_ms[0])) // _HOUR_MS
    raise InputError(f"the weather of {run.source} reaches {hours} hours ahead: ask for no more")


def _no_release(record: ReleaseRecord) -> Never:
    raise AssertionError(f"nothing was trained here: {record.name}")
