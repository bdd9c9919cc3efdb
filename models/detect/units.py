"""What a unit can do: its rating, learned as the highest power seen."""

from __future__ import annotations

from typing import Final

import numpy as np

from models.detect.common import median, median_of_others, unseen
from models.detect.view import F8, Bools, PlantView
from models.state import Field

RATING: Final = "units.rating_kw"
RATING_FIELD: Final = Field(RATING, "float64", ("U",), 0.0)
ALIKE: Final = (0.75, 1.33)


def highest_kw(view: PlantView) -> F8:
    """The rating that each unit was seen to have [kW], raised to its new intervals, shape (N, U)."""
    return view.once("units.highest_kw", lambda: _learn(view))


def _learn(view: PlantView) -> F8:
    rating_kw = view.state[RATING]
    for place, new in unseen(view):
        power_kw = view.sound_unit_power_kw[..., place]
        rating_kw[...] = np.where(new[:, None], np.fmax(rating_kw, power_kw), rating_kw)
    return rating_kw


def rating_kw(view: PlantView) -> F8:
    """Rating of each unit [kW], shape (N, U); NaN for a unit that was never seen to run.

    Units that differ by less than a third are taken for equals with the median's rating, so that a weak
    unit is not mistaken for a small one.
    """
    return view.once("units.rating_kw", lambda: _rating_kw(highest_kw(view)))


def _rating_kw(highest_kw: F8) -> F8:
    seen_kw = np.where(highest_kw > 0, highest_kw, np.nan)
    usual_kw = median(seen_kw)[:, None]
    alike: Bools = (seen_kw > ALIKE[0] * usual_kw) & (seen_kw < ALIKE[1] * usual_kw)
    return np.where(alike, usual_kw, seen_kw)


def shares(view: PlantView, place: int) -> tuple[F8, F8]:
    """In one interval the share of its rating that each unit makes, and the others' median, (N, U) each."""

    def made() -> tuple[F8, F8]:
        share = view.sound_unit_power_kw[..., place] / rating_kw(view)
        return share, median_of_others(share)

    return view.once(("units.shares", place), made)
