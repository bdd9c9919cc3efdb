"""Log-factors of the bands: for each plant, rung and lead time one for the low side and one for the high
side.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.forecast import conformal
from models.forecast.base import once
from models.state import Field, FleetState
from models.steps import LEADS_S
from schemas.rungs import Rung

I8 = NDArray[np.int64]
F8 = NDArray[np.float64]

RUNGS: Final = len(Rung)
FIELDS: Final = (
    Field("band_low", "f8", (RUNGS, len(LEADS_S))),
    Field("band_high", "f8", (RUNGS, len(LEADS_S))),
    Field("band_matured", "f8", (RUNGS, len(LEADS_S))),
)
_LOG_LEADS: Final = np.log(LEADS_S)


def factors(state: FleetState, slots: I8, rung: NDArray[np.int8], lead_s: F8) -> tuple[F8, F8]:
    """Log-factors of both sides at the steps of N forecasts, on the line between lead times in log(lead).

    :param rung, lead_s: shape (N, S)
    """
    place = np.interp(np.log(once(lead_s)), _LOG_LEADS, np.arange(len(LEADS_S)))
    left = np.minimum(place.astype(np.int64), len(LEADS_S) - 2)
    weight = place - left
    first = (slots[:, None] * RUNGS + rung) * len(LEADS_S) + left

    def at(name: str) -> F8:
        flat = state[name].reshape(-1)
        return np.asarray(flat.take(first) * (1 - weight) + flat.take(first + 1) * weight)

    return at("band_low"), at("band_high")


def learn(state: FleetState, slots: I8, rung: I8, actual: F8, low: F8, high: F8) -> None:
    """Move the factors by what has matured; shares of capacity, shape (N, leads), NaN teaches nothing."""
    place = (slots[:, None], rung, np.arange(len(LEADS_S)))
    log_low, log_high, matured = (state[name] for name in ("band_low", "band_high", "band_matured"))
    moved = conformal.learn(log_low[place], log_high[place], matured[place], actual, low, high)
    log_low[place], log_high[place], matured[place] = moved


def start_again(state: FleetState, slot: int) -> None:
    """Another release serves: keep the factors, but learn quickly again."""
    state["band_matured"][slot] = np.minimum(state["band_matured"][slot], 80.0)
