"""The collector: who gets weather when, from where, and under which identity."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from infra.metrics import REGISTRY
from producers.weather.answers import Place
from producers.weather.area import around
from schemas.errors import ServiceUnavailable
from schemas.records import PlantKind
from tests.unit.producers.weather.collecting import START_S, Clock, Station, plant
from tests.weather_faults import always, busy, changed, elsewhere, status
from tests.weather_server import respond, weather_server


@pytest.fixture
def station(tmp_path: Path) -> Iterator[Station]:
    clock = Clock()
    with weather_server(clock) as server:
        made = Station(server, tmp_path, clock)
        yield made
        made.http.close()


def identities(station: Station) -> list[tuple[str, str, int]]:
    return [(run.plant_id, run.source, run.published_at_ms) for run in station.out.runs()]


def test_a_new_plant_gets_its_first_run_at_once(station: Station) -> None:
    station.live.turn(0.0)
    assert station.out.records == []
    station.registry.add(plant("ridge"))
    station.live.turn(0.0)
    (run,) = station.out.runs()
    assert (run.plant_id, run.source, run.journaled) == ("ridge", "open_meteo", False)
    assert station.out.records[0].key == b"ridge"


def test_a_run_is_published_when_it_was_fetched_and_never_later_than_it_was_known(station: Station) -> None:
    station.registry.add(plant("ridge"))
    station.live.turn(0.0)
    (run,) = station.out.runs()
    assert START_S * 1000 <= run.published_at_ms <= station.clock.now_s * 1000
    assert run.known_at_ms == run.published_at_ms


def test_a_plant_gets_a_run_each_period_and_not_more_often(station: Station) -> None:
    station.registry.add(plant("ridge"))
    station.pass_s(6 * 3600.0, step_s=60.0)
    assert 6 <= len(station.out.records) <= 7


def test_a_moved_plant_gets_a_run_for_its_new_place_at_once(station: Station) -> None:
    station.registry.add(plant("ridge"))
    station.live.turn(0.0)
    station.clock.sleep(1.0)
    station.registry.add(plant("ridge", 48.0, 5.0))
    station.live.turn(0.0)
    first, second = station.out.runs()
    assert first.columns["wind_speed_10m_ms"].tolist() != second.columns["wind_speed_10m_ms"].tolist()


def test_a_plant_that_moves_to_where_another_one_stands_gets_a_run_of_its_own(station: Station) -> None:
    station.registry.add(plant("ridge"), plant("roof", 39.7, -105.2))
    station.live.turn(0.0)
    station.clock.sleep(60.0)
    station.registry.add(plant("ridge", 39.7, -105.2))
    station.live.turn(0.0)
    assert len(identities(station)) == len(set(identities(station))) == 3


def test_a_change_of_something_else_than_the_place_asks_for_nothing(station: Station) -> None:
    station.registry.add(plant("ridge"))
    station.live.turn(0.0)
    station.registry.add(replace(plant("ridge"), capacity_kw=2000.0))
    station.live.turn(0.0)
    assert len(station.out.records) == 1


def test_a_plant_without_a_position_is_named_once(station: Station, caplog: pytest.LogCaptureFixture) -> None:
    station.registry.add(plant("lost", None, None))
    station.live.turn(0.0)
    station.live.turn(0.0)
    said = [record.getMessage() for record in caplog.records if "no position" in record.getMessage()]
    assert len(said) == 1
    assert "gridcast plants set lost" in said[0]
    assert station.server.calls.total() == 0


def test_a_plant_that_is_gone_is_none_whose_weather_is_late(station: Station) -> None:
    age = ("gridcast_weather_newest_run_seconds", {"plant": "gone"})
    station.registry.add(plant("gone"))
    station.live.turn(0.0)
    assert REGISTRY.get_sample_value(*age) is not None
    station.registry.add(plant("gone", None, None))
    station.server.faults = always(status(500))
    station.pass_s(5 * 3600.0, step_s=600.0)
    assert REGISTRY.get_sample_value(*age) is None
    assert station.progress.health().good


def test_a_first_plant_after_hours_without_one_raises_no_alarm(
    station: Station, caplog: pytest.LogCaptureFixture
) -> None:
    station.pass_s(5 * 3600.0, step_s=600.0)
    assert station.progress.health().good
    station.registry.add(plant("ridge"))
    station.live.turn(0.0)
    station.live.turn(0.0)
    assert station.progress.health().good
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


def test_a_restart_sends_the_same_run_under_the_same_identity_without_asking_again(station: Station) -> None:
    station.registry.add(plant("ridge"), plant("roof", 39.7, -105.2))
    station.live.turn(0.0)
    calls = station.server.calls.total()
    station.clock.sleep(600.0)
    station.begin()
    station.live.turn(0.0)
    assert station.server.calls.total() == calls
    before, after = station.out.records[:2], station.out.records[2:]
    assert [record.value for record in after] == [record.value for record in before]


def test_after_a_restart_the_next_run_is_due_when_it_was_before(station: Station) -> None:
    station.registry.add(plant("ridge"))
    station.live.turn(0.0)
    station.clock.sleep(2400.0)
    station.begin()
    station.pass_s(1300.0)
    times_ms = sorted({run.published_at_ms for run in station.out.runs()})
    assert len(times_ms) == 2
    assert 3400 <= (times_ms[1] - times_ms[0]) / 1000 <= 3620


def test_an_old_answer_is_not_used_after_a_long_stop(station: Station) -> None:
    station.registry.add(plant("ridge"))
    station.live.turn(0.0)
    station.clock.sleep(3000.0)
    station.begin()
    station.live.turn(0.0)
    assert len(set(identities(station))) == 2


def test_a_second_plant_on_the_same_cell_is_not_asked_for_again(station: Station) -> None:
    station.registry.add(plant("ridge"))
    station.live.turn(0.0)
    calls = station.server.calls.total()
    station.clock.sleep(60.0)
    station.registry.add(plant("ridge-2", 54.001, 8.002))
    station.live.turn(0.0)
    assert station.server.calls.total() == calls
    first, second = station.out.runs()
    assert first.published_at_ms == second.published_at_ms


def test_many_plants_are_asked_for_in_few_calls(station: Station) -> None:
    station.registry.add(*(plant(f"p{number}", 40.0 + number / 3, 5.0) for number in range(30)))
    for _ in range(3):
        station.live.turn(0.0)
    assert len(station.out.records) == 30
    assert station.server.calls.total() == 3


def test_a_new_plant_does_not_wait_until_hundreds_of_others_have_been_collected(station: Station) -> None:
    many = [plant(f"p{number}", 40.0 + number / 20, 5.0) for number in range(200)]
    station.registry.add(*many)
    while len(station.out.records) < len(many):
        station.live.turn(0.0)
    station.clock.sleep(3700.0)
    station.live.turn(0.0)
    station.registry.add(plant("new", -20.0, 30.0))
    sent = len(station.out.records)
    station.live.turn(0.0)
    assert "new" in {run.plant_id for run in station.out.runs()[sent:]}


def test_runs_that_kafka_does_not_take_are_sent_later_and_nothing_is_asked_for(
    station: Station,
) -> None:
    station.registry.add(plant("ridge"))
    station.out.broken = ServiceUnavailable("away")
    for _ in range(5):
        station.live.turn(0.0)
    calls = station.server.calls.total()
    assert station.out.records == []
    station.out.broken = None
    station.live.turn(0.0)
    assert len(station.out.records) == 1
    assert station.server.calls.total() == calls


def test_a_run_carries_the_points_of_its_area_at_its_own_times(station: Station) -> None:
    station.registry.add(plant("ridge"))
    station.live.turn(0.0)
    (run,) = station.out.runs()
    assert [point.point_id for point in run.points] == ["n", "e", "s", "w"]
    north = run.points[0]
    assert north.latitude == pytest.approx(54.25)
    assert all(len(values) == len(run.valid_at_ms) for values in north.columns.values())
    assert set(north.columns) == {"wind_speed_100m_ms", "wind_direction_100m_deg"}


def test_a_solar_plants_neighbours_speak_of_radiation_and_cloud(station: Station) -> None:
    station.registry.add(replace(plant("roof"), kind=PlantKind.SOLAR))
    station.live.turn(0.0)
    (run,) = station.out.runs()
    for point in run.points:
        assert set(point.columns) == {"shortwave_radiation_w_m2", "cloud_cover_pct"}


def test_eight_runs_fit_well_into_a_checkpoint(station: Station) -> None:
    station.registry.add(plant("ridge"))
    station.live.turn(0.0)
    assert len(station.out.records[0].value or b"") < 40_000


def test_a_plant_whose_neighbours_fail_has_a_run_all_the_same(station: Station) -> None:
    def spoil(part: dict[str, object]) -> None:
        if part["latitude"] != 54.0:
            elsewhere(part)

    station.server.faults = always(changed(spoil))
    station.registry.add(plant("ridge"))
    station.live.turn(0.0)
    (run,) = station.out.runs()
    assert {point.point_id for point in run.points} <= {"e", "w"}


@pytest.mark.parametrize(
    "place", [Place(0.0, 179.99), Place(54.02, 8.03), Place(-84.0, -180.0), Place(89.0, 0.0)]
)
def test_the_points_of_an_area_lie_about_28_km_away_wherever_it_is(place: Place) -> None:
    points = around(place)
    assert set(points) == (set() if place.latitude == 89.0 else {"n", "e", "s", "w"})
    for name, point in points.items():
        assert -180.0 <= point.longitude < 180.0
        assert point != place
        if name in "ns":
            assert abs(abs(point.latitude - place.latitude) - 0.25) < 0.06


def test_a_source_that_asks_for_an_hours_patience_is_left_alone_for_it(station: Station) -> None:
    station.registry.add(plant("ridge"))
    station.server.faults = lambda path: busy("1800") if path == "/v1/forecast" else None
    station.pass_s(1700.0)
    assert station.server.calls["/v1/forecast"] == 1
    assert {run.source for run in station.out.runs()} == {"openweather"}


def test_a_place_that_a_source_does_not_take_costs_its_neighbours_nothing(station: Station) -> None:
    def refuse(handler: BaseHTTPRequestHandler, body: bytes) -> bytes | None:
        if ",47," not in f",{handler.path.split('latitude=')[1].split('&')[0]},".replace("%2C", ","):
            return body
        respond(handler, 400, b'{"error": true, "reason": "No data for this location."}')
        return None

    station.askers.pop()
    station.server.faults = lambda path: refuse if path == "/v1/forecast" else None
    station.registry.add(*(plant(f"p{number}", 40.0 + number, 5.0) for number in range(10)))
    station.live.turn(0.0)
    assert {run.plant_id for run in station.out.runs()} == {f"p{number}" for number in range(10)} - {"p7"}
    assert station.server.calls.total() <= 25
    assert station.askers[0].breaker.failures == 0


def test_a_key_that_is_refused_is_said_and_not_tried_again_and_again(
    station: Station, caplog: pytest.LogCaptureFixture
) -> None:
    station.registry.add(plant("ridge"))
    station.server.faults = always(status(401))
    station.live.turn(0.0)
    assert station.server.calls == {"/v1/forecast": 1, "/data/2.5/forecast": 1}
    assert any("check the key" in record.getMessage() for record in caplog.records)
    assert not any("hidden-key" in record.getMessage() for record in caplog.records)
