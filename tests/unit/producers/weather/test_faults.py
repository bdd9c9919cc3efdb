"""An hour of injected faults, an outage of every source, and their end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from infra.metrics import REGISTRY
from tests.unit.producers.weather.collecting import Clock, Station, plant
from tests.weather_faults import FAULTS, always, at_random, changed, status
from tests.weather_server import weather_server

PLANTS = [plant(f"plant-{number}", 45.0 + number, 5.0 + 2 * number) for number in range(8)]


@pytest.fixture
def station(tmp_path: Path) -> Iterator[Station]:
    clock = Clock()
    with weather_server(clock) as server:
        made = Station(server, tmp_path, clock, every_s=300.0, rest_s=30.0, batch=5)
        made.registry.add(*PLANTS)
        yield made
        made.http.close()


def collections() -> Counter[str]:
    """Collections so far, by outcome."""
    found: Counter[str] = Counter()
    for family in REGISTRY.collect():
        for sample in family.samples:
            if sample.name == "gridcast_weather_collections_total":
                found[sample.labels["outcome"]] += int(sample.value)
    return found


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_over_95_percent_of_collections_succeed_in_an_hour_of_faults(station: Station, seed: int) -> None:
    """Two of five requests to either source fail, in every way there is."""
    before = collections()
    station.server.faults = at_random(0.4, seed)
    station.pass_s(3600.0)
    came = collections() - before
    assert came["sent"] >= 8 * 10
    assert came["sent"] / (came["sent"] + came["failed"]) > 0.95
    identities = [(run.plant_id, run.source, run.published_at_ms) for run in station.out.runs()]
    assert len(set(identities)) == len(identities)


@pytest.mark.parametrize("name", FAULTS)
def test_after_any_fault_the_plant_gets_its_weather(station: Station, name: str) -> None:
    faults = [FAULTS[name]]
    station.server.faults = lambda _path: faults.pop() if faults else None
    station.live.turn(0.0)
    assert {run.plant_id for run in station.out.runs()} == {one.plant_id for one in PLANTS}
    assert {run.source for run in station.out.runs()} == {"open_meteo"}


def test_with_every_source_down_calls_stop_and_the_first_period_after_brings_it_back(
    station: Station,
) -> None:
    station.pass_s(600.0)
    sent = len(station.out.records)
    station.server.faults = always(status(503))
    station.pass_s(2 * 3600.0, step_s=10.0)
    assert len(station.out.records) == sent
    calls = station.server.calls
    # Once the circuit is open each source is tried once a rest.
    assert max(calls.values()) < 2 * 3600 / 30 + 60
    assert not station.progress.health().good
    station.server.faults = lambda _path: None
    station.pass_s(300.0)
    new = station.out.runs()[sent:]
    assert {run.plant_id for run in new} == {one.plant_id for one in PLANTS}
    assert station.progress.health().good


def test_the_next_source_answers_for_the_plants_that_the_first_one_fails_for(station: Station) -> None:
    station.server.faults = lambda path: status(500) if path == "/v1/forecast" else None
    station.live.turn(0.0)
    runs = station.out.runs()
    assert {run.plant_id for run in runs} == {one.plant_id for one in PLANTS}
    assert {run.source for run in runs} == {"openweather"}


def test_a_share_of_successes_under_95_percent_is_said_once_and_stands_in_a_metric(
    station: Station, caplog: pytest.LogCaptureFixture
) -> None:
    station.pass_s(300.0)
    assert REGISTRY.get_sample_value("gridcast_weather_success_share", {"span": "1h"}) == 1.0
    station.server.faults = always(status(500))
    station.pass_s(600.0)
    share = REGISTRY.get_sample_value("gridcast_weather_success_share", {"span": "1h"})
    assert share is not None
    assert share < 0.95
    said = [record.getMessage() for record in caplog.records if "of the last hour" in record.getMessage()]
    assert len(said) == 1


def test_a_column_that_cannot_be_true_is_said_once_an_answer_and_counted(
    station: Station, caplog: pytest.LogCaptureFixture
) -> None:
    def of_another_unit(part: Any) -> None:
        if "hourly_units" in part:
            part["hourly_units"]["wind_gusts_10m"] = "km/h"

    station.server.faults = always(changed(of_another_unit))
    station.live.turn(0.0)
    said = [one.getMessage() for one in caplog.records if "wind_gusts_10m_ms" in one.getMessage()]
    assert len(said) == station.server.calls["/v1/forecast"]
    labels = {"source": "open_meteo", "column": "wind_gusts_10m_ms"}
    counted = REGISTRY.get_sample_value("gridcast_weather_columns_left_out_total", labels)
    assert counted is not None
    assert counted >= 8


def test_one_alert_a_long_outage(station: Station, caplog: pytest.LogCaptureFixture) -> None:
    station.server.faults = always(status(500))
    station.pass_s(4 * 300.0)
    alerts = [record for record in caplog.records if record.levelname == "ERROR"]
    assert len(alerts) == 1
    assert "no plant has got weather" in alerts[0].getMessage()
