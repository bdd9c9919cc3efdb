"""What a unit can do: its rating, learned as the highest power seen."""

from __future__ import annotations

from typing import Final

import numpy as np

from models.detect.common import median, unseen
from models.detect.view import F8, Bools, PlantView
from models.state import Field

RATING: Final = "units.rating_kw"
RATING_FIELD: Final = Field(RATING, "float64", ("U",), 0.0)
ALIKE: Final = (0.75, 1.33)


def learn_rating(view: PlantView) -> None:
    """Raise each unit's rating to its new intervals; several detectors may do it at the same look."""
    rating_kw = view.state[RATING]
    for place, new in unseen(view):
        power_kw = view.sound_unit_power_kw[..., place]
        rating_kw[...] = np.where(new[:, None], np.fmax(rating_kw, power_kw), rating_kw)


def rating_kw(view: PlantView) -> F8:
    """Rating of each unit [kW], shape (N, U); NaN for a unit that was never seen to run.

    Units that differ by less than a third are taken for equals with the median's rating, so that a weak
    unit is not mistaken for a small one.
    """
    seen_kw = np.where(view.state[RATING] > 0, view.state[RATING], np.nan)
    usual_kw = median(seen_kw)[:, None]
    alike: Bools = (seen_kw > ALIKE[0] * usual_kw) & (seen_kw < ALIKE[1] * usual_kw)
    return np.where(alike, usual_kw, seen_kw)
