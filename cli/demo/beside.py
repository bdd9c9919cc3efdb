"""The demo's stream beside a service that has nothing else to show, and a key to look at it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Final

from cli.acting import here
from cli.demo.children import Children, end_left_over
from consumers.api import keys
from infra.postgres import transaction
from infra.settings import PREFIX, Settings

_KEY_FOR: Final = timedelta(days=1)


@contextmanager
def beside(settings: Settings, say: Callable[[str], None]) -> Iterator[None]:
    """Play `gridcast demo --live` while the block runs."""
    home = settings.home / "live" / "beside"
    home.mkdir(parents=True, exist_ok=True)
    end_left_over(home)
    with transaction(settings, "gridcast-keys") as cursor:
        _, token = keys.add(cursor, "demo", keys.Role.OPERATOR, here(), _KEY_FOR)
    children = Children(home, {**os.environ, f"{PREFIX}HOME": str(settings.home.absolute())})
    say("the demo's stream plays beside it: a wind farm as if it stood there now (--no-demo: nothing)")
    say(f"to look at it for a day, sign in with the key {token}")
    children.start("demo", "--live")
    try:
        yield
    finally:
        children.end_all()
