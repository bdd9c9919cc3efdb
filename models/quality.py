"""How far a feed can be trusted: a score from 0 to 1 for each plant and feed.

The score is the product of three shares, each a running mean that forgets with time: of what came, how much
was *valid* and how much *on time*; of what was due, how much came (*complete*). All vectorised over plants.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from models.state import Field

F8 = NDArray[np.float64]
I8 = NDArray[np.int64]

MEMORY_S: Final = 6 * 3600.0
VALID, ON_TIME, COMPLETE = 0, 1, 2
TELEMETRY: Final = "quality.telemetry"
WEATHER: Final = "quality.weather"
FIELDS: Final[tuple[Field, ...]] = (
    Field(TELEMETRY, "float64", (3,), np.nan),
    Field(WEATHER, "float64", (3,), np.nan),
)


@dataclass(frozen=True)
class Arrivals:
    """What came of a feed between two looks at N plants; each of shape (N,).

    :param came: records, the refused ones among them
    :param refused: records that were no use (out of range, not finite, no value)
    :param late: records that came too late for an issue
    :param due: records that should have come in the time; 0 where nothing was due
    """

    came: F8
    refused: F8
    late: F8
    due: F8


def learn(shares: NDArray[Any], arrivals: Arrivals, elapsed_s: F8) -> None:
    """Take the arrivals of `elapsed_s` seconds into the running shares, in place.

    What says nothing (nothing came, nothing was due) leaves its share as it is.

    :param shares: valid, on time, complete, NaN before the first; shape (N, 3)
    :param elapsed_s: time since the previous look, shape (N,)
    """
    weight = np.clip(elapsed_s / MEMORY_S, 0.0, 1.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        now = (
            np.where(arrivals.came > 0, 1.0 - arrivals.refused / arrivals.came, np.nan),
            np.where(arrivals.came > 0, 1.0 - arrivals.late / arrivals.came, np.nan),
            np.where(arrivals.due > 0, (arrivals.came - arrivals.refused) / arrivals.due, np.nan),
        )
    for column, value in enumerate(now):
        old, new = shares[:, column], np.clip(value, 0.0, 1.0)
        mixed = np.where(np.isnan(old), new, old + weight * (new - old))
        shares[:, column] = np.where(np.isnan(new), old, mixed)


def weather_arrivals(silent_s: F8, usual_s: F8, missing_share: F8, fresh: NDArray[np.bool_]) -> Arrivals:
    """Weather as arrivals: runs are rare, so a plant's newest run is judged at each look.

    :param silent_s: time since the newest run was published, infinite if never, shape (N,)
    :param usual_s: how long its source usually takes from run to run, NaN unknown, shape (N,)
    :param missing_share: part of the newest run's values that are missing, NaN without a run, shape (N,)
    :param fresh: plants that are supposed to have weather at all, shape (N,)
    """
    has_run = np.isfinite(silent_s) & fresh
    overdue = silent_s > np.nan_to_num(1.5 * usual_s, nan=30 * 3600.0)
    return Arrivals(
        came=has_run.astype(np.float64),
        refused=np.where(has_run, np.nan_to_num(missing_share), 0.0),
        late=(has_run & overdue).astype(np.float64),
        due=fresh.astype(np.float64),
    )


def score(shares: NDArray[Any]) -> F8:
    """The score, shape (N,): the product of the shares that are known, NaN where none is."""
    known = np.isfinite(shares)
    product: F8 = np.where(known, shares, 1.0).prod(axis=1)
    return np.where(known.any(axis=1), product, np.nan)
