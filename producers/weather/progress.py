"""How a collector does, for its probes and its alerts."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass, field
from typing import Final

from infra import metrics
from infra.health import Verdict

_log = logging.getLogger(__name__)

#: So many periods without a run for any plant are an outage.
_PERIODS: Final = 3
#: A smaller share of collections that succeed within an hour is said aloud.
ENOUGH: Final = 0.95
_HOUR_S: Final = 3600.0
_SHOWN: Final = 5


@dataclass
class Progress:
    """When something last came, and how often. `now_s` is the wall clock, in seconds."""

    every_s: float
    now_s: Callable[[], float]
    begun: bool = False
    plants: int = 0
    without: dict[str, str] = field(default_factory=dict)
    last_s: float = 0.0
    alarmed: bool = False
    failing: bool = False
    _recent: deque[tuple[float, int, int]] = field(default_factory=deque)

    def __post_init__(self) -> None:
        self.last_s = self.now_s()

    def collected(self, asked: Mapping[str, object], failed: Mapping[str, str]) -> None:
        """A collection is done: some plants were `asked` for, and some of them `failed`."""
        self.begun = True
        self.without = {name: why for name, why in self.without.items() if name not in asked} | dict(failed)
        sent = len(asked) - len(failed)
        if sent:
            if self.alarmed:
                _log.info("weather comes again")
            self.last_s, self.alarmed = self.now_s(), False
        self._recent.append((self.now_s(), sent, len(failed)))

    def keep(self, plants: Set[str]) -> None:
        """These plants have a position now; others are without weather by right."""
        if not self.plants:
            self.last_s = self.now_s()  # until now there was nothing to wait for
        self.plants = len(plants)
        self.without = {name: why for name, why in self.without.items() if name in plants}

    def look(self) -> None:
        """Keep the share of the last hour, and say it once when something has begun to go wrong."""
        self._look_at_share()
        if self._silent() and not self.alarmed:
            self.alarmed = True
            _log.error(
                "no plant has got weather for %.0f min: forecasts go on without; /health says why",
                self._silent_s() / 60,
            )

    def health(self) -> Verdict:
        """Bad when for three periods no plant has got a run."""
        first = dict(list(self.without.items())[:_SHOWN])
        told = {"plants": self.plants, "silent_s": round(self._silent_s(), 1), "without_weather": first}
        return Verdict(not self._silent(), told)

    def ready(self) -> Verdict:
        """Good once the first collection is done."""
        return Verdict(self.begun, {"plants": self.plants})

    def _look_at_share(self) -> None:
        while self._recent and self._recent[0][0] < self.now_s() - _HOUR_S:
            self._recent.popleft()
        sent = sum(sent for _, sent, _ in self._recent)
        failed = sum(failed for _, _, failed in self._recent)
        if not sent + failed:
            return
        share = sent / (sent + failed)
        metrics.WEATHER_SUCCESS.labels("1h").set(share)
        if share < ENOUGH and not self.failing:
            _log.warning("of the collections of the last hour only %.0f %% ended with a run", 100 * share)
        self.failing = share < ENOUGH

    def _silent(self) -> bool:
        return self.plants > 0 and self._silent_s() > _PERIODS * self.every_s

    def _silent_s(self) -> float:
        return max(self.now_s() - self.last_s, 0.0)
