"""Away and back: each thing is asked for once, what was shown stays, and nothing old passes for new."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from consumers.api.keys import Role
from tests import output_records as made
from tests.browser.session import Visit, visit
from tests.integration.api.world import World
from tests.integration.page.places import drawn, go

CHOICES = "main select, main input[type=range]"
READ_AT_3 = "all => all.forEach(one => { one.value = 3; one.dispatchEvent(new Event('input')); })"


class Stream:
    """The live stream, which ends as soon as it has told what it was given."""

    def __init__(self, page: Page, *told: str) -> None:
        self.asked: list[str | None] = []
        self._told = list(told)
        page.route(re.compile("/v1/live"), self._answer)

    def _answer(self, route: Route) -> None:
        self.asked.append(route.request.headers.get("last-event-id"))
        told = self._told.pop(0) if self._told else ""
        route.fulfill(content_type="text/event-stream", body=f"id: {len(self.asked)}\n: here\n\n{told}")


def _back(page: Page, stream: Stream, after_s: int = 20) -> None:
    """It was cut off, and comes back once. Timers that were due meanwhile come late, and all at once."""
    page.wait_for_timeout(200)
    before = len(stream.asked)
    page.clock.fast_forward(after_s * 1000)
    while len(stream.asked) == before:
        page.wait_for_timeout(50)
    drawn(page)


@pytest.mark.parametrize(
    ("path", "named", "asked"),
    [
        ("/plants/a", "Forecast", r"/forecasts/(latest|\d{4}-[^/]*)$"),
        ("/releases", "Second", "/v1/performance/releases"),
    ],
)
def test_who_was_cut_off_often_asks_once_each_time(visited: Visit, path: str, named: str, asked: str) -> None:
    page = visited.page
    page.clock.install()
    stream = Stream(page)
    go(page, path)
    page.get_by_role("combobox", name=named).select_option(index=1)
    drawn(page)
    page.locator("main").get_by_label("Read the chart at").evaluate_all(READ_AT_3)
    chosen = page.locator(CHOICES).evaluate_all("all => all.map(one => one.value)")
    before = len(visited.requested)
    for _ in range(4):
        _back(page, stream)
    loads = [one for one in visited.requested[before:] if re.search(asked, one)]
    assert 3 <= len(loads) <= 5, loads
    assert page.locator(CHOICES).evaluate_all("all => all.map(one => one.value)") == chosen


def test_what_was_shown_stays_while_a_proxy_answers_for_the_service(page: Page) -> None:
    page.clock.install()
    go(page, "/alerts")
    for status in (429, 502, 503):
        page.route(re.compile("/v1/alerts"), _refusing(status))
        page.get_by_role("combobox", name="Alerts").select_option(index=status % 2)
        expect(page.locator("main [data-old]")).to_be_visible()
        expect(page.locator("main tbody tr").first).to_be_visible()
        assert page.locator("main .failed").count() == 0, status
        page.unroute_all()
        page.clock.fast_forward(16_000)  # it asks again by itself
        expect(page.locator("main [data-old]")).to_have_count(0)


def test_who_is_refused_the_stream_is_told_why(page: Page) -> None:
    told = {"detail": "Kafka does not answer: try again", "status": 503}
    page.route(re.compile("/v1/live"), lambda route: route.fulfill(status=503, json=told))
    go(page, "/")
    expect(page.locator("#connection")).to_contain_text(": Kafka does not answer. What you see may be old.")
    expect(page.locator("main tbody tr").first).to_be_visible()


def _refusing(status: int) -> Callable[[Route], None]:
    return lambda route: route.fulfill(status=status)


def test_who_slept_for_long_is_told_nothing_of_what_it_missed(page: Page) -> None:
    page.clock.install()
    stream = Stream(page)
    go(page, "/")
    _back(page, stream, 100)
    assert stream.asked[-1] is not None, "who was away for a moment misses nothing"
    _back(page, stream, 400)
    assert stream.asked[-1] is None, "who was away for long asks anew"


def test_a_note_that_is_being_written_outlives_an_alert(chromium: Browser, world: World) -> None:
    event = '{"plant_id":"a","unit_id":"","phase":"update","severity":"info","message":""}'
    with visit(chromium, world.url, world.keys[Role.READER]) as visited:
        page = visited.page
        page.clock.install()
        stream = Stream(page, "", *[f"event: alert\ndata: {event}\n\n"] * 9)
        go(page, "/alerts")
        page.locator("tr", has_text="no power").get_by_role("button", name="Take up").first.click()
        note = page.locator("form input")
        note.fill("crew is on")
        for _ in range(3):
            _back(page, stream)
        expect(note).to_have_value("crew is on")
        expect(note).to_be_focused()


def test_ages_go_on_while_nothing_comes(page: Page) -> None:
    page.clock.install(time=made.T0_MS / 1000 + 26 * 3600)
    page.route(re.compile("/v1/(?!live)"), _once())
    go(page, "/")
    line = page.locator("main tbody tr").first
    expect(line).to_contain_text("2 h ago")
    expect(line).to_contain_text("90 to 110 kW")
    page.clock.fast_forward(3 * 3600 * 1000)
    expect(line).to_contain_text("5 h ago")
    for length_s in (40 * 3600, 2):
        page.clock.fast_forward(length_s * 1000)
    expect(line).to_contain_text("too old")
    expect(page.locator(".card").nth(1)).to_contain_text("0 of 2 plants")


def _once() -> Callable[[Route], None]:
    """Each question is answered once, and then the service is silent."""
    seen: set[str] = set()

    def answer(route: Route) -> None:
        if route.request.url in seen:
            route.fulfill(status=503)
        else:
            seen.add(route.request.url)
            route.continue_()

    return answer
