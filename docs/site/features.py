"""The page of features: what `gridcast features` says."""

from __future__ import annotations

from collections.abc import Iterator

from models.features import EXAMPLE_COLUMNS, Feature, of_correction, of_weather


def pages() -> Iterator[tuple[str, str]]:
    """(address on the site, Markdown)."""
    text = "# Features\n\nMade from the functions that make them; `gridcast features` prints the same.\n\n"
    for kind, columns in EXAMPLE_COLUMNS.items():
        text += f"## Weather model, {kind.value}\n\nOf the columns that usual sources have.\n\n"
        text += _table(list(of_weather(kind, columns)))
    text += "## Correction\n\n" + _table(list(of_correction()))
    yield "reference/features.md", text


def _table(found: list[Feature]) -> str:
    rows = "\n".join(
        f"| `{one.name}` | {one.unit} | {one.stage}: {one.source} | {one.meaning} |"
        for one in dict.fromkeys(found)
    )
    return f"| feature | unit | stage and source | what it is |\n|---|---|---|---|\n{rows}\n\n"
