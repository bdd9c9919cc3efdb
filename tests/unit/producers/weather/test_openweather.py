"""OpenWeather: what is asked, how an answer is read, and which answers are refused."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest

from producers.weather.answers import HOUR_MS, Place, Said
from producers.weather.openweather import OpenWeather
from schemas.errors import AnswerRefused
from tests import weather_server as server
from tests.weather_faults import backwards, elsewhere, storm, words, years_off

NOW_MS = 1_790_001_000_000
HERE = Place(54.12, 8.34)
SOURCE = OpenWeather("https://api.openweathermap.org", "hidden")


def answer() -> Any:
    return server.openweather(dict(SOURCE.call([HERE]).params), NOW_MS / 1000)


def said(document: Any) -> Said:
    (one,) = SOURCE.read(json.loads(json.dumps(document)), [HERE], NOW_MS)
    assert isinstance(one, Said)
    return one


def test_the_call_asks_in_metric_units_and_keeps_its_key_apart() -> None:
    call = SOURCE.call([HERE])
    assert call.url == "https://api.openweathermap.org/data/2.5/forecast"
    assert call.params == {"lat": "54.12", "lon": "8.34", "units": "metric"}
    assert call.secret == {"appid": "hidden"}
    assert "hidden" not in repr(SOURCE)
    assert "hidden" not in repr(call)


def test_five_days_in_steps_of_three_hours_come_through_under_our_names() -> None:
    document = answer()
    one = said(document)
    assert len(one.valid_at_ms) == 40
    assert np.all(np.diff(one.valid_at_ms) == 3 * HOUR_MS)
    assert one.valid_at_ms[0] == document["list"][0]["dt"] * 1000
    assert one.columns["wind_speed_10m_ms"][0] == document["list"][0]["wind"]["speed"]
    assert one.columns["surface_pressure_hpa"][0] == 950
    assert set(one.columns) == {
        "temperature_2m_c",
        "relative_humidity_2m_pct",
        "surface_pressure_hpa",
        "cloud_cover_pct",
        "wind_speed_10m_ms",
        "wind_direction_10m_deg",
        "wind_gusts_10m_ms",
        "precipitation_mm",
    }


def test_precipitation_is_of_an_hour_and_rain_and_snow_are_one() -> None:
    document = answer()
    document["list"][0] |= {"rain": {"3h": 0.6}, "snow": {"3h": 0.3}}
    document["list"][1].pop("rain", None)
    fallen = said(document).columns["precipitation_mm"]
    assert fallen[0] == pytest.approx(0.3)
    assert fallen[1] == 0.0


def test_a_member_that_an_entry_lacks_is_missing_there() -> None:
    document = answer()
    del document["list"][3]["wind"]["gust"]
    del document["list"][4]["main"]
    columns = said(document).columns
    assert math.isnan(columns["wind_gusts_10m_ms"][3])
    assert math.isnan(columns["temperature_2m_c"][4])


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (backwards, "do not rise"),
        (years_off, "far from those asked"),
        (elsewhere, "another place"),
        (words, "cannot be true"),
        (storm, "cannot be true"),
        (lambda part: part.pop("list"), "no 'list'"),
        (lambda part: part.update(list=[]), "no times"),
        (lambda part: part.update(list=["a"]), "cannot be read"),
        (lambda part: part["list"][0].update(dt=1 << 80), "cannot be read"),
        (lambda part: part.update(list=part["list"][:5]), "old"),
        (lambda part: part.pop("city"), "no 'city'"),
    ],
)
def test_what_cannot_be_true_is_refused_in_a_plain_line(change: Any, line: str) -> None:
    document = answer()
    change(document)
    with pytest.raises(AnswerRefused, match=line):
        said(document)


@pytest.mark.parametrize("document", [None, 7, [], {}, {"cod": "401", "message": "Invalid API key"}])
def test_what_is_no_answer_at_all_is_refused(document: Any) -> None:
    with pytest.raises(AnswerRefused):
        said(document)
