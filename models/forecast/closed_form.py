"""The correction without a net: the plant's standing in its base distribution, as a normal score, fades
with the lead.

z(t + h) is normal with a mean linear in the newest scores and a spread that grows with h; it goes back to
power through the base quantiles at t + h. Where the start weights come from is told in `START`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from models.forecast.base import CorrectionInput, Flags, Floats, Singles, of_planes
from models.forecast.normal_scores import KNOT_SCORES, QuantileFunctions, rising, score

CARRY_HOURS = 16  # a solar plant's score is carried over the night at most so long
FEATURES = ("now", "hour_before", "mean_3h", "mean_6h", "mean_24h", "one")
LEADS_H = (0.25, 1.0, 3.0, 6.0, 24.0)
# Fitted to wind farms of GEFCom2012, GEFCom2014 and La Haute Borne, and to solar plants of GEFCom2014 and
# SERF East.
_WIND_WEATHER = (
    (0.950, -0.050, 0.020, 0.0, 0.010, 0.0),
    (0.835, -0.157, 0.077, -0.024, 0.055, -0.012),
    (0.430, -0.063, -0.001, -0.019, 0.128, -0.029),
    (0.142, -0.032, 0.018, -0.017, 0.164, -0.041),
    (0.051, -0.006, 0.012, 0.014, 0.031, -0.051),
)
_WIND_CLIMATOLOGY = (
    (0.906, -0.053, 0.112, 0.026, -0.003, -0.011),
    (1.003, -0.285, 0.279, -0.091, 0.036, 0.005),
    (0.861, -0.242, 0.218, -0.112, 0.109, 0.0),
    (0.636, -0.264, 0.282, -0.133, 0.182, -0.008),
    (0.236, -0.070, 0.138, -0.010, 0.039, -0.020),
)
_SOLAR_WEATHER = (
    (0.450, 0.0, 0.0, 0.0, 0.100, 0.0),
    (0.360, 0.0, 0.0, 0.0, 0.100, 0.0),
    (0.120, 0.0, 0.0, 0.0, 0.100, 0.0),
    (0.050, 0.0, 0.0, 0.0, 0.080, 0.0),
    (0.030, 0.0, 0.0, 0.0, 0.030, 0.0),
)
_SOLAR_CLIMATOLOGY = (
    (0.820, 0.0, 0.0, 0.0, 0.090, 0.0),
    (0.620, 0.0, 0.0, 0.0, 0.220, 0.0),
    (0.280, 0.0, 0.0, 0.0, 0.420, 0.0),
    (0.120, 0.0, 0.0, 0.0, 0.450, 0.0),
    (0.250, 0.0, 0.0, 0.0, 0.180, 0.0),
)
_WIND_START = (
    (0.908, -0.016, 0.038, 0.005, 0.021, -0.024),
    (0.874, -0.184, 0.149, -0.041, 0.076, 0.001),
    (0.511, -0.084, 0.108, -0.084, 0.227, -0.008),
    (0.245, -0.050, 0.116, -0.135, 0.344, -0.018),
    (0.128, -0.007, 0.097, -0.001, 0.077, -0.019),
)
_SOLAR_START = (
    (0.712, 0.0, 0.0, 0.0, 0.100, -0.028),
    (0.482, 0.0, 0.0, 0.0, 0.149, -0.014),
    (0.062, 0.0, 0.0, 0.0, 0.226, -0.031),
    (-0.087, 0.0, 0.0, 0.0, 0.220, -0.047),
    (0.327, 0.0, 0.0, 0.0, -0.022, 0.010),
)
START = (
    (_WIND_CLIMATOLOGY, _SOLAR_CLIMATOLOGY),
    (_WIND_WEATHER, _SOLAR_WEATHER),
    (_WIND_START, _SOLAR_START),
)
START_SPREAD = (
    ((0.255, 0.347, 0.643, 0.836, 1.044), (0.75, 0.65, 0.80, 0.85, 0.88)),
    ((0.35, 0.69, 1.00, 1.07, 1.08), (0.80, 0.75, 0.85, 0.90, 0.95)),
    ((0.465, 0.514, 0.816, 0.936, 1.147), (0.769, 0.753, 0.934, 0.984, 0.947)),
)
CLIMATOLOGY, WEATHER, PHYSICAL = 0, 1, 2
WIND, SOLAR = 0, 1
_KNOT_SCORES = KNOT_SCORES.astype(np.float32)[:, None]


@dataclass(frozen=True)
class ClosedForm:
    """Weights (3, 2, leads, 6) and spreads (3, 2, leads) of the normal score at `LEADS_H`, interpolated
    between.

    First axis: what the base is made of, `CLIMATOLOGY`, `WEATHER` or `PHYSICAL` (weather through the physical
    start); second: the plant, `WIND` or `SOLAR`.
    """

    weights: Floats = field(default_factory=lambda: np.array(START))
    spread: Floats = field(default_factory=lambda: np.array(START_SPREAD))

    def correct(self, x: CorrectionInput) -> Singles:
        """Quantiles (N, S, 13), rising along the last axis; element by element, so no batch can change a
        bit.
        """
        z = self._scores(x)
        known = np.isfinite(z[0])
        *weights, spread = self._weights(x)
        mean = np.zeros(x.lead_s.shape, np.float32)
        for value, weight in zip(z, weights, strict=True):
            weight *= np.where(known, value, 0.0).astype(np.float32)
            mean += weight
        wanted = spread.reshape(-1) * _KNOT_SCORES
        wanted += mean.reshape(-1)
        points = x.base_points()
        q = rising(QuantileFunctions(points).at(wanted))
        if not known.all():
            open_steps = ~np.broadcast_to(known, x.lead_s.shape).reshape(-1)
            np.copyto(q, points[1:-1], where=open_steps)
        return of_planes(q.reshape(-1, *x.lead_s.shape))

    def _scores(self, x: CorrectionInput) -> list[Floats]:
        """The six features in the kind of base that each step has, (N, S), or (N, 1) where all have one."""
        if x.weather_based.all():
            return [v[:, None] for v in scores(x, WEATHER).T]
        usual = [v[:, None] for v in scores(x, CLIMATOLOGY).T]
        if not x.weather_based.any():
            return usual
        own = scores(x, WEATHER).T
        return [np.where(x.weather_based, w[:, None], v) for w, v in zip(own, usual, strict=True)]

    def _weights(self, x: CorrectionInput) -> Singles:
        """Weights and, as the last one, spread (7, N, S) at the lead times."""
        position = np.interp(lead_position(x.lead_rows / 3600.0), _POSITIONS, np.arange(len(LEADS_H)))
        left = np.minimum(position.astype(np.int64), len(LEADS_H) - 2)
        part = position - left
        base = np.where(x.physical, PHYSICAL, np.where(x.weather_based, WEATHER, CLIMATOLOGY))
        kind = base * 2 + x.is_solar[:, None]
        table = np.concatenate([self.weights, self.spread[..., None]], axis=-1)
        flat = np.ascontiguousarray(table.reshape(-1, len(FEATURES) + 1).T)
        if len(left) == 1:  # one set of lead times: one line for each kind
            lower, upper = (flat.reshape(len(flat), -1, len(LEADS_H))[..., left[0] + i] for i in (0, 1))
            lines = (lower + part * (upper - lower)).astype(np.float32)
            if (kind == kind[:, :1]).all():
                return np.asarray(lines.take(kind[:, 0], axis=1))
            return np.asarray(lines[:, kind, np.arange(kind.shape[1])])
        row = kind * len(LEADS_H) + left
        lower = flat[:, row]
        return np.asarray(lower + part * (flat[:, row + 1] - lower), np.float32)


def lead_position(lead_h: Floats) -> Floats:
    """A scale of lead times on which weights change evenly: logarithmic beyond an hour."""
    return np.log1p(np.maximum(lead_h, 0.0))


_POSITIONS = lead_position(np.array(LEADS_H))


def scores(x: CorrectionInput, base: int) -> Floats:
    """The six features (N, 6) of the plant's normal score in its base of one kind (`CLIMATOLOGY`, `WEATHER`).

    The first is NaN where nothing is known of it.
    """
    weather = base == WEATHER
    if weather:
        now, hourly = x.standing
    else:
        now, hourly = score(x.last, x.usual_last), score(x.trailing, x.usual_trailing)
    now = np.where(np.isfinite(now), now, hourly[:, 0])
    carried, before = _carried(hourly, x.is_solar)
    now = np.where(np.isfinite(now), now, carried)
    before = np.where(np.isfinite(before), before, now)
    means = [np.where(np.isfinite(m), m, now) for m in means_of(hourly, (3, 6, 24))]
    return np.stack([now, before, *means, np.ones(len(now))], axis=1)


def _carried(hourly: Floats, is_solar: Flags) -> tuple[Floats, Floats]:
    """The newest known hourly score (N,) and the one before it, of the last 16 h for solar, of the last 2 h
    for wind.
    """
    shown, rows = hourly[:, :CARRY_HOURS], np.arange(len(hourly))
    allowed = np.isfinite(shown) & (is_solar[:, None] | (np.arange(CARRY_HOURS) < 2))
    found = []
    for _ in range(2):
        first = allowed.argmax(axis=1)
        found.append(np.where(allowed[rows, first], shown[rows, first], np.nan))
        allowed[rows, first] = False
    return found[0], found[1]


def means_of(hourly: Floats, windows: Sequence[int]) -> list[Floats]:
    """By window the mean (..., N) of the known ones of so many newest hours (..., N, hours), summed in a
    fixed order; NaN where none is known.
    """
    known = np.isfinite(hourly)
    total = np.cumsum(np.where(known, hourly, 0.0), axis=-1)
    count = np.cumsum(known, axis=-1)
    made = []
    for hours in windows:
        of = count[..., hours - 1]
        made.append(np.where(of > 0, total[..., hours - 1] / np.maximum(of, 1), np.nan))
    return made
