"""The documentation site: it builds without a warning, every page can be reached, and nothing is fetched."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import click
import pytest

from cli.main import group
from docs.site.navigation import filled

ROOT = Path(__file__).parents[2]
#: Attributes by which a browser fetches something of itself; links that a reader follows are his own affair.
FETCHED = {"script": "src", "img": "src", "iframe": "src", "source": "srcset"}


@pytest.mark.slow
def test_the_site_builds_without_a_warning_and_is_whole(tmp_path: Path) -> None:
    """One test, so that it is built once however the tests are spread over processes."""
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path)],
        cwd=ROOT, env={**os.environ, "NO_MKDOCS_2_WARNING": "1"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0 and "WARNING" not in done.stderr, done.stderr
    every_page_under_docs_is_in_the_navigation(tmp_path)
    what_the_code_has_got_its_page(tmp_path)
    nothing_is_fetched_from_elsewhere(tmp_path)


def every_page_under_docs_is_in_the_navigation(site: Path) -> None:
    front = (site / "index.html").read_text()
    written = [
        page.relative_to(ROOT / "docs").with_suffix(".html").as_posix().replace("README.html", "index.html")
        for page in (ROOT / "docs").rglob("*.md")
    ]
    assert [page for page in written if f'href="{page}"' not in front] == []
    assert [page for page in written if not (site / page).exists()] == []


def what_the_code_has_got_its_page(site: Path) -> None:
    reference = site / "reference"
    names = {f"{name}.html" for name in group.list_commands(click.Context(group))}
    assert names <= {page.name for page in (reference / "commands").iterdir()}
    forecast = (reference / "records" / "Forecast.html").read_text()
    assert "telemetry_offset" in forecast and "Journal offset of the newest telemetry used" in forecast
    paths = (reference / "http" / "index.html").read_text()
    assert "/v1/plants/{plant_id}/forecasts/latest" in paths
    assert "models.forecast.base" in (reference / "python" / "models.forecast.html").read_text()
    assert "wind_speed_100m_ms" in (reference / "features.html").read_text()
    assert "unit_underperformance" in (reference / "events.html").read_text()


class Fetched(HTMLParser):
    """Addresses that a browser asks for by itself when it shows a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = dict(attrs)
        if tag == "link" and told.get("rel") not in ("next", "prev", "canonical"):
            self.found.append(told.get("href") or "")
        elif tag in FETCHED:
            self.found.append(told.get(FETCHED[tag]) or "")


def nothing_is_fetched_from_elsewhere(site: Path) -> None:
    pages = list(site.rglob("*.html"))
    assert len(pages) > 100
    asked = {(page, one) for page in pages for one in Fetched(page.read_text()).found}
    assert any(one.endswith(".css") for _, one in asked), "the parser sees what is fetched"
    assert [pair for pair in asked if re.match(r"(https?:)?//", pair[1])] == []
    for style in site.rglob("*.css"):
        assert re.findall(r"(?:url\(|@import)\s*[\"']?(?:https?:)?//", style.read_text()) == [], style
    assert 'class="mermaid"' not in "".join(page.read_text() for page in pages), "its script is fetched"


def test_a_pattern_takes_what_is_named_nowhere_else_once_and_the_readme_first() -> None:
    nav = ["index.md", {"A": ["a.md", "*.md"]}, {"D": "d/*.md"}, {"None": "e/*.md"}, {"B": "b.md"}]
    pages = ["index.md", "a.md", "b.md", "c.md", "d/x.md", "d/README.md", "d/deep/y.md"]
    assert filled(nav, pages) == [
        "index.md", {"A": ["a.md", "c.md"]}, {"D": ["d/README.md", "d/x.md"]}, {"B": "b.md"},
    ]  # fmt: skip
