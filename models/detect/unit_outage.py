"""One unit stands still while its peers run."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.detect.common import recent
from models.detect.units import RATING_FIELD, rating_kw, shares
from models.detect.view import F8, WARNING, WINDOW, Bools, Case, Findings, PlantView
from models.state import Field


@dataclass(frozen=True)
class UnitOutage:
    """A unit at no more than 1 % of its rating for 45 minutes while the others' median is over
    `peers_share`.

    A unit whose own anemometer says calm or storm is not judged, nor is one of a plant that a setpoint
    holds down.
    """

    still_share: float = 0.01
    running_share: float = 0.03
    peers_share: float = 0.08
    calm_ms: float = 3.5
    storm_ms: float = 22.0

    name: str = "unit_outage"
    fields: tuple[Field, ...] = (RATING_FIELD,)
    per_unit: bool = True
    opens_after: int = 1
    closes_after: int = 2

    def look(self, view: PlantView) -> Findings:
        rating = rating_kw(view)
        share, peers, could_run = self._judge(view, WINDOW - 1)
        stands = (share <= self.still_share) & could_run
        goes_on = view.is_open(self.name) & stands
        active = goes_on
        if (stands & ~goes_on).any():
            active = goes_on | (stands & self._stood_all_along(view, rating.shape))
        return Findings(
            active=active,
            judged=active | (share > self.running_share),
            severity=np.full(active.shape, WARNING, np.int8),
            expected_kw=peers * rating,
            actual_kw=view.sound_unit_power_kw[..., -1],
            evidence={"peers_share": peers, "rating_kw": rating, "wind_speed_ms": view.unit_wind_ms[..., -1]},
        )

    def _stood_all_along(self, view: PlantView, shape: tuple[int, ...]) -> Bools:
        """No known interval of the last 45 minutes says otherwise, and half are known, shape (N, U)."""
        window = recent(view)
        known = np.zeros(shape, np.int64)
        stood = np.ones(shape, np.bool_)
        for place in np.nonzero(window.any(axis=0))[0]:
            share, _, could_run = self._judge(view, int(place))
            counts = window[:, place, None] & np.isfinite(share)
            known += counts
            stood &= ~counts | ((share <= self.still_share) & could_run)
        enough: Bools = 2 * known >= window.sum(axis=1)[:, None]
        return stood & enough

    def _judge(self, view: PlantView, place: int) -> tuple[F8, F8, Bools]:
        """Share of the rating, the others' median of it, and whether the unit should run; each (N, U)."""
        share, peers = shares(view, place)
        wind_ms = view.unit_wind_ms[..., place]
        fits = np.isnan(wind_ms) | ((wind_ms >= self.calm_ms) & (wind_ms < self.storm_ms))
        free = ~view.bound[:, place, None]
        return share, peers, (peers >= self.peers_share) & fits & free

    def describe(self, case: Case) -> str:
        return f"{case.who} stands still while its peers run"
