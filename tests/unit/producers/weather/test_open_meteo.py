"""Open-Meteo: what is asked, how an answer is read, and which answers are refused."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from producers.weather.answers import HOUR_MS, Place, Said
from producers.weather.heights import with_wind_at_100m
from producers.weather.open_meteo import FORECAST, SURFACE, OpenMeteo, read_places
from producers.weather.sane import Reach
from schemas.errors import AnswerRefused
from tests import weather_server as server
from tests.weather_faults import backwards, elsewhere, storm, words, years_off

NOW_MS = 1_790_001_000_000
HERE, THERE = Place(54.12, 8.34), Place(-33.5, 151.2)
SOURCE = OpenMeteo()


def answer(*places: Place) -> Any:
    return server.open_meteo(dict(SOURCE.call(places).params), NOW_MS / 1000)


def read(document: Any, *places: Place) -> list[Said | AnswerRefused]:
    return SOURCE.read(json.loads(json.dumps(document)), places, NOW_MS)


def said(document: Any) -> Said:
    (one,) = read(document, HERE)
    assert isinstance(one, Said)
    return one


def refusal(document: Any) -> str:
    with pytest.raises(AnswerRefused) as raised:
        read(document, HERE)
    assert "\n" not in str(raised.value)
    return str(raised.value)


def test_the_call_asks_in_utc_and_in_our_units() -> None:
    call = SOURCE.call([HERE, THERE])
    assert call.url == "https://api.open-meteo.com/v1/forecast"
    assert call.params["timezone"] == "UTC"
    assert call.params["wind_speed_unit"] == "ms"
    assert (call.params["latitude"], call.params["longitude"]) == ("54.12,-33.5", "8.34,151.2")
    assert (call.params["forecast_hours"], call.params["past_hours"]) == ("72", "6")


def test_a_key_goes_to_the_host_of_customers_and_apart_from_what_may_be_shown() -> None:
    call = OpenMeteo(key="hidden").call([HERE])
    assert call.url.startswith("https://customer-api.open-meteo.com/")
    assert call.secret == {"apikey": "hidden"}
    assert "hidden" not in str(call.params)
    assert "hidden" not in repr(OpenMeteo(key="hidden"))


def test_times_are_ends_of_utc_hours_around_now() -> None:
    one = said(answer(HERE))
    assert one.valid_at_ms[0] == NOW_MS // HOUR_MS * HOUR_MS - 6 * HOUR_MS
    assert np.all(np.diff(one.valid_at_ms) == HOUR_MS)
    assert len(one.valid_at_ms) == 78
    assert one.fetched_at_ms == NOW_MS


def test_values_come_through_under_our_names_with_wind_at_every_height() -> None:
    document = answer(HERE)
    one = said(document)
    assert one.columns["temperature_2m_c"].tolist() == document["hourly"]["temperature_2m"]
    assert one.columns["shortwave_radiation_w_m2"].tolist() == document["hourly"]["shortwave_radiation"]
    speeds = [name for name in one.columns if name.startswith("wind_speed")]
    assert speeds == [f"wind_speed_{height}m_ms" for height in (10, 80, 100, 120, 180)]
    assert "wind_direction_100m_deg" in one.columns


def test_several_places_come_as_a_list_in_the_order_asked() -> None:
    first, second = read(answer(HERE, THERE), HERE, THERE)
    assert isinstance(first, Said)
    assert isinstance(second, Said)
    assert (first.place, second.place) == (HERE, THERE)
    assert first.columns["temperature_2m_c"].tolist() != second.columns["temperature_2m_c"].tolist()


def test_one_absurd_place_does_not_spoil_the_others() -> None:
    document = answer(HERE, THERE)
    elsewhere(document[0])
    first, second = read(document, HERE, THERE)
    assert isinstance(first, AnswerRefused)
    assert isinstance(second, Said)


def test_an_answer_of_fewer_places_is_refused() -> None:
    with pytest.raises(AnswerRefused, match="1 places for 2"):
        read(answer(HERE), HERE, THERE)


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (backwards, "do not rise"),
        (years_off, "far from those asked"),
        (elsewhere, "another place"),
        (words, "cannot be true"),
        (storm, "cannot be true"),
        (lambda part: part.pop("hourly"), "no 'hourly'"),
        (lambda part: part.update(hourly=None), "no 'hourly'"),
        (lambda part: part["hourly"].update(time=[None] * 78), "cannot be read"),
        (lambda part: part["hourly"].update(time=[]), "no times"),
        (lambda part: part["hourly"].update(time=part["hourly"]["time"][:60]), "cannot be true"),
        (lambda part: part.update(utc_offset_seconds="far"), "utc_offset_seconds"),
        (lambda part: part.pop("hourly_units"), "no 'hourly_units'"),
        (lambda part: part.update(latitude="north"), "which place"),
    ],
)
def test_what_cannot_be_true_is_refused_in_a_plain_line(change: Any, line: str) -> None:
    document = answer(HERE)
    change(document)
    assert line in refusal(document)


@pytest.mark.parametrize("document", [None, 7, "hello", [], {}, [[]], {"hourly": []}, {"error": True}])
def test_what_is_no_answer_at_all_is_refused(document: Any) -> None:
    refusal(document)


def test_an_answer_that_ends_too_early_is_old() -> None:
    document = server.open_meteo(dict(SOURCE.call([HERE]).params), NOW_MS / 1000 - 40 * 3600)
    assert "old" in refusal(document)


def test_stamps_that_say_their_offset_are_understood() -> None:
    document = answer(HERE)
    expected = said(document).valid_at_ms - 7200_000
    document["utc_offset_seconds"] = 7200
    assert said(document).valid_at_ms.tolist() == expected.tolist()


@pytest.mark.parametrize(
    ("variable", "column", "absurd"),
    [
        ("wind_speed_80m", "wind_speed_80m_ms", 400.0),
        ("shortwave_radiation", "shortwave_radiation_w_m2", 3000.0),
        ("shortwave_radiation", "shortwave_radiation_w_m2", -50.0),
        ("temperature_2m", "temperature_2m_c", "warm"),
        ("cloud_cover", "cloud_cover_pct", True),
        ("surface_pressure", "surface_pressure_hpa", 10**400),
        ("surface_pressure", "surface_pressure_hpa", [1]),
    ],
)
def test_a_single_absurd_value_is_missing(variable: str, column: str, absurd: Any) -> None:
    document = answer(HERE)
    document["hourly"][variable][10] = absurd
    values = SOURCE.read(document, [HERE], NOW_MS)[0].columns[column]  # type: ignore[union-attr]
    assert math.isnan(values[10])
    assert np.isfinite(np.delete(values, 10)).all()


@pytest.mark.parametrize("wrong", [{"unit": "km/h"}, {"length": 3}, {"values": 500.0}])
def test_an_absurd_column_is_left_out_and_the_rest_is_used(wrong: dict[str, Any]) -> None:
    document = answer(HERE)
    if "unit" in wrong:
        document["hourly_units"]["wind_speed_180m"] = wrong["unit"]
    elif "length" in wrong:
        document["hourly"]["wind_speed_180m"] = [1.0] * wrong["length"]
    else:
        document["hourly"]["wind_speed_180m"] = [wrong["values"]] * 78
    one = said(document)
    columns = one.columns
    assert one.left_out == ("wind_speed_180m_ms",)
    assert "wind_speed_180m_ms" not in columns
    assert "wind_speed_120m_ms" in columns


def test_null_is_missing_and_a_column_of_nothing_else_is_not_there() -> None:
    document = answer(HERE)
    document["hourly"]["wind_speed_10m"][3] = None
    document["hourly"]["cloud_cover_low"] = [None] * 78
    document["hourly_units"]["cloud_cover_low"] = "undefined"
    columns = said(document).columns
    assert said(document).left_out == ()
    assert math.isnan(columns["wind_speed_10m_ms"][3])
    assert "cloud_cover_low_pct" not in columns


@given(
    low=st.floats(0.2, 40), exponent=st.floats(-0.2, 0.6), start=st.floats(0, 360), turn=st.floats(-90, 90)
)
def test_wind_at_100m_lies_on_the_power_law_and_on_the_shorter_way_round(
    low: float, exponent: float, start: float, turn: float
) -> None:
    made = with_wind_at_100m(
        {
            "wind_speed_80m_ms": np.array([low]),
            "wind_speed_120m_ms": np.array([low * 1.5**exponent]),
            "wind_direction_80m_deg": np.array([start]),
            "wind_direction_120m_deg": np.array([(start + turn) % 360]),
        }
    )
    assert made["wind_speed_100m_ms"][0] == pytest.approx(low * 1.25**exponent, rel=1e-9, abs=0.05)
    turned = (made["wind_direction_100m_deg"][0] - start + 180) % 360 - 180
    assert min(0, turn) - 1e-6 <= turned <= max(0, turn) + 1e-6


def test_a_genuine_archive_answer_with_local_stamps_is_read() -> None:
    name = os.environ.get("GRIDCAST_TEST_OPEN_METEO")
    if name is None:
        pytest.skip("GRIDCAST_TEST_OPEN_METEO names no archive answer of Open-Meteo")
    document = json.loads(Path(name).read_bytes())
    place = Place(document["latitude"], document["longitude"])
    reach = Reach(0, 4_000_000_000_000, 0)
    variables = {**FORECAST, "wind_speed_100m": ("wind_speed_100m_ms", "m/s")}
    (one,) = read_places(document, [place], variables, reach, NOW_MS)
    assert isinstance(one, Said)
    local = document["hourly"]["time"][0]
    first = np.datetime64(int(one.valid_at_ms[0]), "ms") + np.timedelta64(document["utc_offset_seconds"], "s")
    assert str(first)[:16] == local
    assert len(one.valid_at_ms) == len(document["hourly"]["time"])
    told = [column for variable, (column, _) in SURFACE.items() if variable in document["hourly"]]
    assert set(told) <= set(one.columns)
    assert {"wind_speed_10m_ms", "wind_speed_100m_ms"} <= set(one.columns)
