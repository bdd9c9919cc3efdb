"""`make pictures`: the pictures of the documentation, of the demo's plants in a real browser.

Plays the samples into servers of its own (minutes), then looks at the page as somebody would who sat before
it at that moment: the service's and the browser's clocks are put there.
"""

from __future__ import annotations

import argparse
import io
import tempfile
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final
from unittest.mock import patch

from PIL import Image
from playwright.sync_api import Browser
from pydantic import SecretStr

from consumers.api.keys import Role
from infra.settings import Settings
from tests.browser.chromium import ROOT
from tests.browser.session import DESKTOP, PHONE, browser, visit
from tests.browser.stage import MOMENT, playing
from tests.integration.api.world import new_key, running
from tests.integration.page.places import drawn, go

OUT: Final = ROOT / "docs" / "pictures"
MOST_BYTES: Final = 1_000_000
_NOW: Final = MOMENT + timedelta(minutes=2)
_WIND: Final = "/plants/la-haute-borne"
_QUALITY: Final = 82
_DAY: Final = 96  # issues of a day


@dataclass(frozen=True)
class Shot:
    """A picture: where, in which theme, how large."""

    name: str
    path: str
    theme: str = "light"
    viewport: dict[str, int] | None = None
    earlier: int = 0  # issues before the newest one


SHOTS: Final = (
    Shot("fleet", "/"),
    Shot("forecast", _WIND, earlier=_DAY),
    Shot("units", f"{_WIND}/units", "dark"),
    Shot("events", f"{_WIND}/events"),
    Shot("skill", f"{_WIND}/skill"),
    Shot("operations", "/operations", "dark"),
    Shot("phone-fleet", "/", "light", PHONE),
    Shot("phone-forecast", _WIND, "dark", PHONE),
)


def take(settings: Settings, out: Path) -> int:
    """Every picture of what stands in these servers; returns their bytes."""
    key = new_key(settings, Role.OPERATOR)
    clock = SimpleNamespace(time_ns=lambda: int(_NOW.timestamp() * 1e9))
    out.mkdir(parents=True, exist_ok=True)
    with (
        running(settings) as (_, url),
        browser() as found,
        patch("consumers.api.routes.plants.time", clock),
    ):
        return sum(_shoot(found, url, key, one, out) for one in SHOTS)


def _shoot(found: Browser, url: str, key: str, shot: Shot, out: Path) -> int:
    phone = shot.viewport is not None
    options: dict[str, Any] = {"viewport": shot.viewport or DESKTOP, "device_scale_factor": 2 if phone else 1}
    with visit(found, url, key, color_scheme=shot.theme, reduced_motion="reduce", **options) as visited:
        visited.page.clock.set_fixed_time(_NOW)
        go(visited.page, shot.path)
        visited.page.locator("#live.live").wait_for()
        if shot.earlier:
            visited.page.get_by_role("combobox", name="Forecast").select_option(index=shot.earlier + 1)
            drawn(visited.page)
            visited.page.get_by_label("Read the chart at").fill("40")
            visited.page.get_by_label("Read the chart at").blur()
        height = int(visited.page.evaluate("document.querySelector('footer').getBoundingClientRect().top"))
        clip = {"x": 0, "y": 0, "width": options["viewport"]["width"], "height": min(height, 1400)}
        png = visited.page.screenshot(full_page=True, clip=clip)
        if visited.complaints:
            raise RuntimeError(f"{shot.name}: {visited.complaints[0]}")
    path = out / f"{shot.name}.webp"
    Image.open(io.BytesIO(png)).save(path, "WEBP", quality=_QUALITY, method=6)
    return path.stat().st_size


def main() -> None:
    """Take them all. With servers that were played before: `--kafka`, `--postgres`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kafka", help="Servers that hold the moment already.")
    parser.add_argument("--postgres")
    parser.add_argument("--out", type=Path, default=OUT)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="gridcast-pictures-") as room:
        if asked.kafka:
            found = Settings(home=Path(room), kafka=asked.kafka, postgres=SecretStr(asked.postgres))
            total = take(found, asked.out)
        else:
            home = Path(room) / "home"
            home.mkdir()
            with playing(home) as (kafka, postgres):
                total = take(Settings(home=home, kafka=kafka, postgres=SecretStr(postgres)), asked.out)
    if total > MOST_BYTES:
        raise SystemExit(f"the pictures have {total} bytes, over {MOST_BYTES}")
    print(f"{len(SHOTS)} pictures, {total / 1000:.0f} kB, in {asked.out}")


if __name__ == "__main__":
    main()
