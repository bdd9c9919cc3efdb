"""Pages of the Python code that others build on: `models/` and the client. mkdocstrings fills them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
_ABOUT = {
    "models": "The engine and its state. It knows no Kafka, no database and no clock.",
    "models.forecast": "Weather models, correction, bands, limits: from weather and telemetry to quantiles.",
    "models.detect": "Detectors of faults, one a file, and the events that they open and close.",
    "models.drift": "Tests for errors and inputs that are no longer what they were.",
    "models.training": "What makes a release. Only this part imports torch.",
    "clients": "The client of the HTTP API.",
}


def pages() -> Iterator[tuple[str, str]]:
    """(address on the site, Markdown): a page for each package, a part for each module."""
    modules: dict[str, list[str]] = defaultdict(list)
    for package in ("models", "clients"):
        for path in sorted((ROOT / package).rglob("*.py")):
            if path.stem != "__init__":
                inside = ".".join(path.parent.relative_to(ROOT).parts)
                modules[inside].append(f"{inside}.{path.stem}")
    rows = "\n".join(f"| [`{name}`]({name}.md) | {_ABOUT.get(name, '')} |" for name in modules)
    yield (
        "reference/python/README.md",
        f"# Python\n\nMade from docstrings and annotations.\n\n| package | what it is |\n|---|---|\n{rows}\n",
    )
    for name, found in modules.items():
        parts = "\n\n".join(f"::: {one}" for one in found)
        yield f"reference/python/{name}.md", f"# `{name}`\n\n{_ABOUT.get(name, '')}\n\n{parts}\n"
