"""The page in use: signing in, by keyboard, live, in another theme and zone, while the service is away."""

from __future__ import annotations

import re
import socket
import threading
import time
from contextlib import closing
from urllib.parse import quote

import uvicorn
from playwright.sync_api import Browser, Page, expect

from consumers.api.app import create_app
from consumers.api.keys import Role
from consumers.api.server import configured
from infra.settings import Settings
from tests import output_records as made
from tests.browser.session import visit
from tests.integration.api.world import World, latest, new_key
from tests.integration.page.places import EVENT, drawn, go
from tests.integration.sink_help import send, sink_all

MARKUP = "<img src=x onerror=alert(1)>"


def test_a_key_is_asked_for_once_and_kept_in_the_tab_alone(chromium: Browser, world: World) -> None:
    with visit(chromium, world.url) as visited:
        page = visited.page
        page.goto("/#/plants/a/events")
        key = page.get_by_label("API key")
        expect(key).to_be_focused()
        key.fill("ключ")
        key.press("Enter")
        expect(page.get_by_role("alert")).to_contain_text("This is no key")
        key.fill("gridcast_wrong")
        key.press("Enter")
        expect(page.get_by_role("alert")).to_contain_text("not known, or it has expired")
        key.fill(world.keys[Role.READER])
        key.press("Enter")
        expect(page.get_by_role("heading", level=1)).to_have_text("a")
        assert page.evaluate("[localStorage.length, document.cookie]") == [0, ""]
        assert page.evaluate("Object.values(sessionStorage)") == [world.keys[Role.READER]]
        page.reload()
        expect(page.get_by_role("heading", level=1)).to_have_text("a")
        page.get_by_role("button", name="Sign out").click()
        expect(page.get_by_label("API key")).to_be_visible()
        expect(page.locator("#nav")).to_be_hidden()
        assert page.evaluate("sessionStorage.length") == 0
        assert not any(world.keys[Role.READER] in one for one in visited.requested), "never in an address"


def test_all_of_it_can_be_reached_by_keyboard(page: Page) -> None:
    go(page, "/")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.get_by_label("Find a plant")).to_be_focused()
    page.keyboard.type("a")
    reached = set()
    for _ in range(40):
        page.keyboard.press("Tab")
        place = page.evaluate(
            "(() => { const one = document.activeElement; if (one === document.body) return null;"
            " const { outlineStyle, outlineWidth } = getComputedStyle(one);"
            " return [one.innerText.trim().split('\\n')[0], one.matches(':focus-visible'),"
            " outlineStyle !== 'none' && parseFloat(outlineWidth) >= 2]; })()"
        )
        if place is None:
            break
        assert place[1] and place[2], f"{place[0]} does not show that it has the focus"
        reached.add(place[0])
    assert {"a", "the API"} <= reached, "the list, and on to the end of the page: no trap"
    page.get_by_role("link", name="a", exact=True).focus()
    page.keyboard.press("Enter")
    heading = page.get_by_role("heading", level=1)
    expect(heading).to_have_text("a")
    expect(heading).to_be_focused()
    assert page.title() == "a · gridcast"
    drawn(page)
    reader = page.get_by_label("Read the chart at")
    reader.focus()
    before = page.locator("output").inner_text()
    page.keyboard.press("ArrowRight")
    assert page.locator("output").inner_text() != before
    page.go_back()
    expect(heading).to_have_text("Fleet")


def test_theme_and_zone_are_chosen_and_stay(page: Page) -> None:
    go(page, "/plants/a")
    ground = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(ground)
    page.get_by_label("Colours").select_option("dark")
    assert page.evaluate(ground) != light
    assert "Europe/Paris" in page.locator(".about").inner_text()
    page.get_by_label("Times").select_option("utc")
    expect(page.locator(".about")).to_contain_text("times: UTC")
    page.reload()
    expect(page.locator(".about")).to_contain_text("times: UTC")
    assert page.evaluate(ground) != light


def test_times_are_those_of_the_plant_wherever_somebody_looks_from(chromium: Browser, world: World) -> None:
    key = world.keys[Role.READER]
    with visit(chromium, world.url, key, timezone_id="America/Los_Angeles") as visited:
        page = visited.page
        plants = world.get("/v1/plants").json()["data"]
        zoned = {"data": [{**one, "timezone": "Europe/Paris"} for one in plants], "next": None}
        page.route(re.compile(r"/v1/plants(\?|$)"), lambda route: route.fulfill(json=zoned))
        go(page, f"/events/{EVENT}")
        expect(page.locator("main")).to_contain_text("times: local time, Europe/Paris")
        expect(page.locator("main tr", has_text="open")).to_contain_text("13 May 2014, 19:00")
        go(page, "/alerts")
        expect(page.locator("main")).to_contain_text("local time, else your time, America/Los_Angeles")
        for row in page.locator("main tr", has_text="outage").all():
            expect(row).to_contain_text("13 May 2014, 19:00")
        expect(page.locator("main")).to_contain_text("so far")
        go(page, "/plants/a/skill")
        page.get_by_role("combobox", name="Lead time").select_option("1h")
        expect(page.locator("figcaption").last).to_contain_text("Error at 1h")
        page.locator("summary").last.click()
        days = page.locator("figure").last.locator("tbody th")
        expect(days).to_have_text(["13 May", "14 May"])


def test_what_happens_appears_by_itself_and_markup_stays_text(chromium: Browser, service: World) -> None:
    plant_id, heard = f"plant {MARKUP}", service.settings
    with visit(chromium, service.url, service.keys[Role.READER]) as visited:
        page = visited.page
        go(page, "/")
        expect(page.locator("main")).to_contain_text("There are no plants yet")
        expect(page.locator("#live")).to_contain_text("live")
        page.get_by_label("Find a plant").focus()
        send(heard, ("PlantVersion", [made.plant(plant_id)]))
        sink_all(heard)
        newest = made.forecast(plant_id, power_kw=321.0)
        latest(heard, newest)
        event = {"severity": "critical", "message": f"dead {MARKUP}", "unit_id": MARKUP}
        send(heard, ("Forecast", [newest]), ("AnomalyEvent", [made.anomaly(plant_id, **event)]))
        expect(page.locator("#announce")).to_contain_text(
            f"New critical event at {plant_id}, {MARKUP}: dead {MARKUP}"
        )
        link = page.get_by_role("link", name=plant_id, exact=True)
        expect(link).to_be_visible(timeout=20_000)
        expect(page.get_by_label("Find a plant")).to_be_focused()
        sink_all(heard)
        send(heard, ("AnomalyEvent", [made.anomaly(plant_id, 1, "update", **event)]))
        expect(page.locator("main tbody tr", has=link)).to_contain_text("1 critical", timeout=20_000)
        for path in ("", "/events", "/units"):
            page.goto(f"/#/plants/{quote(plant_id, safe='')}{path}")
            expect(page.get_by_role("heading", level=1)).to_have_text(plant_id)
            drawn(page)
            assert page.locator("main img").count() == 0
        go(page, "/alerts")
        expect(page.locator("main")).to_contain_text(f"dead {MARKUP}")
        assert page.locator("main img").count() == 0
        assert visited.complaints == []


def test_an_alert_is_taken_up_by_who_may(chromium: Browser, world: World) -> None:
    for role in (Role.READER, Role.OPERATOR):
        with visit(chromium, world.url, world.keys[role]) as visited:
            page = visited.page
            go(page, "/alerts")
            row = page.locator("tr", has_text="stall")
            row.get_by_role("button", name="Take up").press("Enter")
            note = row.get_by_label("Note for stall")
            expect(note).to_be_focused()
            note.fill(MARKUP)
            note.press("Enter")
            told = "This key may not do that" if role is Role.READER else f"by test {role}"
            expect(row).to_contain_text(told)
    notes = [one["ack_note"] for one in world.get("/v1/alerts?kind=stall").json()["data"]]
    assert notes == [MARKUP]


def test_a_service_that_dies_is_told_of_and_the_page_goes_on_when_it_is_back(
    chromium: Browser, world: World
) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as free:
        port = free.getsockname()[1]
    first = _Service(world.settings, port)
    with visit(chromium, f"http://127.0.0.1:{port}", new_key(world.settings, Role.READER)) as visited:
        page = visited.page
        go(page, "/")
        expect(page.locator("#live")).to_contain_text("live")
        first.stop()
        expect(page.locator("#connection")).to_contain_text("the service does not answer")
        expect(page.locator("main tbody tr").first).to_be_visible()  # what was there stays
        page.goto("/#/operations")
        expect(page.locator("main .failed").first).to_contain_text("does not answer")
        told = page.locator("main .card").all_inner_texts()
        assert [one.split("\n")[1] for one in told] == ["does not answer", "not known", "not known"]
        second = _Service(world.settings, port)
        try:
            expect(page.locator("#connection")).to_be_hidden(timeout=20_000)
            expect(page.locator("main .failed")).to_have_count(0, timeout=20_000)
            expect(page.locator("#live")).to_have_text(re.compile("live$"))
        finally:
            second.stop()


class _Service:
    """The app at a port, which dies when it is told to, as far as a browser can see."""

    def __init__(self, settings: Settings, port: int) -> None:
        self._app = create_app(settings)
        self._server = uvicorn.Server(configured(self._app, settings))
        listener = socket.create_server(("127.0.0.1", port), reuse_port=False)
        self._thread = threading.Thread(target=self._server.run, args=([listener],), daemon=True)
        self._thread.start()
        deadline = time.monotonic() + 30
        while not self._app.state.parts.follower.whole and time.monotonic() < deadline:
            time.sleep(0.05)

    def stop(self) -> None:
        self._app.state.parts.hub.close()
        self._server.should_exit = True
        self._thread.join(20)
        assert not self._thread.is_alive()
