"""How a collector does, for its probes and its alert."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field

from infra.health import Verdict

_log = logging.getLogger(__name__)

#: So many periods without a run for any plant are an outage.
_PERIODS = 3


@dataclass
class Progress:
    """When something last came. `now_s` is the wall clock, in seconds."""

    every_s: float
    now_s: Callable[[], float]
    begun: bool = False
    plants: int = 0
    without: dict[str, str] = field(default_factory=dict)
    last_s: float = 0.0
    alarmed: bool = False

    def __post_init__(self) -> None:
        self.last_s = self.now_s()

    def collected(self, plants: int, sent: int, failed: dict[str, str]) -> None:
        """A collection is done: `plants` have a position, `sent` of them got a run, `failed` did not."""
        self.begun = True
        self.plants = plants
        self.without = failed
        if sent:
            if self.alarmed:
                _log.info("weather comes again")
            self.last_s, self.alarmed = self.now_s(), False

    def look(self) -> None:
        """Say it once when an outage has lasted too long."""
        if self._silent() and not self.alarmed:
            self.alarmed = True
            _log.error(
                "no plant has got weather for %.1f h: forecasts go on without; see /health for what each "
                "source says",
                self._silent_s() / 3600,
            )

    def health(self) -> Verdict:
        """Bad when for three periods no plant has got a run."""
        first = dict(list(self.without.items())[:5])
        told = {"plants": self.plants, "silent_s": round(self._silent_s(), 1), "without_weather": first}
        return Verdict(not self._silent(), told)

    def ready(self) -> Verdict:
        """Good once the first collection is done."""
        return Verdict(self.begun, {"plants": self.plants})

    def _silent(self) -> bool:
        return self.plants > 0 and self._silent_s() > _PERIODS * self.every_s

    def _silent_s(self) -> float:
        return max(self.now_s() - self.last_s, 0.0)
