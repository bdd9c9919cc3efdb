"""What records of a journal led to."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from schemas.forecasts import ForecastBlock
from schemas.journal import Bad
from schemas.scores import ScoreBlock


@dataclass
class Outputs:
    """What a batch led to; records are Avro-shaped."""

    forecasts: list[ForecastBlock] = field(default_factory=list)
    scores: list[ScoreBlock] = field(default_factory=list)
    anomalies: list[dict[str, Any]] = field(default_factory=list)
    drift: list[dict[str, Any]] = field(default_factory=list)
    rejected: list[Bad] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
