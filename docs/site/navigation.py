"""The navigation of mkdocs.yml with its patterns filled in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fnmatch import fnmatch
from typing import Any

Item = str | dict[str, Any]


def filled(items: list[Item], pages: Iterable[str]) -> list[Item]:
    """`items` with each pattern as the pages that match it, those that are named elsewhere left out.

    A page goes to the first pattern that it matches; `*` does not cross folders. A README stands first, as
    the page of its section. What is named and not there is left to mkdocs, which says so.
    """
    there = sorted(pages, key=lambda page: (not page.endswith("README.md"), page))
    left = dict.fromkeys(there)
    for name in _names(items):
        left.pop(name, None)
    return list(_filled(items, left))


def _names(items: Iterable[Item]) -> Iterator[str]:
    for item in items:
        for value in item.values() if isinstance(item, dict) else [item]:
            yield from [value] if isinstance(value, str) else _names(value)


def _filled(items: Iterable[Item], left: dict[str, None]) -> Iterator[Item]:
    for item in items:
        if isinstance(item, str):
            yield from _matching(item, left)
            continue
        for title, value in item.items():
            if isinstance(value, list):
                inside: Any = list(_filled(value, left))
            elif "*" in value:
                inside = _matching(value, left)
            else:
                inside = value
            if inside:
                yield {title: inside}


def _matching(pattern: str, left: dict[str, None]) -> list[str]:
    if "*" not in pattern:
        return [pattern]
    found = [page for page in left if fnmatch(page, pattern) and page.count("/") == pattern.count("/")]
    for page in found:
        del left[page]
    return found
