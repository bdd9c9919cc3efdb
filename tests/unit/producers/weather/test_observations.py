"""NASA POWER's recent past: read right, sent as observations alone, each hour when it is new."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from infra.topics import WEATHER_OBSERVATIONS
from producers.weather.answers import HOUR_MS, Place, Said
from producers.weather.nasa_power import NasaPower
from producers.weather.observing import Observing
from schemas.errors import AnswerRefused, ServiceUnavailable
from tests import weather_server as server
from tests.unit.producers.weather.collecting import CODEC, START_S, Clock, Station, plant
from tests.weather_faults import always, status
from tests.weather_server import weather_server

HERE = Place(54.12, 8.34)
SOURCE = NasaPower("https://power.larc.nasa.gov", lambda: START_S)
NOW_MS = int(START_S * 1000)


def answer() -> Any:
    return server.nasa_power(dict(SOURCE.call([HERE]).params), START_S)


def said(document: Any) -> Said:
    (one,) = SOURCE.read(json.loads(json.dumps(document)), [HERE], NOW_MS)
    assert isinstance(one, Said)
    return one


def test_the_call_asks_for_utc_and_the_last_days() -> None:
    call = SOURCE.call([HERE])
    assert call.url.endswith("/api/temporal/hourly/point")
    assert call.params["time-standard"] == "UTC"
    assert (call.params["start"], call.params["end"]) == ("20260911", "20260921")
    assert len(call.params["parameters"].split(",")) <= 15


def test_a_stamp_is_the_beginning_of_its_hour_and_the_fill_value_is_missing() -> None:
    document = answer()
    one = said(document)
    first = min(document["properties"]["parameter"]["T2M"])
    assert (
        one.valid_at_ms[0]
        == np.datetime64(f"{first[:4]}-{first[4:6]}-{first[6:8]}T{first[8:]}", "ms").astype(np.int64)
        + HOUR_MS
    )
    assert one.valid_at_ms[-1] <= NOW_MS - 47 * HOUR_MS
    assert np.isnan(one.columns["shortwave_radiation_w_m2"][-1])
    assert np.isfinite(one.columns["temperature_2m_c"]).all()
    assert one.columns["surface_pressure_hpa"][0] == 950.0


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (lambda part: part["header"].update(time_standard="LST"), "not in UTC"),
        (lambda part: part["geometry"].update(coordinates=[0.0, 0.0]), "another place"),
        (lambda part: part["geometry"].update(coordinates=[]), "which place"),
        (lambda part: part.pop("properties"), "no 'properties'"),
        (lambda part: part["properties"].update(parameter={}), "no times"),
        (lambda part: part["properties"]["parameter"]["T2M"].update({"yesterday": 1}), "cannot be read"),
        (lambda part: part["properties"]["parameter"]["T2M"].update({"2026091113X": 1}), "cannot be read"),
        (lambda part: [part["parameters"][name].update(units="K") for name in part["parameters"]], "true"),
    ],
)
def test_what_cannot_be_true_is_refused_in_a_plain_line(change: Any, line: str) -> None:
    document = answer()
    change(document)
    with pytest.raises(AnswerRefused, match=line):
        said(document)


@pytest.fixture
def station(tmp_path: Path) -> Iterator[Station]:
    clock = Clock()
    with weather_server(clock) as running:
        made = Station(running, tmp_path, clock)
        made.live.observing = observing(made)
        made.registry.add(plant("ridge"))
        yield made
        made.http.close()


def observing(station: Station) -> Observing:
    asker = station.asker(NasaPower(station.server.url, station.clock))
    return Observing(asker, station.out, CODEC, station.clock)


def observed(station: Station) -> list[dict[str, Any]]:
    own = [record for record in station.out.records if record.topic == WEATHER_OBSERVATIONS]
    assert all(record.key == b"ridge" for record in own)
    return [CODEC.decode(record.value)[1] for record in own]


def test_observations_come_after_the_forecast_and_on_their_own_topic(station: Station) -> None:
    station.pass_s(60.0)
    records = observed(station)
    assert len(records) == len({record["event_time"] for record in records}) == 10 * 24 + 14 - 48
    assert {record["source"] for record in records} == {"nasa_power"}
    assert all(record["event_time"] < record["known_at"] for record in records)
    assert station.out.records[0].topic != WEATHER_OBSERVATIONS


def test_only_hours_that_are_new_or_changed_are_sent_again(station: Station) -> None:
    station.pass_s(60.0)
    first = len(observed(station))
    station.clock.sleep(86_400.0)
    station.pass_s(120.0)
    new = observed(station)[first:]
    # A day of weather has come, and the radiation of a day that was known without.
    assert len(new) == 48


def test_a_source_of_observations_that_fails_is_left_for_an_hour_and_delays_nothing(
    station: Station,
) -> None:
    station.server.faults = lambda path: status(500) if "temporal" in path else None
    station.pass_s(1800.0, step_s=60.0)
    assert station.server.calls["/api/temporal/hourly/point"] <= 4
    assert [record.topic for record in station.out.records] == ["weather.forecasts"]
    station.server.faults = lambda _path: None
    station.pass_s(3600.0, step_s=60.0)
    assert observed(station)


def test_observations_that_kafka_does_not_take_are_sent_later(station: Station) -> None:
    station.live.turn(0.0)
    station.out.broken = ServiceUnavailable("away")
    station.live.turn(0.0)
    station.out.broken = None
    station.pass_s(4000.0, step_s=100.0)
    assert observed(station)


def test_always_down_is_no_reason_to_fail(station: Station) -> None:
    station.server.faults = always(status(503))
    station.pass_s(600.0, step_s=60.0)
    assert station.out.records == []
