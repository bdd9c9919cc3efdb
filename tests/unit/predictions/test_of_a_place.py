"""A prediction of any place: what a worker would say first of such a plant, on weather that is asked once."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import SecretStr, TypeAdapter, ValidationError

from consumers.predictions.asked import Asked, PlaceAsked
from consumers.predictions.predictor import Predictor
from consumers.predictions.weather import AT_ONCE, Weather
from infra.settings import LEVELS, Settings, isolated
from models.engine import Engine
from models.on_request import first_forecast
from models.steps import EngineSettings
from producers.weather.on_request import WeatherOnRequest
from schemas.codec import Codec
from schemas.errors import InputError, ServiceUnavailable, TooLate
from schemas.records import PlantKind
from tests.journals import T0_MS, batches, plant, run, tick
from tests.weather_faults import always, hang, status
from tests.weather_server import WeatherServer, weather_server

WIND = PlaceAsked(latitude=48.45, longitude=5.6, kind="wind", capacity_kw=8200.0, hours=24)


@pytest.fixture
def server() -> Iterator[WeatherServer]:
    with weather_server() as found:
        yield found


def settings_of(server: WeatherServer, tmp_path: Path, **more: Any) -> Settings:
    return isolated(
        tmp_path, open_meteo_url=server.url, openweather_url=server.url, api_weather_s=2.0, **more
    )


@pytest.fixture
def predictor(server: WeatherServer, tmp_path: Path) -> Iterator[Predictor]:
    made = Predictor.of(
        Weather(WeatherOnRequest(settings_of(server, tmp_path), AT_ONCE), 2.0), Codec(), LEVELS
    )
    yield made
    made.close()


def asked(predictor: Predictor, *questions: PlaceAsked) -> list[Any]:
    async def all_of_them() -> list[Any]:
        return await asyncio.gather(*(predictor.place(one) for one in questions), return_exceptions=True)

    return asyncio.run(all_of_them())


def test_it_is_what_a_worker_says_first_of_such_a_plant() -> None:
    known = plant("x", latitude=48.0, longitude=5.0)
    made = first_forecast(known, run("x", 0, hours=72), T0_MS + 123_000, EngineSettings())
    worker = Engine(EngineSettings(), lambda _record: pytest.fail("nothing was released"))
    said = [
        worker.apply(one) for one in batches([known, run("x", 0, hours=72), tick("x", 123 / 60)], [1, 1, 1])
    ][-1].forecasts[0]
    assert made.power_kw.tobytes() == said.power_kw.tobytes()
    assert (made.model, made.rung.tolist()) == (said.model, said.rung.tolist())


def test_a_place_gets_predictions_intervals_and_where_they_come_from(predictor: Predictor) -> None:
    sun = PlaceAsked(
        latitude=39.74, longitude=-105.18, kind="solar", capacity_kw=500.0, hours=48, tilt_deg=30.0
    )
    for question in (WIND, sun):
        (told,) = asked(predictor, question)
        json.dumps(told)
        steps, bands, about = told["predictions"], told["confidence_intervals"], told["metadata"]
        assert len(steps) == len(bands) == 24 + (question.hours - 6)
        assert about["rungs"] == ["physical start"] and about["source"] == "physical start"
        assert (about["model"], about["weather_source"]) == ("cold-start", "open_meteo")
        assert 0 <= about["weather_age_s"] < 5 and about["capacity_kw"] == question.capacity_kw
        assert about["energy_kwh"] > 0
        for step, band in zip(steps, bands, strict=True):
            levels = list(band["power_kw"].values())
            assert levels == sorted(levels) and len(levels) == len(LEVELS)
            assert 0 <= band["low_kw"] <= step["prediction_kw"] <= band["high_kw"] <= question.capacity_kw
    dark = [one for one, band in zip(steps, bands, strict=True) if band["high_kw"] == 0]
    assert dark and any(one["prediction_kw"] > 0 for one in steps), "the park has a night and a day"


def test_poles_night_and_datelines(predictor: Predictor) -> None:
    for north, east in ((90.0, 0.0), (-90.0, 180.0), (0.0, -180.0), (89.999, 179.999)):
        for kind in ("wind", "solar"):
            question = PlaceAsked(latitude=north, longitude=east, kind=kind, capacity_kw=1.0, hours=1)  # type: ignore[arg-type]
            (told,) = asked(predictor, question)
            assert np.isfinite([one["prediction_kw"] for one in told["predictions"]]).all(), (north, east)


def test_many_who_ask_at_once_ask_the_source_once_and_later_ones_not_at_all(
    predictor: Predictor, server: WeatherServer
) -> None:
    near = WIND.model_copy(update={"latitude": 48.4512, "capacity_kw": 100.0})
    told = asked(predictor, *[WIND] * 5, near)
    assert server.calls["/v1/forecast"] == 1
    (again,) = asked(predictor, WIND)
    assert server.calls["/v1/forecast"] == 1, "from memory"
    assert [one["metadata"]["weather_cached"] for one in (*told, again)] == [False] * 6 + [True]
    asked(predictor, WIND.model_copy(update={"latitude": 50.0}))
    assert server.calls["/v1/forecast"] == 2


def test_what_was_said_is_not_used_when_it_is_too_old(server: WeatherServer, tmp_path: Path) -> None:
    source = WeatherOnRequest(settings_of(server, tmp_path, api_weather_cache_s=0.0), 1)
    first = source.ask(48.0, 5.0)
    assert source.known(48.0, 5.0) is None
    assert (
        source.ask(48.0, 5.0).published_at_ms >= first.published_at_ms and server.calls["/v1/forecast"] == 2
    )
    source.close()


def test_a_source_that_is_silent_or_broken_is_said_and_asks_nobody_to_wait_for_long(
    predictor: Predictor, server: WeatherServer
) -> None:
    server.faults = always(hang)
    (late,) = asked(predictor, WIND)
    assert isinstance(late, TooLate) and "\n" not in str(late) and "127.0.0.1" not in str(late)
    server.faults = always(status(500))
    (broken,) = asked(predictor, WIND)
    assert type(broken) is ServiceUnavailable and "127.0.0.1" not in str(broken)
    server.faults = lambda _path: None
    (well,) = asked(predictor, WIND)
    assert well["metadata"]["rungs"] == ["physical start"], "a failure is not remembered"


def test_the_next_source_is_asked_where_the_first_one_fails(server: WeatherServer, tmp_path: Path) -> None:
    found = settings_of(server, tmp_path, openweather_key=SecretStr("k"))
    server.faults = lambda path: status(503) if "openweather" not in path and "/v1/" in path else None
    predictor = Predictor.of(Weather(WeatherOnRequest(found, 1), 2.0), Codec(), LEVELS)
    (told,) = asked(predictor, WIND)
    predictor.close()
    assert told["metadata"]["weather_source"] == "openweather"
    rungs = [one["rung"] for one in told["predictions"]]
    assert rungs[-1] == "physical start"
    assert (rungs[0] == "climatology") == (not told["metadata"]["trusted"]), "its steps begin in up to 3 h"


def test_more_hours_than_there_is_weather_are_refused_with_how_many_there_are(predictor: Predictor) -> None:
    (refused,) = asked(predictor, WIND.model_copy(update={"hours": 200}))
    assert isinstance(refused, InputError) and "hours ahead" in str(refused)
    (level,) = asked(predictor, WIND.model_copy(update={"levels": [0.123]}))
    assert isinstance(level, InputError) and "0.123 is not published" in str(level)


@pytest.mark.parametrize(
    "wrong",
    [
        {"capacity_kw": 0}, {"capacity_kw": -1.0}, {"capacity_kw": 1e12}, {"latitude": 90.01},
        {"longitude": -180.5}, {"kind": "hydro"}, {"hours": 0}, {"hours": 1.5}, {"hours": True},
        {"latitude": "48"}, {"latitude": None},
        {"capacity_kw": float("nan")}, {"longitude": float("inf")}, {"surprise": 1}, {"plant_id": "a"},
    ],
    ids=str,
)  # fmt: skip
def test_what_cannot_be_is_refused_before_anybody_is_asked(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Asked).validate_python({**WIND.model_dump(), **wrong})


def test_a_run_without_what_the_kind_needs_is_no_forecast() -> None:
    park = replace(plant("x", latitude=48.0, longitude=5.0), kind=PlantKind.SOLAR)
    with pytest.raises(InputError, match="nothing of radiation or cloud cover"):
        first_forecast(park, run("x", 0), T0_MS + 1000, EngineSettings())
