"""One browser for many pages, each in a context of its own; what it asks for is written down."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

from tests.browser.chromium import chromium

DESKTOP = {"width": 1360, "height": 900}
PHONE = {"width": 360, "height": 740}


@contextmanager
def browser() -> Iterator[Browser]:
    """A Chromium without a window. As root it has no sandbox, which the pages of a test need not."""
    found = chromium()
    with sync_playwright() as playwright:
        made = playwright.chromium.launch(
            executable_path=str(found.path),
            args=["--no-sandbox", "--disable-gpu", "--font-render-hinting=none", "--disable-dev-shm-usage"],
            env={**os.environ, **found.environment},
        )
        try:
            yield made
        finally:
            made.close()


@dataclass
class Visit:
    """A page, and all that it has asked for and complained of."""

    page: Page
    requested: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)


@contextmanager
def visit(of: Browser, url: str, key: str | None = None, **context: Any) -> Iterator[Visit]:
    """The page at an address, signed in where there is a key."""
    options: dict[str, Any] = {
        "viewport": DESKTOP,
        "locale": "en-GB",
        "timezone_id": "Europe/Paris",
        **context,
    }
    made = of.new_context(base_url=url, **options)
    try:
        page = made.new_page()
        found = Visit(page)
        page.on("request", lambda request: found.requested.append(request.url))
        page.on("pageerror", lambda error: found.complaints.append(f"error: {error}"))
        page.on(
            "console",
            lambda said: (
                found.complaints.append(f"{said.type}: {said.text}") if said.type == "error" else None
            ),
        )
        if key is not None:
            made.add_init_script(f"sessionStorage.setItem('gridcast.key', '{key}')")
        yield found
    finally:
        made.close()
