"""Between power and its normal score in a distribution that 13 knots tell: the quantile function, drawn
straight from knot to knot.

Served for every step of every forecast, so it works on planes: one contiguous array for each knot, element
by element. No batch can change a bit.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from scipy.special import ndtri

from models.forecast.base import KNOTS, Floats, Reals, planes_of

LOWEST, HIGHEST = 0.003, 0.997  # levels beyond which a score is not believed
LEVELS = np.array([LOWEST, *KNOTS, HIGHEST])
SCORES = ndtri(LEVELS)
KNOT_SCORES = ndtri(np.array(KNOTS))
NARROW = 0.05  # share; a base narrower than this says nothing of the plant (night)
# The quantile function has a piece between two of its points each and, beyond them, one at either end that is
# flat. The piece that a score lies in is looked up by cell: no cell holds two of the points.
_CELLS: Final = 44
_CELLS_PER_SCORE: Final = float(_CELLS / (SCORES[-1] - SCORES[0]))
_FIRST_CELL: Final = float(1.0 - SCORES[0] * _CELLS_PER_SCORE)
_PIECE = np.searchsorted(SCORES, SCORES[0] + np.arange(-1, _CELLS + 1) / _CELLS_PER_SCORE, side="right")
_PIECE[[0, -1]] = 0, len(SCORES)
_END = np.append(SCORES, np.inf)[_PIECE]  # of the piece that a cell begins in
_STEEP = (1.0 / np.diff(SCORES))[:, None]


def knots(q: Reals) -> Reals:
    """Quantiles q (..., 13) as planes (13, n)."""
    return planes_of(q).reshape(q.shape[-1], -1)


def with_ends(points: Reals) -> Reals:
    """Planes (15, n) from those of the knots (13, n), made to rise, with one more at each end, half a knot's
    distance out.
    """
    made = np.empty((len(LEVELS), points.shape[1]), points.dtype)
    made[1:-1] = points
    rising(made[1:-1])
    made[0] = made[1] - 0.5 * (made[2] - made[1])
    made[-1] = made[-2] + 0.5 * (made[-2] - made[-3])
    return made


def rising(points: Reals) -> Reals:
    """The planes (k, n) made to rise, in place."""
    for i in range(1, len(points)):
        np.maximum(points[i - 1], points[i], out=points[i])
    return points


def score(actual: Floats, q: Reals) -> Floats:
    """Normal score (...) of actuals in base distributions q (..., 13); NaN where either is missing or the
    base is narrow.

    A value on a step of the distribution (calm, full power) gets the middle of the step.
    """
    points, flat = with_ends(knots(q)), np.ascontiguousarray(actual).reshape(-1)
    level = np.full(flat.shape, LOWEST)
    with np.errstate(divide="ignore", invalid="ignore"):
        over, span = flat - points[:-1], points[1:] - points[:-1]
        part = np.divide(over, span)
        np.minimum(np.maximum(part, 0.0, out=part), 1.0, out=part)
        step = ~(span > 0.0)
        if step.any():
            part[step] = np.where(over[step] == 0.0, 0.5, over[step] > 0.0)
        part *= np.diff(LEVELS)[:, None]
        for piece in part:  # one after another: a sum over an axis adds in an order that the shape decides
            level += piece
    wide = points[-2] - points[1] > NARROW
    found = np.where(np.isfinite(flat) & wide, ndtri(np.clip(level, LOWEST, HIGHEST)), np.nan)
    return found.reshape(actual.shape)


class QuantileFunctions:
    """n of them, told by planes (15, n) that rise; flat beyond the outermost."""

    def __init__(self, points: Reals) -> None:
        """Of each piece (16, n) where it begins and how steep it is, told by line: begin + steep * score."""
        shape = len(points) + 1, points.shape[1]
        self._begin, self._steep = np.empty(shape, points.dtype), np.zeros(shape, points.dtype)
        inner = self._steep[1:-1]
        np.subtract(points[1:], points[:-1], out=inner)
        inner *= _STEEP.astype(points.dtype)
        np.multiply(inner, SCORES[:-1, None].astype(points.dtype), out=self._begin[1:-1])
        np.subtract(points[:-1], self._begin[1:-1], out=self._begin[1:-1])
        self._begin[0], self._begin[-1] = points[0], points[-1]

    def at(self, z: Reals) -> Reals:
        """Values (k, n) at scores z (k, n), finite."""
        kind, count = z.dtype.type, z.shape[1]
        cell = z * kind(_CELLS_PER_SCORE)
        cell += kind(_FIRST_CELL)
        near = cell.astype(np.intp)
        place = _PIECE.take(near, mode="clip")
        place += z > _END.astype(z.dtype).take(near, mode="clip", out=cell)
        place *= count
        place += np.arange(count)
        made = self._steep.reshape(-1).take(place, mode="clip", out=cell)
        made *= z
        made += self._begin.reshape(-1).take(place)
        return made
