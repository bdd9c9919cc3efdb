"""One answer by HTTP: in time, whole, and asked for again where that helps."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.utils import formatdate

import pytest

from producers.weather.answers import Call
from producers.weather.http import Http, Patience
from producers.weather.responses import Busy, Stopped
from schemas.errors import AnswerRefused, GridcastError, RequestRefused, ServiceUnavailable
from tests.weather_faults import always, busy, cut, drip, drip_headers, hang, huge, instead, status
from tests.weather_server import Fault, WeatherServer, weather_server

NOW_S = 1_790_000_000.0
QUICK = Patience(connect_s=0.5, read_s=0.3, deadline_s=0.5, largest_bytes=4 << 20)


@dataclass
class World:
    server: WeatherServer
    slept: list[float] = field(default_factory=list)
    stopped: bool = False

    def __post_init__(self) -> None:
        self.http = Http(QUICK, lambda: self.stopped, self.slept.append, lambda: NOW_S)

    def call(self) -> Call:
        params = {"latitude": "54", "longitude": "8", "hourly": "temperature_2m", "forecast_hours": "2"}
        return Call(f"{self.server.url}/v1/forecast", params, {"apikey": "hidden-key"})

    def faults(self, *faults: Fault | None) -> None:
        """These one after the other, then none."""
        left = list(faults)
        self.server.faults = lambda _path: left.pop(0) if left else None

    def fail(self) -> GridcastError:
        with pytest.raises(GridcastError) as raised:
            self.http.once(self.call())
        return raised.value


@pytest.fixture
def world() -> Iterator[World]:
    with weather_server() as server:
        made = World(server)
        yield made
        made.http.close()


def test_an_answer_carries_the_time_at_which_it_had_come(world: World) -> None:
    answer = world.http.once(world.call())
    assert answer.document["hourly_units"]["temperature_2m"] == "°C"
    assert answer.fetched_at_ms == NOW_S * 1000


@pytest.mark.parametrize("fault", [hang, drip, drip_headers, cut], ids=lambda fault: fault.__name__)
def test_what_does_not_come_whole_in_time_is_given_up_at_the_deadline(world: World, fault: Fault) -> None:
    world.server.faults = always(fault)
    started = time.monotonic()
    error = world.fail()
    assert isinstance(error, ServiceUnavailable)
    assert time.monotonic() - started < 2 * QUICK.deadline_s
    assert "/v1/forecast" in str(error)


def test_more_than_can_be_meant_is_not_read_to_its_end(world: World) -> None:
    world.server.faults = always(huge)
    error = world.fail()
    assert isinstance(error, AnswerRefused | ServiceUnavailable)


@pytest.mark.parametrize("body", [b"", b"<html>", b'{"a": 1', b'{"a": NaN}', b"[" * 100_000, b"\xff\xfe"])
def test_what_is_no_json_is_refused_in_one_plain_line(world: World, body: bytes) -> None:
    world.server.faults = always(instead(body))
    error = world.fail()
    assert isinstance(error, AnswerRefused)
    assert "no JSON" in str(error)
    assert "\n" not in str(error)
    assert len(str(error)) < 250


@pytest.mark.parametrize("code", [401, 403, 404, 400, 301])
def test_what_is_refused_for_good_is_asked_for_once(world: World, code: int) -> None:
    world.server.faults = always(status(code))
    with pytest.raises(RequestRefused):
        world.http.patiently(lambda: world.http.once(world.call()))
    assert world.server.calls.total() == 1


def test_a_key_stands_in_no_message(world: World) -> None:
    for fault in (status(401), status(500), busy(None), hang, instead(b"<html>")):
        world.server.faults = always(fault)
        assert "hidden-key" not in str(world.fail())


def test_retries_come_later_and_later_but_not_together(world: World) -> None:
    world.server.faults = always(status(500))
    with pytest.raises(ServiceUnavailable):
        world.http.patiently(lambda: world.http.once(world.call()))
    assert world.server.calls.total() == QUICK.attempts
    assert [0.5 <= second / 2**place <= 1.0 for place, second in enumerate(world.slept)] == [True] * 3
    assert len(set(world.slept)) == 3


def test_the_service_says_why(world: World) -> None:
    world.server.faults = always(busy(None))
    assert "Minutely API request limit exceeded" in str(world.fail())


@pytest.mark.parametrize("header", ["7", formatdate(NOW_S + 7, usegmt=True)])
def test_a_retry_never_comes_before_the_time_that_the_service_names(world: World, header: str) -> None:
    world.faults(busy(header))
    world.http.patiently(lambda: world.http.once(world.call()))
    assert 7.0 <= world.slept[0] <= 8.0


@pytest.mark.parametrize("header", ["soon", "-5", "1e9", "", formatdate(0, usegmt=True), "\u00b2"])
def test_nonsense_in_retry_after_is_no_wait_of_years(world: World, header: str) -> None:
    world.faults(busy(header))
    world.http.patiently(lambda: world.http.once(world.call()))
    assert world.slept[0] <= 1.0


def test_a_wait_of_hours_is_left_to_the_breaker(world: World) -> None:
    world.server.faults = always(busy("7200"))
    with pytest.raises(Busy) as raised:
        world.http.patiently(lambda: world.http.once(world.call()))
    assert raised.value.wait_s == 7200.0
    assert world.slept == []


def test_a_stop_ends_an_exchange_at_once_and_is_not_tried_again(world: World) -> None:
    world.server.faults = always(hang)
    world.stopped = True
    started = time.monotonic()
    with pytest.raises(Stopped):
        world.http.patiently(lambda: world.http.once(world.call()))
    assert time.monotonic() - started < 0.3


def test_after_a_failure_the_next_request_goes_well(world: World) -> None:
    world.faults(hang, cut, drip, huge, instead(b""), None)
    for _ in range(5):
        world.fail()
    assert world.http.once(world.call()).document["latitude"] == 54
