"""Where the views are, and when one of them has drawn all that it asked for."""

from __future__ import annotations

import base64
import json

from playwright.sync_api import Page

from cli.output import iso
from tests import output_records as made

EVENT = (
    base64.urlsafe_b64encode(json.dumps(["a", "", "outage", iso(made.T0_MS)]).encode()).decode().rstrip("=")
)
#: Address -> what its heading says.
VIEWS = {
    "/": "Fleet",
    "/plants/a": "a",
    "/plants/a/units": "a",
    "/plants/a/events": "a",
    "/plants/a/losses": "a",
    "/plants/a/skill": "a",
    f"/events/{EVENT}": "outage at a",
    "/alerts": "Alerts",
    "/releases": "Releases",
    "/releases/demo/2": "demo 2",
    "/operations": "Operations",
}
_PATIENCE_MS = 20_000


def go(page: Page, path: str) -> None:
    """Open a view and wait until nothing of it loads any more."""
    page.goto(f"/#{path}")
    page.locator("main h1").first.wait_for(timeout=_PATIENCE_MS)
    drawn(page)


def drawn(page: Page) -> None:
    """Wait for what is being asked for, and for what those answers ask for in turn."""
    page.wait_for_load_state("load")
    for _ in range(3):
        page.wait_for_timeout(60)
        page.locator("main .loading").first.wait_for(state="detached", timeout=_PATIENCE_MS)


def refused(page: Page) -> list[str]:
    """What the view says did not work."""
    return page.locator("main .failed").all_inner_texts()
