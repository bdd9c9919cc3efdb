"""How well the feeds of each plant do: what came since its previous issue, and the quality scores."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from models import quality, rings
from models.fleet import Fleet
from models.quality import Arrivals
from models.state import Field

I8 = NDArray[np.int64]
F8 = NDArray[np.float64]
Flags = NDArray[np.bool_]

FIELDS: Final[tuple[Field, ...]] = (*quality.FIELDS, Field("feed_count", "i8", (3,)))


def count(fleet: Fleet, slots: I8, event_time_ms: I8, useful: Flags) -> None:
    """Count telemetry records of some plants; what is stamped before its plant's newest issue is late."""
    counts = fleet.state["feed_count"]
    late = useful & (event_time_ms <= fleet.state["issued_ms"][slots])
    for column, counted in enumerate((slots, slots[~useful], slots[late])):
        rings.count(counts, counted, column)


def learn(fleet: Fleet, slots: I8, issued_at_ms: I8) -> None:
    """Take what came between the previous issue and this one into the quality scores."""
    state = fleet.state
    before = state["issued_ms"][slots]
    elapsed_s = np.where(before < 0, 0.0, (issued_at_ms - before) / 1000.0)
    came, refused, late = state["feed_count"][slots].T.astype(np.float64)
    due = elapsed_s / fleet.scan_s(slots)
    shares = state[quality.TELEMETRY][slots]
    quality.learn(shares, Arrivals(came, refused, late, due), elapsed_s)
    state[quality.TELEMETRY][slots] = shares
    state["feed_count"][slots] = 0
    shares = state[quality.WEATHER][slots]
    quality.learn(shares, _weather(fleet, slots, issued_at_ms), elapsed_s)
    state[quality.WEATHER][slots] = shares


def _weather(fleet: Fleet, slots: I8, issued_at_ms: I8) -> Arrivals:
    outlooks = [fleet.outlooks[s] for s in slots]
    runs = [o.newest_run() for o in outlooks]
    published = np.array([run.published_at_ms if run else -1 for run in runs], np.int64)
    silent_s = np.where(published < 0, np.inf, (issued_at_ms - published) / 1000.0)
    usual_s = np.array([o.usual_s for o in outlooks])
    missing = np.array([o.missing_share for o in outlooks])
    expected: Flags = published >= 0
    return quality.weather_arrivals(silent_s, usual_s, missing, expected)


def scores(fleet: Fleet, slots: I8) -> tuple[F8, F8]:
    """Data quality of telemetry and of weather, 0 to 1, NaN unknown, shape (N,) each."""
    return quality.score(fleet.state[quality.TELEMETRY][slots]), quality.score(
        fleet.state[quality.WEATHER][slots]
    )
