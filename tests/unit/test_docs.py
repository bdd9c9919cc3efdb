"""What the documentation says is there: commands, targets, topics, metrics, settings, links, code."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import pytest

from cli.main import LazyGroup, module_of
from cli.main import main as _entry  # noqa: F401  # the console script that the docs speak of
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


@pytest.mark.parametrize(("page", "line"), [one for one in lines() if one[1].startswith("gridcast")])
def test_every_gridcast_line_in_the_docs_is_a_command_with_these_options(page: str, line: str) -> None:
    command: click.Command = LazyGroup(name="gridcast")
    words = shlex.split(line)[1:]
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        name = words.pop(0)
        found = command.get_command(click.Context(command), name)
        assert found is not None, (
            f"{page}: there is no command {name!r} in {line!r} (looked for {module_of(name)})"
        )
        command = found
    options = {option for parameter in command.params for option in parameter.opts} | {"--help", "--version"}
    named = {word.split("=")[0] for word in words if word.startswith("--")}
    assert named <= options, f"{page}: {line!r} names options that are not there"


@pytest.mark.parametrize(("page", "line"), [one for one in lines() if one[1].startswith("make ")])
def test_every_make_line_in_the_docs_is_a_target(page: str, line: str) -> None:
    target = line.split()[1]
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE), f"{page}: no {target}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_python_in_the_docs_runs(page: Path) -> None:
    for block in blocks(page, "python"):
        exec(compile(block, page.name, "exec"), {})  # our own documentation


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
