"""What a drift test says, and the record that is made of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

Event = dict[str, Any]

QUIET_MS: Final = 3 * 86_400_000


@dataclass(frozen=True)
class Finding:
    """A change that matters.

    :param subject: `error`, or the name of an input
    :param statistic: of the test that noticed it
    :param p_value: None where the test has none
    :param before, after: mean level before and after; errors as shares of capacity, inputs in their own unit
    :param sentence: in plain words, without a full stop
    """

    detector: str
    subject: str
    statistic: float
    p_value: float | None
    before: float
    after: float
    sentence: str


@dataclass(frozen=True)
class Occasion:
    """The issue at which the test was made, and the release in use then."""

    plant_id: str
    issued_at_ms: int
    known_at_ms: int
    model: str
    version: str

    def record(self, finding: Finding) -> Event:
        """The record of `model.drift`."""
        return {
            "plant_id": self.plant_id,
            "detector": finding.detector,
            "subject": finding.subject,
            "event_time": self.issued_at_ms,
            "known_at": self.known_at_ms,
            "statistic": round(finding.statistic, 6),
            "p_value": finding.p_value,
            "before": round(finding.before, 6),
            "after": round(finding.after, 6),
            "model": self.model,
            "version": self.version,
            "message": f"Plant {self.plant_id}: {finding.sentence}",
        }
