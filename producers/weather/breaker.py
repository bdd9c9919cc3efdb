"""A circuit breaker: a source that fails again and again is left alone for a while."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from infra import metrics
from schemas.errors import ServiceUnavailable

_log = logging.getLogger(__name__)

_OPENS: Final = "%s is left alone for %.0f s: %s"


@dataclass
class Breaker:
    """Opens after `most_failures` in a row, for `rest_s`; then one call decides whether it closes.

    The clock is an argument: `now_s` only has to rise.
    """

    name: str
    now_s: Callable[[], float]
    most_failures: int = 5
    rest_s: float = 300.0
    failures: int = 0
    open_until_s: float = float("-inf")
    why: str = ""

    def check(self) -> None:
        """Raise `ServiceUnavailable` while it is open."""
        left_s = self.open_until_s - self.now_s()
        if left_s > 0:
            raise ServiceUnavailable(f"{self.name} is left alone for {left_s:.0f} s more ({self.why})")

    def went_well(self) -> None:
        """Close it."""
        if self.failures >= self.most_failures:
            _log.info("%s answers again", self.name)
        self.failures = 0
        self.open_until_s = float("-inf")
        metrics.WEATHER_BREAKER_OPEN.labels(self.name).set(0)

    def failed(self, why: str, at_least_s: float = 0.0) -> None:
        """Count a failure; `at_least_s`: how long the source itself asks to be left alone."""
        self.failures += 1
        self.why = why
        rest_s = max(at_least_s, self.rest_s if self.failures >= self.most_failures else 0.0)
        if rest_s <= 0:
            return
        # Said when it opens, not each time that a call between two rests fails.
        first = self.failures <= self.most_failures and self.now_s() >= self.open_until_s
        _log.log(logging.WARNING if first else logging.DEBUG, _OPENS, self.name, rest_s, why)
        self.open_until_s = self.now_s() + rest_s
        metrics.WEATHER_BREAKER_OPEN.labels(self.name).set(1)
