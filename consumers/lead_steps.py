"""Forecasts of a topic, reduced to the steps at the lead times that are scored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from consumers.digest import TimeRange
from consumers.identity import identity
from consumers.scan import Advance, Scan, silent
from consumers.skill import LeadSteps
from models.steps import LEADS_S
from schemas.codec import Codec

if TYPE_CHECKING:
    from infra.settings import Settings

_FORECAST = "Forecast"
_Row = tuple[int, int, int, int, float, list[float]]


@dataclass
class Gathered:
    """Rows by plant and levels; a forecast counts once."""

    _seen: set[Any] = field(default_factory=set)
    _rows: dict[tuple[str, tuple[float, ...]], list[_Row]] = field(default_factory=dict)

    def add(self, record: Mapping[str, Any]) -> None:
        """Take in a forecast."""
        name = identity(_FORECAST, record)
        if name in self._seen:
            return
        self._seen.add(name)
        levels = tuple(record["levels"])
        rows = self._rows.setdefault((record["plant_id"], levels), [])
        place = {valid_at: step for step, valid_at in enumerate(record["valid_at"])}
        for lead_s in LEADS_S:
            step = place.get(record["issued_at"] + lead_s * 1000)
            if step is not None:
                rows.append(_row(record, lead_s, step, len(levels)))

    def steps(self) -> dict[str, LeadSteps]:
        """The steps of each plant. Where a plant's levels have changed: those of the most steps."""
        made: dict[str, LeadSteps] = {}
        for (plant_id, levels), rows in sorted(self._rows.items(), key=lambda item: len(item[1])):
            if rows:
                made[plant_id] = _columns(rows, levels)
        return dict(sorted(made.items()))


def _row(record: Mapping[str, Any], lead_s: int, step: int, levels: int) -> _Row:
    quantiles = record["power_kw"][step * levels : (step + 1) * levels]
    interval_s, rung = record["interval_s"][step], record["rung"][step]
    return record["issued_at"], lead_s, interval_s, rung, record["capacity_kw"], quantiles


def _columns(rows: list[_Row], levels: tuple[float, ...]) -> LeadSteps:
    issued, lead, interval, rung, capacity, quantiles = zip(*rows, strict=True)
    return LeadSteps(
        issued_ms=np.array(issued, np.int64),
        lead_s=np.array(lead, np.int64),
        interval_s=np.array(interval, np.int64),
        rung=np.array(rung, np.int64),
        capacity_kw=np.array(capacity, np.float64),
        quantiles=np.array(quantiles, np.float64),
        levels=np.array(levels, np.float64),
    )


def read_steps(
    settings: Settings,
    codec: Codec,
    topic: str,
    within: TimeRange | None = None,
    advance: Advance = silent,
) -> dict[str, LeadSteps]:
    """The scored steps of a forecast topic, by plant; `within` is of issue times.

    Raises:
        InputError: there is no such topic.
        ServiceUnavailable: Kafka does not answer.
    """
    gathered, part = Gathered(), within or TimeRange()
    for found in Scan(settings, codec, topic, advance):
        if found.name == _FORECAST and part.holds(found.record["issued_at"]):
            gathered.add(found.record)
    return gathered.steps()
