"""The page in one browser, beside one service with real records, for all tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from consumers.api.keys import Role
from tests.browser.session import Visit, browser, visit
from tests.integration.api.conftest import service as service  # what the API's tests have
from tests.integration.api.conftest import world as world
from tests.integration.api.world import World


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """Asked for and not to be had is red: it raises. Playwright's loop runs in the tests' thread for as long
    as its browser does, and tests of other folders run loops of their own.
    """
    with browser() as found:
        yield found


@pytest.fixture
def visited(chromium: Browser, world: World) -> Iterator[Visit]:
    """A signed-in page at the fleet."""
    with visit(chromium, world.url, world.keys[Role.OPERATOR]) as found:
        yield found


@pytest.fixture
def page(visited: Visit) -> Page:
    return visited.page
