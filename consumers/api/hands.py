"""What the API has done by the functions of the command line, which stand above it: they are handed in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True)
class Changed:
    """What a change of releases came to; releases as `name version`, `serves` for the plants it was for."""

    release: str
    role: str
    plants: tuple[str, ...]
    changed: bool
    serves: str
    shadows: tuple[str, ...]


class Hands(Protocol):
    """Changes what releases do. Each raises `InputError` where it refuses, with the reason, and
    `ServiceUnavailable` where Kafka does not answer.
    """

    def promote(self, name: str, version: str, plants: tuple[str, ...], force: bool) -> Changed:
        """Let a release serve."""

    def run_beside(self, name: str, version: str, plants: tuple[str, ...]) -> Changed:
        """Let a release run as a shadow."""

    def rollback(self, name: str, version: str, plants: tuple[str, ...], why: dict[str, Any]) -> Changed:
        """Withdraw a release that serves, and let what served before it serve again."""
