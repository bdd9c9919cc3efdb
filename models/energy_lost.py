"""Energy that a plant could have made and did not, by unit and cause, from its anomaly events.

An event says how many kWh were missing by each of its records. Between two records they are laid on the
intervals in which the plant stayed most under what was expected, those of a unit on those with most expected.
Where several events speak of the same interval, the most specific one keeps its energy and the others what is
left: unit outage, unit under-performance, outage, curtailment, silent feed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from models.forecast.base import HOUR_MS, Flags, Floats, Ints

#: Detectors by what they mean for the energy, the most specific first.
CAUSES: Final[Mapping[str, str]] = {
    "unit_outage": "outage",
    "unit_underperformance": "under-performance",
    "outage": "outage",
    "curtailment": "curtailment",
    "feed_silent": "feed",
}
LONGEST_ONSET_MS: Final = 24 * HOUR_MS  # before an event opens, within which its first energy went missing
SILENT_BEFORE_MS: Final = 6 * HOUR_MS  # the same for a silence, which is noticed within the hour


@dataclass(frozen=True)
class Told:
    """One record of an event: power [kW], NaN where unknown, and the energy missing since its start [kWh]."""

    at_ms: int
    expected_kw: float
    actual_kw: float
    energy_kwh: float


@dataclass(frozen=True)
class Event:
    """An event with its records in their order; `end_ms` is None while it is open."""

    unit_id: str
    detector: str
    started_ms: int
    end_ms: int | None
    told: Sequence[Told]


@dataclass(frozen=True)
class Course:
    """A plant's intervals (n,) without holes: ends, power measured and expected [kW], NaN where unknown, and
    the price of energy [EUR/MWh], NaN where there is none. `units`: how many units the plant has.
    """

    end_ms: Ints
    step_ms: int
    actual_kw: Floats
    expected_kw: Floats
    price_eur_mwh: Floats
    units: int = 1

    @property
    def hours(self) -> float:
        """Length of an interval."""
        return self.step_ms / HOUR_MS

    @property
    def short_kwh(self) -> Floats:
        """By how much (n,) each interval stayed under what was expected; 0 where unknown."""
        short = np.maximum(self.expected_kw - np.nan_to_num(self.actual_kw), 0.0) * self.hours
        return np.nan_to_num(short)


@dataclass
class Loss:
    """What one cause has cost at one unit (empty: the plant as a whole).

    `hours` in which an event of the cause was open, `unvalued_h` those of them that a forecast would have to
    value, and there is none;
    `eur` is None without prices.
    """

    unit_id: str
    cause: str
    events: int = 0
    hours: float = 0.0
    unvalued_h: float = 0.0
    energy_kwh: float = 0.0
    eur: float | None = None


@dataclass
class _Account:
    """What is left to be given to less specific causes, by interval (n,): kWh of units and of the plant."""

    course: Course
    by_unit: dict[str, Floats] = field(default_factory=dict)
    by_plant: Floats = field(default_factory=lambda: np.empty(0))

    def keep(self, unit_id: str, energy: Floats) -> Floats:
        """The part (n,) of an event's energy that no more specific event has taken, which it now takes."""
        taken = self.by_unit.setdefault(unit_id, np.zeros(len(energy))) if unit_id else self.by_plant
        kept = np.maximum(energy - taken, 0.0)
        if unit_id:
            taken += kept
        self.by_plant += kept
        return kept


def losses(events: Iterable[Event], course: Course, from_ms: int, to_ms: int) -> list[Loss]:
    """Losses of the intervals that end in (from, to], most energy first; causes that cost nothing are kept.

    Events of other detectors lose no energy and are left out. `course` should reach a day further back than
    `from_ms`, so that energy of a record in the range is not laid into it from outside.
    """
    inside = (course.end_ms > from_ms) & (course.end_ms <= to_ms)
    account = _Account(course, by_plant=np.zeros(len(course.end_ms)))
    found: dict[tuple[str, str], Loss] = {}
    order = list(CAUSES)
    ours = [one for one in events if one.detector in CAUSES and one.told]
    for event in sorted(ours, key=lambda e: (order.index(e.detector), e.unit_id, e.started_ms)):
        span = _span(event, course)
        if not (span & inside).any():
            continue
        energy = account.keep(event.unit_id, _energy(event, course, span))
        key = (event.unit_id, CAUSES[event.detector])
        by_forecast = event.detector == "feed_silent" or not _valued(event)
        _add(found.setdefault(key, Loss(*key)), course, energy, span & inside, inside, by_forecast)
    return sorted(found.values(), key=lambda one: (-one.energy_kwh, one.unit_id, one.cause))


def _add(loss: Loss, course: Course, energy: Floats, open_: Flags, inside: Flags, by_forecast: bool) -> None:
    loss.events += 1
    loss.hours += float(open_.sum()) * course.hours
    loss.energy_kwh += float(energy[inside].sum())
    if by_forecast:
        asked = open_ & np.isnan(course.actual_kw) if loss.cause == CAUSES["feed_silent"] else open_
        loss.unvalued_h += float((asked & np.isnan(course.expected_kw)).sum()) * course.hours
    paid = inside & (energy > 0)
    prices = course.price_eur_mwh[paid]
    if np.isfinite(course.price_eur_mwh).any():
        loss.eur = (loss.eur or 0.0) + float((energy[paid] / 1000.0 * prices).sum())


def _span(event: Event, course: Course) -> Flags:
    """The intervals (n,) in which the event was open, or its first energy went missing."""
    begin_ms = _begin_ms(event)
    end_ms = np.inf if event.end_ms is None else event.end_ms
    return np.asarray((course.end_ms > begin_ms) & (course.end_ms - course.step_ms < end_ms))


def _begin_ms(event: Event) -> int:
    """When the energy of the event's first record began to be missing."""
    if event.detector == "feed_silent":
        return event.started_ms - SILENT_BEFORE_MS
    first = event.told[0]
    short_kw = first.expected_kw - first.actual_kw
    if not short_kw > 0:
        return event.started_ms
    return event.started_ms - min(int(first.energy_kwh / short_kw * HOUR_MS), LONGEST_ONSET_MS)


def _energy(event: Event, course: Course, span: Flags) -> Floats:
    """kWh (n,) that the event says, interval by interval."""
    if event.detector == "feed_silent":
        missing = span & np.isnan(course.actual_kw)
        return np.where(missing, np.nan_to_num(np.maximum(course.expected_kw, 0.0)) * course.hours, 0.0)
    if not _valued(event):
        part = 1.0 / max(course.units, 1) if event.unit_id else 1.0
        return np.where(span, course.short_kwh * part, 0.0)
    laid = np.zeros(len(course.end_ms))
    # A unit goes with what the plant should make, whatever its neighbours do.
    where = np.nan_to_num(np.maximum(course.expected_kw, 0.0)) if event.unit_id else course.short_kwh
    before_ms, before_kwh = _begin_ms(event), 0.0
    for one in event.told:
        laid += _laid(course, where, before_ms, one.at_ms, max(one.energy_kwh - before_kwh, 0.0))
        before_ms, before_kwh = one.at_ms, max(one.energy_kwh, before_kwh)
    return laid


def _valued(event: Event) -> bool:
    """Whether the detector had an expectation of its own."""
    return any(one.energy_kwh > 0 or np.isfinite(one.expected_kw) for one in event.told)


def _laid(course: Course, where: Floats, from_ms: int, to_ms: int, energy_kwh: float) -> Floats:
    """Energy laid on the intervals between two times in proportion to `where` (n,); evenly where that is
    nothing.
    """
    made = np.zeros(len(course.end_ms))
    if energy_kwh <= 0 or not len(made):
        return made
    begins = course.end_ms - course.step_ms
    overlap = np.clip(np.minimum(course.end_ms, to_ms) - np.maximum(begins, from_ms), 0, None).astype(float)
    if to_ms <= from_ms:  # all of it at once
        overlap[(begins < to_ms) & (course.end_ms >= to_ms)] = 1.0
        return np.asarray(overlap * energy_kwh)
    weight = overlap * where
    weight = weight if weight.sum() > 0 else overlap
    if not weight.any():
        return made
    # What lies before or after the course is not in it: that part is left out, as if laid evenly.
    inside = float(overlap.sum()) / (to_ms - from_ms)
    return np.asarray(weight / weight.sum() * energy_kwh * inside)
