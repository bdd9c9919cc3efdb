"""Every view in a real browser: drawn, accessible in both themes, within a phone, nothing from elsewhere."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, Route, expect

from consumers.api.keys import Role
from consumers.page.serving import POLICY, files
from tests import output_records as made
from tests.browser.session import PHONE, visit
from tests.integration.api.world import PLANTS, World
from tests.integration.page.places import EVENT, VIEWS, go, refused

#: Between the themes nothing differs but colours.
RULES = {"light": {}, "dark": {"runOnly": ["color-contrast"]}}


@pytest.mark.parametrize("theme", RULES)
def test_every_view_draws_and_is_accessible(chromium: Browser, world: World, theme: str) -> None:
    axe = Axe()
    with visit(chromium, world.url, world.keys[Role.OPERATOR], color_scheme=theme) as visited:
        for path, title in VIEWS.items():
            go(visited.page, path)
            assert visited.page.locator("h1").inner_text() == title, path
            assert refused(visited.page) == [], path
            visited.page.locator("main details").evaluate_all(
                "all => all.forEach(one => { one.open = true })"
            )
            found = axe.run(visited.page, options={"resultTypes": ["violations"], **RULES[theme]})
            assert found.violations_count == 0, f"{path}, {theme}: {found.generate_report()}"
        assert visited.complaints == []
        strangers = [one for one in visited.requested if not one.startswith(f"{world.url}/")]
        assert strangers == [], "nothing is fetched from elsewhere"


def test_every_view_fits_a_phone(chromium: Browser, world: World) -> None:
    with visit(chromium, world.url, world.keys[Role.READER], viewport=PHONE, has_touch=True) as visited:
        for path in VIEWS:
            go(visited.page, path)
            width = visited.page.evaluate("document.documentElement.scrollWidth")
            assert width <= PHONE["width"], f"{path} scrolls sideways"
            small = visited.page.locator("main button, main select, nav a").evaluate_all(
                "all => all.map(one => one.getBoundingClientRect().height).filter(one => one && one < 24)"
            )
            assert small == [], f"{path}: too small for a finger"


def test_files_say_that_nothing_comes_from_elsewhere_and_hold_no_data(world: World) -> None:
    with world.client(None) as client:
        for path in ("/", *(f"/page/{name}" for name in files())):
            answer = client.get(path)
            assert answer.status_code == 200 and answer.headers["content-security-policy"] == POLICY, path
            again = client.get(path, headers={"If-None-Match": answer.headers["etag"]})
            assert (again.status_code, again.content) == (304, b"")
    assert "default-src 'self'" in POLICY and "unsafe" not in POLICY
    page = world.get("/", None).text
    assert not re.search(r"<style|\sstyle=|\son[a-z]+=|<script>|https?:", page), "nothing inline"
    for name, file in files().items():
        addresses = re.findall(rb"https?://[^\s\"'`]+", file.body)
        assert set(addresses) <= {b"http://www.w3.org/2000/svg"}, name
    for path in ("/page/", "/page/index", "/page/..%2fserving.py", "/page/../serving.py", "/page/lib"):
        assert world.get(path, None).status_code == 404, path


def test_each_chart_has_its_numbers_as_a_table(page: Page) -> None:
    for path, column in {
        "/plants/a": "P50", "/plants/a/units": "T1, share of the most", "/plants/a/skill": "Lead time",
    }.items():  # fmt: skip
        go(page, path)
        figures = page.locator("main figure")
        assert figures.count() > 0, path
        for one in figures.all():
            assert one.locator("svg[role=img]").get_attribute("aria-label")
            one.locator("summary").click()
        expect(page.locator("main figure th", has_text=re.compile(f"^{column}$"))).not_to_have_count(0)
        assert page.locator("main figure tbody tr").count() > 1


def test_views_tell_what_the_api_tells(page: Page, world: World) -> None:
    page.clock.set_fixed_time(made.T0_MS / 1000 + 24 * 3600 + 60)
    go(page, "/")
    rows = page.locator("main tbody tr")
    assert rows.count() == len(PLANTS)
    line = page.locator("main tbody tr", has=page.get_by_role("link", name="a", exact=True)).inner_text()
    for told in ("1,000 kW", "doubtful", "lies wholly in the past", "90 to 110 kW"):
        assert told in line, line
    page.get_by_label("Find a plant").fill("drop")
    assert rows.count() == 1 and "1 plant of 2" in page.locator(".found").inner_text()
    page.get_by_label("Find a plant").fill("nobody")
    assert "No plant is like that" in page.locator("main").inner_text()

    go(page, "/plants/a")
    issued = page.get_by_role("combobox", name="Forecast")
    assert issued.locator("option").count() == 1 + len(world.get("/v1/plants/a/forecasts").json()["data"])
    newest = page.locator("figcaption").inner_text()
    page.get_by_role("button", name="Earlier").click()
    expect(page.locator("figcaption")).not_to_have_text(newest)
    page.get_by_label("Read the chart at").press("ArrowRight")
    assert "90 to 110 kW" in page.locator("output").inner_text()

    go(page, f"/events/{EVENT}")
    text = page.locator("main").inner_text()
    assert "wind_speed_ms" in text and "300 kWh" in text and "open" in text and "close" in text
    go(page, "/alerts")
    text = page.locator("main").inner_text()
    assert "Told (2)" in text and "stall" in text and "no power in 9.5 m/s" in text


def test_a_thousand_plants_are_drawn_in_parts_and_found_among_all(page: Page, world: World) -> None:
    def told(path: str, **other: object) -> list[dict[str, object]]:
        one = world.get(path).json()["data"][0]
        return [{**one, **other, "plant_id": f"plant-{number}"} for number in range(1000)]

    answers = {
        "/v1/plants": told("/v1/plants"),
        "/v1/forecasts/latest": told("/v1/forecasts/latest"),
        "/v1/quality": told("/v1/quality", trusted=True),
        "/v1/events": [{**told("/v1/events?open=true")[777], "severity": "critical"}],
    }
    for path, rows in answers.items():
        page.route(re.compile(f"{path}([?]|$)"), _answering(rows))
    go(page, "/")
    lines = page.locator("main tbody tr")
    assert lines.count() == 60 and lines.first.locator("a").first.inner_text() == "plant-777", "worst first"
    page.get_by_role("button", name="Show 60 more").press("Enter")
    assert lines.count() == 120
    expect(lines.nth(60).locator("a").first).to_be_focused()
    page.get_by_label("Show").select_option("events")
    assert lines.count() == 1
    page.get_by_label("Show").select_option("all")
    page.get_by_label("Find a plant").fill("plant-99")
    assert page.locator(".found").inner_text() == "11 plants of 1000" and lines.count() == 11


def _answering(rows: list[dict[str, object]]) -> Callable[[Route], None]:
    return lambda route: route.fulfill(json={"data": rows, "next": None})
