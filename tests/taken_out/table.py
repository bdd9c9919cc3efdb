"""What holds each sentence of the guarantee: the lines that do it, what is left without them, and the tests
that must notice.

`mechanisms.toml` is the one place. A mechanism is taken out by putting `new` where `old` stands in `file`;
`old` stands there exactly once.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
TABLE = Path(__file__).with_name("mechanisms.toml")
PAGE = ROOT / "docs" / "guarantee.md"


@dataclass(frozen=True)
class Mechanism:
    """`without`: what is lost by taking it out, in words. `tests`: files with `::` and a name."""

    sentence: str
    without: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]

    def occurrences(self, root: Path = ROOT) -> int:
        """How often `old` stands in the file; anything but 1 is a table that has rotted."""
        path = root / self.file
        return path.read_text().count(self.old) if path.exists() else 0

    def take_out(self, root: Path) -> str:
        """Put `new` in the place of `old`; returns the text that stood there, to be put back."""
        path = root / self.file
        text = path.read_text()
        changed = text.replace(self.old, self.new)
        compile(changed, self.file, "exec")
        path.write_text(changed)
        return text


def mechanisms(path: Path = TABLE) -> list[Mechanism]:
    """The table, in the order of the sentences."""
    found = tomllib.loads(path.read_text())["mechanism"]
    return [Mechanism(**{**one, "tests": tuple(one["tests"])}) for one in found]


def sentences(page: Path = PAGE) -> dict[str, list[str]]:
    """By number (G1, ...) the tests that the page names for a sentence, as `file::name`."""
    found: dict[str, list[str]] = {}
    for number, row in re.findall(r"^\| (G\d+) \|(.*)\|$", page.read_text(), re.MULTILINE):
        links = re.findall(r"\[`(test_\w+)`\]\(\.\./([\w/.]+)\)", row)
        assert number not in found, f"{number} stands twice in {page.name}"
        found[number] = [f"{file}::{name}" for name, file in links]
    return found
