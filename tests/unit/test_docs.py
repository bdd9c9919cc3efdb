"""What the documentation says is there: targets, topics, metrics, settings, links, code that runs.

Every other name is looked for in `test_docs_names.py`.
"""

from __future__ import annotations

import re
from pathlib import Path
from textwrap import dedent

import pytest

from consumers.alerts.rules import read_rules
from infra.metrics import REGISTRY
from infra.settings import Settings
from infra.topics import TOPICS
from models.detect.all import DETECTORS

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
FENCE = re.compile(r"```(\w+)\n(.*?)```", re.DOTALL)
SHELL = ("console", "bash", "sh")


def blocks(page: Path, *languages: str) -> list[str]:
    return [body for language, body in FENCE.findall(page.read_text()) if language in languages]


def lines() -> list[tuple[str, str]]:
    return [
        (page.name, line.split("  #")[0].strip())
        for page in PAGES
        for block in blocks(page, *SHELL)
        for line in block.splitlines()
        if line.strip()
    ]


@pytest.mark.parametrize(("page", "line"), [one for one in lines() if one[1].startswith("make ")])
def test_every_make_line_in_the_docs_is_a_target(page: str, line: str) -> None:
    target = line.split()[1]
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE), f"{page}: no {target}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_python_in_the_docs_runs(page: Path) -> None:
    for block in blocks(page, "python"):
        exec(compile(block, page.name, "exec"), {})  # our own documentation


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_rules_of_alerts_in_the_docs_are_good(page: Path, tmp_path: Path) -> None:
    for block in blocks(page, "toml"):
        if "[[rule]]" in block:
            (tmp_path / "alerts.toml").write_text(dedent(block))
            read_rules(tmp_path / "alerts.toml")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text()):
        assert (page.parent / target).exists(), f"{page.name} links to {target}"


def first_column(page: str) -> set[str]:
    text = (ROOT / "docs" / page).read_text()
    return set(re.findall(r"^\| `([^`]+)` \|", text, re.MULTILINE))


def test_the_page_of_topics_lists_every_topic() -> None:
    assert first_column("topics.md") == {topic.name for topic in TOPICS}


def test_the_page_of_settings_lists_every_setting() -> None:
    assert first_column("settings.md") == set(Settings.model_fields)


def test_the_page_of_metrics_lists_every_metric() -> None:
    declared = set()
    for family in REGISTRY.collect():
        declared.add(f"{family.name}_total" if family.type == "counter" else family.name)
    assert first_column("metrics.md") == declared


def test_the_page_of_detectors_names_every_detector() -> None:
    text = (ROOT / "docs" / "detectors.md").read_text()
    assert [d.name for d in DETECTORS if d.name not in text] == []
