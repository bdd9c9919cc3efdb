"""One forecast for each of N plants: telemetry and outlook in, published quantiles out.

Base quantiles (weather, else climatology) -> correction towards the telemetry -> published levels ->
calibration -> known limits -> limits of the plant. A step's rung (`schemas/rungs.py`) says which inputs it
had.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from models import calibration, rings, start_scale, unclean
from models.fleet import SETPOINT, Fleet, Past, past_of
from models.forecast import conformal, limits
from models.forecast.base import (
    HOUR_MS,
    KNOTS,
    TRAILING_HOURS,
    CorrectionInput,
    Reals,
    Singles,
    of_planes,
    to_levels,
)
from models.outlook import skies_of
from models.release import Release
from models.sides import Side
from models.skies import Skies
from models.spans import PAST_H, Spans, at_intervals, clear_shape, hour_of, touched
from models.steps import Steps, steps_of
from models.windows import MILLI_PER_KW
from schemas.rungs import Rung

I8 = NDArray[np.int64]
F8 = NDArray[np.float64]
T = TypeVar("T", bound=np.generic)

AT_ONCE: Final = 128  # plants
WORTH_ONE: Final = 48  # plants of one time within the hour that are forecast apart from others
LIMIT_HOLDS_S: Final = 3600  # a setpoint seen now is assumed to hold this long


@dataclass(frozen=True)
class Made:
    """Forecasts of N plants, S steps, K levels, as published: whole multiples of 1 / GRID of capacity."""

    slots: I8
    issued_at_ms: I8
    steps: Steps
    shares: NDArray[np.int16]  # (N, S, K)
    available: NDArray[np.int16]  # (N, S), the median before known limits
    rung: NDArray[np.int8]  # (N, S)
    release: Release


@dataclass(frozen=True)
class _Bases:
    """Weather base where there is one, else climatology, of steps and past; the climatology of the past, NaN
    for a plant whose base is weather throughout; and where the steps' base is weather.
    """

    steps: Singles  # (N, S, 13)
    weather_based: NDArray[np.bool_]  # (N, S)
    physical: NDArray[np.bool_]  # (N, S)
    past: Singles  # (N, 25, 13), the trailing hours and the newest interval
    usual_past: Singles  # (N, 25, 13)
    dark: NDArray[np.bool_]  # (N, S)


def make(fleet: Fleet, side: Side, issued_at_ms: I8, release: Release, resolution_s: int) -> Made:
    """Forecast plants of one resolution by one release, their champion or their shadow: so many at a time
    that what is worked on stays in the processor's cache.
    """
    if side.slots.size <= AT_ONCE:
        return _make(fleet, side, issued_at_ms, release, resolution_s)
    blocks = _blocks(fleet.state["solar"][side.slots], issued_at_ms % HOUR_MS)
    parts = [_make(fleet, side.take(rows), issued_at_ms[rows], release, resolution_s) for rows in blocks]
    place = np.argsort(np.concatenate(blocks))

    def joined(column: Callable[[Made], NDArray[T]]) -> NDArray[T]:
        return np.concatenate([column(part) for part in parts])[place]

    steps = Steps(joined(lambda made: made.steps.valid_at_ms), joined(lambda made: made.steps.interval_s))
    return Made(
        side.slots,
        issued_at_ms,
        steps,
        joined(lambda made: made.shares),
        joined(lambda made: made.available),
        joined(lambda made: made.rung),
        release,
    )


def _blocks(solar: NDArray[np.bool_], in_hour_ms: I8) -> list[I8]:
    """The places of plants that are forecast together: where there are enough of one time within the hour,
    whose steps have the same lead times, these apart; plants with a sun apart from those without.
    """
    order = np.lexsort((solar, in_hour_ms))
    alike = np.split(order, np.flatnonzero(np.diff(in_hour_ms[order])) + 1)
    few = [group for group in alike if group.size < WORTH_ONE]
    many = [group for group in alike if group.size >= WORTH_ONE]
    groups = [*many, np.concatenate(few)] if few else many
    return [block for group in groups for block in np.array_split(group, -(-group.size // AT_ONCE))]


def _make(fleet: Fleet, side: Side, issued_at_ms: I8, release: Release, resolution_s: int) -> Made:
    settings, slots = fleet.settings, side.slots
    steps = steps_of(issued_at_ms, resolution_s, settings)
    past = past_of(fleet, slots, issued_at_ms, resolution_s, TRAILING_HOURS)
    past = replace(past, trailing=unclean.looked_past(fleet, slots, issued_at_ms, past.trailing))
    bases = _bases(fleet, side, issued_at_ms, steps, past)
    fresh_ms = max(HOUR_MS, 2 * resolution_s * 1000)
    heard: NDArray[np.bool_] = np.isfinite(past.last) & (issued_at_ms - past.last_end_ms <= fresh_ms)
    if settings.blind:
        heard = np.zeros_like(heard)
    q = bases.steps
    if heard.any():
        told = _correction_input(fleet, slots, issued_at_ms, steps, past, bases)
        if heard.all():
            q = release.correct(told)
        else:
            rows = np.flatnonzero(heard)
            q[rows] = release.correct(told.take(rows))
    rung = (2 * ~bases.weather_based + ~heard[:, None]).astype(np.int8)
    rung[bases.physical] = Rung.PHYSICAL_START
    levels = to_levels(q, settings.levels)
    if not settings.blind:
        low, high = calibration.factors(
            side.learned.columns, side.learned.rows, rung, steps.lead_s(issued_at_ms)
        )
        levels = conformal.widen(levels, settings.levels, low, high)
    return _publish(fleet, side, issued_at_ms, steps, levels, rung, ~bases.dark, release)


def _bases(fleet: Fleet, side: Side, issued_at_ms: I8, steps: Steps, past: Past) -> _Bases:
    count = steps.interval_s.shape[1]
    back = issued_at_ms[:, None] - np.arange(TRAILING_HOURS) * HOUR_MS
    ends = np.concatenate([steps.valid_at_ms, back, past.last_end_ms[:, None]], axis=1)
    lengths = np.full(ends.shape, 3600, np.int64)
    lengths[:, :count] = steps.interval_s
    lengths[:, -1] = fleet.state["resolution_s"][side.slots]
    sunny, skies = skies_of(side.outlooks, ends)
    times = _Times.of(ends, lengths, sunny, skies)
    weather = [o.weather for o in side.outlooks]
    champions = side.learned.columns is fleet.state
    runs = fleet.weather.of(side.slots, weather, touched(ends)) if champions else Spans.of(weather)
    base = times.knots(runs.scaled(lambda: start_scale.scale(fleet, side.slots)))
    known = np.isfinite(base[..., 0])
    usual_past = np.broadcast_to(np.float32(np.nan), base[:, count:].shape)
    dark = np.zeros(steps.valid_at_ms.shape, np.bool_)
    if skies is not None:
        dark[sunny] = ~skies.daylight(steps.valid_at_ms[sunny], steps.interval_s[sunny])
    unlocated = fleet.state["solar"][side.slots]
    unlocated[sunny] = False
    rows = np.flatnonzero(unlocated | ~known.all(axis=1))
    if rows.size:
        usual = times.take(rows).knots(_climatology(fleet, side, rows, issued_at_ms))
        base[rows] = np.where(known[rows, :, None], base[rows], usual)
        usual_past = of_planes(np.full((base.shape[2], len(base), ends.shape[1] - count), np.nan, np.float32))
        usual_past[rows] = usual[:, count:]
        dark[rows] |= unlocated[rows, None] & (usual[:, :count, -1] < limits.DARK_SHARE)
    physical = known[:, :count] & runs.starts(hour_of(steps.valid_at_ms))
    return _Bases(base[:, :count], known[:, :count], physical, base[:, count:], usual_past, dark)


def _climatology(fleet: Fleet, side: Side, rows: I8, issued_at_ms: I8) -> Spans:
    first = issued_at_ms[rows] // HOUR_MS - PAST_H
    hours = PAST_H + fleet.settings.horizon_s // 3600 + 3
    outlooks = zip((side.outlooks[row] for row in rows.tolist()), first.tolist(), strict=True)
    return Spans.of([o.climatology_to(f, f + hours) for o, f in outlooks])


@dataclass(frozen=True)
class _Stretch:
    """Neighbouring intervals: whole UTC hours, which need no line between hours (`whole`), or others, with
    their clear sky where some plant has a sun (`at_intervals`).
    """

    columns: slice
    whole: bool
    shape: F8 | None


@dataclass(frozen=True)
class _Times:
    """Intervals (N, M) of N plants whose knots are wanted."""

    ends_ms: I8
    interval_s: I8
    stretches: list[_Stretch]

    @classmethod
    def of(cls, ends_ms: I8, interval_s: I8, sunny: I8, skies: Skies | None) -> _Times:
        """``skies`` of the plants in the places ``sunny``."""
        whole = ((interval_s == 3600) & (ends_ms % HOUR_MS == 0)).all(axis=0)
        cuts = [0, *(np.flatnonzero(whole[1:] != whole[:-1]) + 1).tolist(), whole.size]
        stretches = []
        for first, end in pairwise(cuts):
            columns, shape = slice(first, end), None
            if skies is not None and not whole[first]:
                shape = np.ones((len(ends_ms), end - first, 3))
                ends, lengths = ends_ms[sunny, columns], interval_s[sunny, columns]
                shape[sunny] = clear_shape(skies.clear_of, ends, lengths)
            stretches.append(_Stretch(columns, bool(whole[first]), shape))
        return cls(ends_ms, interval_s, stretches)

    def take(self, rows: I8) -> _Times:
        """The same for some of the plants."""
        stretches = [
            one if one.shape is None else replace(one, shape=one.shape[rows]) for one in self.stretches
        ]
        return _Times(self.ends_ms[rows], self.interval_s[rows], stretches)

    def knots(self, spans: Spans) -> Singles:
        """Knots (N, M, 13), NaN where unknown, plane by plane."""
        made = of_planes(np.empty((len(KNOTS), *self.ends_ms.shape), np.float32))
        for one in self.stretches:
            ends_ms, interval_s = self.ends_ms[:, one.columns], self.interval_s[:, one.columns]
            if one.whole:
                made[:, one.columns] = spans(hour_of(ends_ms))
            else:
                made[:, one.columns] = at_intervals(spans, ends_ms, interval_s, one.shape)
        return made


def _correction_input(
    fleet: Fleet, slots: I8, issued_at_ms: I8, steps: Steps, past: Past, bases: _Bases
) -> CorrectionInput:
    return CorrectionInput(
        plant_ids=[fleet.ids[s] for s in slots],
        is_solar=fleet.state["solar"][slots],
        last=past.last,
        last_age_s=(issued_at_ms - past.last_end_ms) / 1000.0,
        base_last=bases.past[:, -1],
        trailing=past.trailing,
        base_trailing=bases.past[:, :-1],
        usual_last=bases.usual_past[:, -1],
        usual_trailing=bases.usual_past[:, :-1],
        base=bases.steps,
        lead_s=steps.lead_s(issued_at_ms),
        interval_s=steps.interval_s.astype(np.float64),
        daylight=~bases.dark,
        hour_of_day=steps.valid_at_ms / HOUR_MS % 24,
        issue_hour=issued_at_ms / HOUR_MS % 24,
        weather_based=bases.weather_based,
        physical=bases.physical,
    )


def _publish(
    fleet: Fleet,
    side: Side,
    issued_at_ms: I8,
    steps: Steps,
    levels: Reals,
    rung: NDArray[np.int8],
    daylight: NDArray[np.bool_],
    release: Release,
) -> Made:
    median = fleet.settings.level(0.5)
    lowest = np.array([release.min_share(outlook.plant) for outlook in side.outlooks])
    shares = np.ascontiguousarray(limits.publish(levels, lowest, daylight))
    available = shares[..., median]
    cap = _setpoint_share(fleet, side.slots, issued_at_ms)
    if np.isfinite(cap).any():
        near = steps.lead_s(issued_at_ms) <= LIMIT_HOLDS_S
        ceiling = np.where(near & np.isfinite(cap)[:, None], cap[:, None], np.inf)
        below = np.minimum(levels, ceiling[..., None].astype(levels.dtype))
        shares = np.ascontiguousarray(limits.publish(below, lowest, daylight))
    return Made(side.slots, issued_at_ms, steps, shares, available, rung, release)


def _setpoint_share(fleet: Fleet, slots: I8, issued_at_ms: I8) -> F8:
    """The setpoint of the newest interval in shares of capacity where it limits the plant, NaN elsewhere."""
    state = fleet.state
    interval = (issued_at_ms // (state["resolution_s"][slots] * 1000) - 1)[:, None]
    sums, counts = rings.window(*fleet.ring("sensed", SETPOINT), slots, interval)
    share = sums[:, 0] / np.maximum(counts[:, 0], 1) / MILLI_PER_KW / state["capacity_kw"][slots]
    return np.where((counts[:, 0] > 0) & (share < 0.98) & (not fleet.settings.blind), share, np.nan)
