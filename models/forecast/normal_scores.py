"""Between power and its normal score in a distribution that 13 knots tell: the quantile function, drawn
straight from knot to knot.

Served for every step of every forecast, so it works on planes: one contiguous array for each knot, element
by element. No batch can change a bit.
"""

from __future__ import annotations

import numpy as np
from scipy.special import ndtri

from models.forecast.base import KNOTS, Floats

LOWEST, HIGHEST = 0.003, 0.997  # levels beyond which a score is not believed
LEVELS = np.array([LOWEST, *KNOTS, HIGHEST])
SCORES = ndtri(LEVELS)
KNOT_SCORES = ndtri(np.array(KNOTS))
NARROW = 0.05  # share; a base narrower than this says nothing of the plant (night)
# The piece of the quantile function that a score lies in, looked up: no cell holds two of its ends.
_CELLS = 44
_CELLS_PER_SCORE = _CELLS / (SCORES[-1] - SCORES[0])
_PIECE = np.searchsorted(SCORES, SCORES[0] + np.arange(_CELLS) / _CELLS_PER_SCORE, side="right") - 1
_ENDS = np.append(SCORES[1:-1], np.inf)  # of each piece; the last one has none
_STEEP = 1.0 / np.diff(SCORES)


def knots(q: Floats) -> Floats:
    """Quantiles q (..., 13) as planes (13, n) of their own."""
    return np.ascontiguousarray(q.reshape(-1, len(KNOTS)).T)


def with_ends(points: Floats) -> Floats:
    """Planes (15, n) from those of the knots (13, n): one more at each end, half a knot's distance out."""
    made = np.empty((len(LEVELS), points.shape[1]))
    made[1:-1] = points
    made[0] = points[0] - 0.5 * (points[1] - points[0])
    made[-1] = points[-1] + 0.5 * (points[-1] - points[-2])
    return made


def rising(points: Floats) -> Floats:
    """The planes (k, n) made to rise, in place."""
    for i in range(1, len(points)):
        np.maximum(points[i - 1], points[i], out=points[i])
    return points


def score(actual: Floats, q: Floats) -> Floats:
    """Normal score (...) of actuals in base distributions q (..., 13); NaN where either is missing or the
    base is narrow.

    A value on a step of the distribution (calm, full power) gets the middle of the step.
    """
    points, flat = with_ends(knots(q)), np.ascontiguousarray(actual).reshape(-1)
    level = np.full(flat.shape, LOWEST)
    with np.errstate(divide="ignore", invalid="ignore"):
        over, span = flat - points[:-1], points[1:] - points[:-1]
        part = np.clip(over / span, 0.0, 1.0)
        step = ~(span > 0.0)
        part[step] = np.where(over[step] == 0.0, 0.5, over[step] > 0.0)
        part *= np.diff(LEVELS)[:, None]
        for piece in part:  # one after another: a sum over an axis adds in an order that the shape decides
            level += piece
    wide = points[-2] - points[1] > NARROW
    found = np.where(np.isfinite(flat) & wide, ndtri(np.clip(level, LOWEST, HIGHEST)), np.nan)
    return found.reshape(actual.shape)


def at_scores(points: Floats, z: Floats) -> Floats:
    """Values (k, n) of rising planes (15, n) at scores z (k, n); flat beyond the outermost."""
    count = points.shape[1]
    column, flat = np.arange(count), points.reshape(-1)
    made = np.empty(z.shape)
    for wanted, found in zip(z, made, strict=True):  # a plane at a time stays in the cache
        cell = ((wanted - SCORES[0]) * _CELLS_PER_SCORE).clip(0.0, _CELLS - 1.0).astype(np.int64)
        piece = _PIECE.take(cell)
        piece += wanted > _ENDS.take(piece)
        weight = ((wanted - SCORES.take(piece)) * _STEEP.take(piece)).clip(0.0, 1.0)
        place = piece * count + column
        lower = flat.take(place)
        place += count
        np.subtract(flat.take(place), lower, out=found)
        found *= weight
        found += lower
    return made
