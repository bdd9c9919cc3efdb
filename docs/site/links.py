"""Links of pages that lead into the repository: where they lead on the site."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
#: Pages that stand outside docs/ in the repository, and their names on the site.
MOVED = {"README.md": "index.md", "CONTRIBUTING.md": "contributing.md"}

_FENCE = re.compile(r"(^```.*?^```)", re.DOTALL | re.MULTILINE)
_LINK = re.compile(
    r"(?P<before>\]\(|(?:src|srcset|href)=\")(?P<target>[^)#:\"\s]+)(?P<rest>#[^)\"]*)?(?=[)\"\s])"
)


def on_site(path: str) -> str:
    """The address on the site of what `path` is in the repository; both relative to their roots.

    What is outside docs/ is there as plain text under source/, where some page links to it.
    """
    if path in MOVED:
        return MOVED[path]
    if (ROOT / path).is_dir():
        path = f"{path}/README.md"
    if path.startswith("docs/"):
        return path.removeprefix("docs/")
    return f"source/{path}.txt"


def relinked(markdown: str, origin: str) -> str:
    """The text of the page `origin` (in the repository) with its links as the site needs them."""
    home = posixpath.dirname(on_site(origin))

    def moved(found: re.Match[str]) -> str:
        path = posixpath.normpath(posixpath.join(posixpath.dirname(origin), found["target"]))
        if not (ROOT / path).exists():
            return found[0]  # mkdocs says that it leads nowhere, or it is made at the build
        return f"{found['before']}{posixpath.relpath(on_site(path), home or '.')}{found['rest'] or ''}"

    return "".join(
        part if part.startswith("```") else _LINK.sub(moved, part) for part in _FENCE.split(markdown)
    )


def linked_sources(markdown: str, origin: str) -> Iterator[str]:
    """Files of the repository outside docs/ that the page `origin` links to."""
    for part in _FENCE.split(markdown):
        if part.startswith("```"):
            continue
        for found in _LINK.finditer(part):
            path = posixpath.normpath(posixpath.join(posixpath.dirname(origin), found["target"]))
            if (ROOT / path).is_dir():
                path = f"{path}/README.md"
            if on_site(path).startswith("source/") and (ROOT / path).is_file():
                yield path
