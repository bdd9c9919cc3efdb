"""The example of a page of one's own, on an origin that the API allows and on one that it does not."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest
from playwright.sync_api import Browser, expect

from consumers.api.keys import Role
from tests.browser.session import visit
from tests.integration.api.world import PLANTS, World, running
from tests.integration.workers import ROOT


class Quiet(SimpleHTTPRequestHandler):
    extensions_map = {**SimpleHTTPRequestHandler.extensions_map, ".mjs": "text/javascript"}  # noqa: RUF012

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def examples() -> Iterator[str]:
    """The origin of a web server of somebody else's, with the files of the examples."""
    handler = partial(Quiet, directory=str(ROOT / "docs" / "examples"))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_a_page_of_ones_own_follows_the_forecasts(world: World, chromium: Browser, examples: str) -> None:
    allowed = world.settings.model_copy(update={"api_origins": (examples,)})
    with running(allowed) as (_, url), visit(chromium, examples) as seen:
        seen.page.goto(f"/ask.html#url={url}&key={world.keys[Role.READER]}")
        rows = seen.page.locator("#plants tr")
        expect(rows).to_have_count(len(PLANTS))
        expect(rows.first.locator("td").nth(3)).to_have_text("100")
        assert seen.page.locator("#plants td").first.inner_text() in PLANTS, (
            "a name is text, whatever it holds"
        )
        asked = {one.split("/")[2] for one in seen.requested}
        assert asked == {one.split("/")[2] for one in (examples, url)}


def test_an_origin_that_is_not_allowed_gets_nothing(world: World, chromium: Browser, examples: str) -> None:
    with visit(chromium, examples) as seen:
        seen.page.goto(f"/ask.html#url={world.url}&key={world.keys[Role.READER]}")
        seen.page.wait_for_event("console", lambda said: "CORS" in said.text, timeout=20_000)
        expect(seen.page.locator("#plants tr")).to_have_count(0)
